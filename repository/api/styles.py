"""/api/styles, and the styles below a product and below a collection."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router

from repository import styles
from repository.api import schemas
from repository.api.presenting_styles import default_json, style_json, style_links
from repository.api.principals import caller, request_links
from repository.api.queries import Limit, page_json
from repository.api.receiving_styles import definition_of, received_style
from repository.catalogue import find_collection, find_product
from repository.errors import BadRequest, NotFound
from repository.models import Product, Style
from repository.policy import require_writer
from repository.rendering_style import RenderingStyle
from repository.style_files import qml_writing, sld_writing
from repository.styles import DEFAULT, Home

router = Router(tags=["styles"])
of_products = Router(tags=["styles"])
of_collections = Router(tags=["styles"])

STYLE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["definition"],
                    "properties": {
                        "id": {"type": "string"},
                        "title": {"type": "string"},
                        "definition": {"$ref": "#/components/schemas/StyleInput"},
                    },
                }
            },
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "id": {"type": "string"},
                        "title": {"type": "string"},
                    },
                }
            },
            "application/xml": {"schema": {"type": "string"}},
        },
    }
}
WRITERS = {
    "qml": (qml_writing.write_qml, qml_writing.MEDIA_TYPE),
    "sld": (sld_writing.write_sld, sld_writing.MEDIA_TYPE),
}


@router.get("", response=schemas.StylePage)
def list_styles(request: HttpRequest, limit: Limit = 100, cursor: str = "") -> Any:
    """The styles that the caller may see: of maps, of collections, and the caller's own."""
    rows, after = styles.search(caller(request), limit=limit, after=cursor)
    links = request_links(request)
    return page_json(request, [style_json(row, links) for row in rows], after)


@router.post("", response={201: schemas.StyleOutput}, openapi_extra=STYLE_BODY)
def create_any_style(request: HttpRequest, response: HttpResponse) -> Any:
    """A new style of a product or a collection that the body names, else of one's library."""
    body = received_style(request)
    return _created(request, _home(request, body.sent.collection, body.sent.product), response)


@router.get("/{uuid:style_id}.{extension}", url_name="style-file")
def download_any_style(request: HttpRequest, style_id: uuid.UUID, extension: str) -> HttpResponse:
    """The style as a file: qml or sld."""
    row = styles.find_by_id(caller(request), style_id)
    return _file(row.definition, row.name, extension, row.product or row.collection)


@router.get("/{uuid:style_id}", response=schemas.StyleOutput)
def read_any_style(request: HttpRequest, style_id: uuid.UUID) -> Any:
    """One style."""
    return style_json(styles.find_by_id(caller(request), style_id), request_links(request))


@router.patch("/{uuid:style_id}", response=schemas.StyleOutput)
def change_any_style(request: HttpRequest, style_id: uuid.UUID, payload: schemas.StylePatch) -> Any:
    """Change its title or its definition."""
    return _changed(request, styles.find_by_id(caller(request), style_id), payload)


@router.delete("/{uuid:style_id}", response={204: None})
def delete_any_style(request: HttpRequest, style_id: uuid.UUID) -> Any:
    """Forget a style."""
    styles.remove(caller(request), styles.find_by_id(caller(request), style_id))
    return 204, None


@of_products.get("/{c}/{p}/styles", response=schemas.StylePage)
def list_product_styles(request: HttpRequest, c: str, p: str) -> Any:
    """The styles that a product offers: its default, its own, and its collection's that fit."""
    product, links = find_product(caller(request), c, p), request_links(request)
    rows = styles.offered(caller(request), product)
    items = [default_json(product, links), *(style_json(row, links, product) for row in rows)]
    return {"items": items, "next": None}


@of_products.post("/{c}/{p}/styles", response={201: schemas.StyleOutput}, openapi_extra=STYLE_BODY)
def create_product_style(request: HttpRequest, c: str, p: str, response: HttpResponse) -> Any:
    """A new style of a product, as JSON or as a style file."""
    return _created(request, find_product(caller(request), c, p), response)


@of_products.get("/{c}/{p}/styles/{name}.qml", url_name="product-style-qml")
def product_style_qml(request: HttpRequest, c: str, p: str, name: str) -> HttpResponse:
    """The style for QGIS."""
    return _product_file(request, c, p, name, "qml")


@of_products.get("/{c}/{p}/styles/{name}.sld", url_name="product-style-sld")
def product_style_sld(request: HttpRequest, c: str, p: str, name: str) -> HttpResponse:
    """The style as SLD 1.0."""
    return _product_file(request, c, p, name, "sld")


@of_products.get("/{c}/{p}/styles/{name}", response=schemas.StyleOutput)
def read_product_style(request: HttpRequest, c: str, p: str, name: str) -> Any:
    """One style that a product offers."""
    product, links = find_product(caller(request), c, p), request_links(request)
    if name == DEFAULT:
        return default_json(product, links)
    return style_json(styles.find_offered(caller(request), product, name), links, product)


@of_products.put(
    "/{c}/{p}/styles/{name}",
    response={200: schemas.StyleOutput, 201: schemas.StyleOutput}, openapi_extra=STYLE_BODY,
)  # fmt: skip
def put_product_style(
    request: HttpRequest, c: str, p: str, name: str, response: HttpResponse
) -> Any:
    """Make or replace a style of a product."""
    return _put(request, find_product(caller(request), c, p), name, response)


