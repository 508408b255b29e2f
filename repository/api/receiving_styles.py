"""A style as it is sent: JSON, or a style file of QGIS or SLD in a form or as the whole body."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeVar

from django.http import HttpRequest
from pydantic import BaseModel, ValidationError

from repository.api import schemas
from repository.api.receiving import received_files
from repository.errors import BadRequest, TooLarge, WrongMediaType
from repository.names import id_from_file_name
from repository.style_files.reading import read_style_file
from repository.style_files.xml_reading import MAX_BYTES
from repository.styles import Home, NewStyle, bands_of

XML_TYPES = frozenset(
    {
        "application/xml", "text/xml", "application/vnd.ogc.sld+xml", "application/vnd.ogc.se+xml",
        "application/x-qgis-layer-settings",
    }
)  # fmt: skip

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class SentStyle:
    """What came, with what was lost of it."""

    new: NewStyle
    collection: str = ""
    product: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class StyleBody:
    """A request's body before the bands are known that a style file is read with."""

    sent: SentStyle
    content: bytes = b""
    """Of a style file; empty: `sent` is complete."""

    def read_for(self, home: Home) -> SentStyle:
        """The style for this place. Raises BadRequest `invalid_style`."""
        if not self.content:
            return self.sent
        found = read_style_file(self.content, bands_of(home))
        title = self.sent.new.title or found.title
        new = NewStyle(self.sent.new.name, found.definition, title)
        return replace(self.sent, new=new, warnings=found.warnings)


def received_style(request: HttpRequest, name: str = "") -> StyleBody:
    """The style in a request; `name` is that of the address, where it has one.

    Raises BadRequest, TooLarge, WrongMediaType.
    """
    kind = request.content_type or ""
    if kind == "multipart/form-data":
        return _form(request, name)
    if kind in XML_TYPES:
        query = {key: request.GET.get(key, "") for key in ("id", "title", "collection", "product")}
        return _file(request.body, query, name)
    if kind == "application/json":
        payload = parsed(schemas.AnyNewStyleInput, request.body)
        definition = definition_of(payload.definition)
        named = name or payload.id or id_from_file_name(payload.title or "style")
        new = NewStyle(named, definition, payload.title)
        return StyleBody(SentStyle(new, payload.collection, payload.product))
    raise WrongMediaType("Send JSON, a form with a file, or a style file as XML.",
                         hint="curl -F file=@style.qml ...")  # fmt: skip


def definition_of(payload: schemas.StyleInput) -> dict[str, Any]:
    """The definition as `repository.style_rules` takes it."""
    return payload.dict(exclude={"name"})


def parsed(model: type[Model], body: bytes) -> Model:
    """The body as that shape. Raises BadRequest `invalid_field`."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise BadRequest(
            f"{place or 'The body'}: {error.errors()[0]['msg']}", code="invalid_field",
            hint="The fields are described at /api/openapi.json.",
        ) from None  # fmt: skip


def _form(request: HttpRequest, name: str) -> StyleBody:
    files = received_files(request, "file")
    if not files:
        raise BadRequest("The form has no file.", code="file_missing",
                         hint="curl -F file=@style.qml ...")  # fmt: skip
    if len(files) > 1:
        raise BadRequest("Send one style file at a time.", code="one_file_only")
    fields = {key: str(value) for key, value in request.POST.items()}
    return read_upload(files[0].path.read_bytes(), files[0].name or "", fields, name)


def read_upload(content: bytes, file_name: str, fields: dict[str, str], name: str) -> StyleBody:
    """A file of a form; its name names the style unless the form does."""
    stem = file_name.rpartition("/")[2].rsplit(".", 1)[0]
    fields = {"id": id_from_file_name(stem or "style"), **{k: v for k, v in fields.items() if v}}
    return _file(content, {"title": stem[:300], **fields}, name)


def _file(content: bytes, fields: dict[str, str], name: str) -> StyleBody:
    if len(content) > MAX_BYTES:
        raise TooLarge(f"A style file has {MAX_BYTES // 2**20} MB at most.")
    if not content.strip():
        raise BadRequest("The style file is empty.", code="empty_file")
    title = fields.get("title", "")[:300]
    named = name or fields.get("id") or id_from_file_name(title or "style")
    sent = SentStyle(NewStyle(named, {}, title), fields.get("collection", ""),
                     fields.get("product", ""))  # fmt: skip
    return StyleBody(sent, content)
