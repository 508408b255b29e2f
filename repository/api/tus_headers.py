"""Headers of tus 1.0.0: what a request says, and what we answer."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import Any

from django.conf import settings
from starlette.datastructures import Headers

from repository.errors import BadRequest, TooLarge, WrongChecksum, WrongMediaType
from repository.models import ResumableUpload
from repository.models.collection import MAX_DESCRIPTION

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,termination,checksum,expiration,concatenation"
CHECKSUMS = ("sha256", "sha1", "md5")
BODY_TYPE = "application/offset+octet-stream"
TEXT_FIELDS = ("id", "title", "description", "datetime", "visibility")
"""Metadata that become fields of the product; `filename` and `collection` have places of their
own, and unknown ones (`filetype`) are kept and given back, as tus asks."""


@dataclass(frozen=True)
class Creation:
    """What a POST says of the upload to be."""

    length: int
    """Bytes."""
    metadata: str
    """As sent."""
    file_name: str = "upload"
    collection: str = ""
    request: dict[str, Any] = field(default_factory=dict)
    is_partial: bool = False
    """A piece that will be joined with others."""
    pieces: tuple[str, ...] = ()
    """Ids of the pieces that the upload is to be joined from; `length` is then 0."""

    def about(self) -> dict[str, Any]:
        """What is said of any upload, however its bytes come."""
        return {"metadata": self.metadata, "file_name": self.file_name,
                "collection": self.collection, "request": self.request}  # fmt: skip


@dataclass
class Checksum:
    """A digest that the client sent along with a body."""

    algorithm: str
    expected: bytes

    def __post_init__(self) -> None:
        self._digest = hashlib.new(self.algorithm, usedforsecurity=False)

    def update(self, block: bytes) -> None:
        """Take the next bytes."""
        self._digest.update(block)

    def verify(self) -> None:
        """Raise WrongChecksum unless the bytes are those that were meant."""
        if self._digest.digest() != self.expected:
            raise WrongChecksum("These bytes do not have the checksum that came with them.",
                                hint="Send them again.")  # fmt: skip


def capabilities() -> dict[str, str]:
    """The answer to OPTIONS."""
    return {
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Max-Size": str(settings.MAX_UPLOAD_BYTES),
        "Tus-Checksum-Algorithm": ",".join(CHECKSUMS),
    }


def creation_of(headers: Headers) -> Creation:
    """The upload that a POST asks for. Raises BadRequest or TooLarge."""
    if "upload-defer-length" in headers:
        raise BadRequest("This server takes uploads whose length is known.",
                         code="unsupported_extension", hint="Send Upload-Length.")  # fmt: skip
    pieces = _pieces(headers.get("upload-concat"))
    length = 0 if pieces else whole_number(headers, "upload-length")
    if length > settings.MAX_UPLOAD_BYTES:
        raise TooLarge(f"{length:,} bytes are announced; this server takes "
                       f"{settings.MAX_UPLOAD_BYTES:,} at most.")  # fmt: skip
    text = headers.get("upload-metadata", "")
    fields = _metadata(text)
    if len(fields.get("title", "")) > 300:
        raise BadRequest("A title has 300 characters at most.", code="invalid_field")
    if len(fields.get("description", "")) > MAX_DESCRIPTION:
        raise BadRequest(
            f"A description has {MAX_DESCRIPTION:,} characters at most.", code="invalid_field"
        )
    return Creation(
        length, text, fields.get("filename") or "upload", fields.get("collection", ""),
        {name: fields[name] for name in TEXT_FIELDS if fields.get(name)},
        is_partial=pieces == (), pieces=pieces or (),
    )  # fmt: skip


def _pieces(concat: str | None) -> tuple[str, ...] | None:
    """`Upload-Concat`: None where it is absent, nothing for a piece, the pieces' ids for a whole
    (tus 1.0.0, concatenation). Raises BadRequest `invalid_header`."""
    if concat is None:
        return None
    kind, _, addresses = concat.strip().partition(";")
    pieces = tuple(address.rstrip("/").rpartition("/")[2] for address in addresses.split())
    if (kind, bool(pieces)) not in {("partial", False), ("final", True)}:
        raise BadRequest("Upload-Concat cannot be read.", code="invalid_header",
                         hint="Write partial, or final; and the addresses of the "
                         "pieces.")  # fmt: skip
    return pieces


def _metadata(text: str) -> dict[str, str]:
    """`Upload-Metadata`: keys with base64 values, separated by commas (tus 1.0.0, creation)."""
    fields: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        key, _, value = pair.partition(" ")
        try:
            decoded = base64.b64decode(value.strip(), validate=True).decode()
        except ValueError:  # no base64, or not of UTF-8
            raise _bad_metadata(f"{key[:50]} cannot be read.") from None
        if key in fields or "\0" in decoded:
            raise _bad_metadata(f"{key[:50]} is there twice, or is not made of text.")
        fields[key] = decoded
    return fields


def _bad_metadata(detail: str) -> BadRequest:
    return BadRequest(f"Upload-Metadata: {detail}", code="invalid_metadata",
                      hint="Write key and base64 of UTF-8 text, with a space between, "
                      "and commas between pairs.")  # fmt: skip


def whole_number(headers: Headers, name: str) -> int:
    """A header that must be a whole number from 0 up. Raises BadRequest `invalid_header`."""
    text = headers.get(name, "")
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise BadRequest(f"{name.title()} must be a whole number, not {text[:30]!r}.",
                         code="invalid_header")  # fmt: skip
    return int(text)


def checksum_of(headers: Headers) -> Checksum | None:
    """`Upload-Checksum: algorithm base64`. Raises BadRequest `invalid_checksum`."""
    text = headers.get("upload-checksum")
    if text is None:
        return None
    algorithm, _, value = text.partition(" ")
    try:
        expected = base64.b64decode(value.strip(), validate=True)
    except ValueError:
        expected = b""
    if algorithm not in CHECKSUMS or not expected:
        raise BadRequest("Upload-Checksum cannot be read.", code="invalid_checksum",
                         hint=f"Write one of {CHECKSUMS}, then base64.")  # fmt: skip
    return Checksum(algorithm, expected)


def require_body_type(headers: Headers) -> None:
    """Raise WrongMediaType unless the body is a part of a file."""
    if headers.get("content-type", "").partition(";")[0].strip().lower() != BODY_TYPE:
        raise WrongMediaType(f"The bytes of an upload are sent as {BODY_TYPE}.")


def state_headers(upload: ResumableUpload) -> dict[str, str]:
    """Offset, expiry and job: in every answer about an upload."""
    headers = {"Upload-Expires": format_datetime(upload.expires, usegmt=True)}
    # The offset of what is still being joined would not be one to go on at.
    if upload.is_whole or not upload.made_of:
        headers["Upload-Offset"] = str(upload.received)
    if upload.job_id is not None:
        headers["Upload-Job"] = f"/api/jobs/{upload.job_id}"
    return headers


def full_headers(upload: ResumableUpload) -> dict[str, str]:
    """The answer to HEAD."""
    headers = state_headers(upload) | {"Upload-Length": str(upload.length)}
    if upload.metadata:
        headers["Upload-Metadata"] = upload.metadata
    if upload.is_partial:
        headers["Upload-Concat"] = "partial"
    if upload.made_of:
        addresses = " ".join(f"/api/uploads/{piece}" for piece in upload.made_of)
        headers["Upload-Concat"] = f"final;{addresses}"
    return headers
