"""The description of OGC API as OpenAPI 3.0: data, with generic paths for all collections."""

from __future__ import annotations

from typing import Any

from tiler.ogc.pygeoapi_calls import MAX_ITEMS

Schema = dict[str, Any]

STRING: Schema = {"type": "string"}


def openapi_document(title: str, base_url: str) -> dict[str, Any]:
    """The whole document; `base_url` has no slash at its end."""
    return {
        "openapi": "3.0.3",
        "info": {"title": title, "version": "1.0.0",
                 "description": "OGC API Features and Coverages over the catalogue."},
        "servers": [{"url": base_url}],
        "tags": [{"name": name} for name in ("Capabilities", "Features", "Coverages")],
        "paths": {
            path: {"get": _operation(path, *row)} for path, row in _OPERATIONS.items()
        },
        "components": {
            "parameters": {name: _parameter(name, *row) for name, row in _PARAMETERS.items()},
            "responses": {
                "Problem": {
                    "description": "What is wrong, as a problem document (RFC 9457)",
                    "content": {"application/problem+json": {"schema": _PROBLEM}},
                }
            },
        },
    }  # fmt: skip


def _operation(
    path: str, operation_id: str, tag: str, summary: str, media_types: tuple[str, ...],
    parameters: tuple[str, ...],
) -> dict[str, Any]:  # fmt: skip
    named = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    content = {
        media_type: {"schema": {"type": "string", "format": "binary"}
                     if media_type.startswith("image/") else {"type": "object"}}
        for media_type in media_types
    }  # fmt: skip
    problem = {"$ref": "#/components/responses/Problem"}
    return {
        "operationId": operation_id,
        "tags": [tag],
        "summary": summary,
        "parameters": [
            {"$ref": f"#/components/parameters/{name}"} for name in (*named, *parameters)
        ],
        "responses": {
            "200": {"description": summary, "content": content},
            **dict.fromkeys(("400", "401", "404", "410"), problem),
        },
    }


def _parameter(name: str, where: str, description: str, schema: Schema) -> dict[str, Any]:
    plain = {"crsUri": "crs", "formatOfCoverage": "f"}.get(name, name)
    parameter: dict[str, Any] = {
        "name": plain, "in": where, "description": description,
        "required": where == "path", "schema": schema,
    }  # fmt: skip
    if where == "query":
        parameter |= {"style": "form", "explode": schema.get("type") == "object"}
    return parameter


_BOX: Schema = {"type": "array", "minItems": 4, "maxItems": 6, "items": {"type": "number"}}
_NAMES: Schema = {"type": "array", "items": STRING}

_PROBLEM: Schema = {
    "type": "object",
    "required": ["title", "status", "code"],
    "properties": {"type": STRING, "title": STRING, "status": {"type": "integer"},
                   "detail": STRING, "code": STRING, "hint": STRING},
}  # fmt: skip

_PARAMETERS: dict[str, tuple[str, str, Schema]] = {
    "collectionId": ("path", "A collection `{c}`, or a product `{c}:{p}`", STRING),
    "itemId": ("path", "A product's id", STRING),
    "f": ("query", "Format", {"type": "string", "enum": ["json", "html"], "default": "json"}),
    "limit": ("query", "Most entries of one page", {
        "type": "integer", "minimum": 1, "maximum": MAX_ITEMS, "default": 10}),
    "offset": ("query", "Entries to leave out", {"type": "integer", "minimum": 0, "default": 0}),
    "bbox": ("query", "left,bottom,right,top in bbox-crs, by default CRS84", _BOX),
    "bbox-crs": ("query", "URI of the CRS of bbox", {"type": "string", "format": "uri"}),
    "crsUri": ("query", "URI of the CRS of the answer", {"type": "string", "format": "uri"}),
    "datetime": ("query", "Instant, or interval start/end with .. for open", STRING),
    "q": ("query", "Words of title, description, id or keywords", STRING),
    "sortby": ("query", "Properties to sort by; a leading - turns the order round", _NAMES),
    "properties": ("query", "Properties (bands of a coverage) to answer with", _NAMES),
    "skipGeometry": ("query", "Leave the geometry out", {"type": "boolean", "default": False}),
    "filters": ("query", "Any queryable, compared for equality", {
        "type": "object", "additionalProperties": STRING}),
    "subset": ("query", "Part along axes, such as Lat(48.5:51.1),Lon(12.1:18.9)", STRING),
    "scale-size": ("query", "Cells along axes, such as x(512),y(256)", STRING),
    "scale-factor": ("query", "What both numbers of cells are divided by", {
        "type": "number", "minimum": 0, "exclusiveMinimum": True}),
    "scale-axes": ("query", "What numbers of cells are divided by, such as x(2),y(4)", STRING),
    "formatOfCoverage": ("query", "Format", {
        "type": "string", "enum": ["GTiff", "json"], "default": "GTiff"}),
}  # fmt: skip

_JSON = ("application/json", "text/html")
_GEOJSON = ("application/geo+json", "text/html")
_SCHEMA = ("application/schema+json", "text/html")
_ONE = "/collections/{collectionId}"

_OPERATIONS: dict[str, tuple[str, str, str, tuple[str, ...], tuple[str, ...]]] = {
    "/": ("getLandingPage", "Capabilities", "Landing page", _JSON, ("f",)),
    "/conformance": ("getConformance", "Capabilities", "What is implemented", _JSON, ("f",)),
    "/api": ("getApi", "Capabilities", "This document",
             ("application/vnd.oai.openapi+json;version=3.0", "text/html"), ("f",)),
    "/collections": ("getCollections", "Capabilities", "The collections", _JSON,
                     ("f", "limit", "offset")),
    _ONE: ("describeCollection", "Capabilities", "One collection", _JSON, ("f",)),
    f"{_ONE}/queryables": ("getQueryables", "Features", "What items can be searched by",
                           _SCHEMA, ("f",)),
    f"{_ONE}/schema": ("getSchema", "Capabilities", "Properties of items, or bands of a coverage",
                       _SCHEMA, ("f",)),
    f"{_ONE}/items": ("getItems", "Features", "Footprints of a collection's products", _GEOJSON,
                      ("f", "limit", "offset", "bbox", "bbox-crs", "crsUri", "datetime", "q",
                       "sortby", "properties", "skipGeometry", "filters")),
    f"{_ONE}/items/{{itemId}}": ("getItem", "Features", "One product's footprint", _GEOJSON,
                                 ("f", "crsUri")),
    f"{_ONE}/coverage": ("getCoverage", "Coverages", "Pixels of a product",
                         ("image/tiff; application=geotiff", "application/prs.coverage+json"),
                         ("formatOfCoverage", "bbox", "bbox-crs", "subset", "scale-size",
                          "scale-factor", "scale-axes", "properties", "datetime")),
}  # fmt: skip