@of_products.patch("/{c}/{p}/styles/{name}", response=schemas.StyleOutput)
def change_product_style(
    request: HttpRequest, c: str, p: str, name: str, payload: schemas.StylePatch
) -> Any:
    """Change a product's own style."""
    product = find_product(caller(request), c, p)
    return _changed(request, styles.find(caller(request), product, name), payload)


@of_products.delete("/{c}/{p}/styles/{name}", response={204: None})
def delete_product_style(request: HttpRequest, c: str, p: str, name: str) -> Any:
    """Forget a product's own style."""
    product = find_product(caller(request), c, p)
    styles.remove(caller(request), styles.find(caller(request), product, name))
    return 204, None


@of_collections.get("/{c}/styles", response=schemas.StylePage)
def list_collection_styles(request: HttpRequest, c: str) -> Any:
    """The styles of a collection, which every product with the bands offers."""
    rows = styles.styles_of(caller(request), find_collection(caller(request), c)).order_by("name")
    links = request_links(request)
    return {"items": [style_json(row, links) for row in rows], "next": None}


@of_collections.post("/{c}/styles", response={201: schemas.StyleOutput}, openapi_extra=STYLE_BODY)
def create_collection_style(request: HttpRequest, c: str, response: HttpResponse) -> Any:
    """A new style for all products of a collection."""
    return _created(request, find_collection(caller(request), c), response)


@of_collections.get("/{c}/styles/{name}.qml", url_name="collection-style-qml")
def collection_style_qml(request: HttpRequest, c: str, name: str) -> HttpResponse:
    """The style for QGIS."""
    row = styles.find(caller(request), find_collection(caller(request), c), name)
    return _file(row.definition, name, "qml", None)


@of_collections.get("/{c}/styles/{name}.sld", url_name="collection-style-sld")
def collection_style_sld(request: HttpRequest, c: str, name: str) -> HttpResponse:
    """The style as SLD 1.0."""
    row = styles.find(caller(request), find_collection(caller(request), c), name)
    return _file(row.definition, name, "sld", None)


@of_collections.get("/{c}/styles/{name}", response=schemas.StyleOutput)
def read_collection_style(request: HttpRequest, c: str, name: str) -> Any:
    """One style of a collection."""
    collection = find_collection(caller(request), c)
    return style_json(styles.find(caller(request), collection, name), request_links(request))


@of_collections.put(
    "/{c}/styles/{name}",
    response={200: schemas.StyleOutput, 201: schemas.StyleOutput}, openapi_extra=STYLE_BODY,
)  # fmt: skip
def put_collection_style(request: HttpRequest, c: str, name: str, response: HttpResponse) -> Any:
    """Make or replace a style of a collection."""
    return _put(request, find_collection(caller(request), c), name, response)


@of_collections.patch("/{c}/styles/{name}", response=schemas.StyleOutput)
def change_collection_style(
    request: HttpRequest, c: str, name: str, payload: schemas.StylePatch
) -> Any:
    """Change a style of a collection; its products follow."""
    collection = find_collection(caller(request), c)
    return _changed(request, styles.find(caller(request), collection, name), payload)


@of_collections.delete("/{c}/styles/{name}", response={204: None})
def delete_collection_style(request: HttpRequest, c: str, name: str) -> Any:
    """Forget a style of a collection."""
    collection = find_collection(caller(request), c)
    styles.remove(caller(request), styles.find(caller(request), collection, name))
    return 204, None


def _home(request: HttpRequest, c: str, p: str) -> Home:
    if p and not c:
        raise BadRequest("A product is named with its collection.", code="invalid_field")
    if p:
        return find_product(caller(request), c, p)
    return find_collection(caller(request), c) if c else None


def _created(request: HttpRequest, home: Home, response: HttpResponse, name: str = "") -> Any:
    require_writer(caller(request))
    sent = received_style(request, name).read_for(home)
    row = styles.create(caller(request), home, sent.new)
    links = request_links(request)
    product = home if isinstance(home, Product) else None
    response["Location"] = style_links(row, links, None)["self"]
    return 201, style_json(row, links, product, sent.warnings)


def _put(request: HttpRequest, home: Home, name: str, response: HttpResponse) -> Any:
    require_writer(caller(request))
    try:
        row = styles.find(caller(request), home, name)
    except NotFound:
        return _created(request, home, response, name)
    sent = received_style(request, name).read_for(home)
    row = styles.change(caller(request), row, title=sent.new.title or row.title,
                        definition=sent.new.definition)  # fmt: skip
    product = home if isinstance(home, Product) else None
    return 200, style_json(row, request_links(request), product, sent.warnings)


def _changed(request: HttpRequest, row: Style, payload: schemas.StylePatch) -> Any:
    definition = definition_of(payload.definition) if payload.definition else None
    row = styles.change(caller(request), row, title=payload.title, definition=definition)
    return style_json(row, request_links(request), row.product)


def _product_file(request: HttpRequest, c: str, p: str, name: str, extension: str) -> HttpResponse:
    product = find_product(caller(request), c, p)
    if name == DEFAULT:
        return _file(product.style or {}, f"{p}-default", extension, product)
    row = styles.find_offered(caller(request), product, name)
    return _file(row.definition, name, extension, product)


def _file(definition: dict[str, Any], name: str, extension: str, home: Home) -> HttpResponse:
    if extension not in WRITERS:
        raise NotFound("A style file is qml or sld.", code="unknown_format")
    write, media_type = WRITERS[extension]
    body = write(RenderingStyle.from_json(definition), styles.bands_of(home))
    response = HttpResponse(body, content_type=media_type)
    response["Content-Disposition"] = f'attachment; filename="{name}.{extension}"'
    return response
