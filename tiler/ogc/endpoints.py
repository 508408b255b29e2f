"""What each address of OGC API answers: catalogue, then pygeoapi, then HTTP."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from django.conf import settings
from pygeoapi.api import describe_collections, get_collection_schema
from pygeoapi.api.coverages import get_collection_coverage
from pygeoapi.api.itemtypes import (
    get_collection_item,
    get_collection_items,
    get_collection_queryables,
)
from starlette.responses import Response

from repository.asgi import cache_control
from repository.errors import NotFound
from tiler.ogc.answers import document_answer, file_answer, tagged_answer
from tiler.ogc.asking import (
    ITEM_PARAMETERS,
    Asked,
    check_item_parameters,
    collection_paging,
    item_paging,
    own_properties,
    require_known,
)
from tiler.ogc.coverage_request import parse_coverage_request
from tiler.ogc.coverages import GEOTIFF, MEDIA_TYPES
from tiler.ogc.definitions import (
    coverage_definition,
    described_collection,
    described_coverage,
    feature_definition,
)
from tiler.ogc.documents import CONFORMANCE, OPENAPI, landing_page
from tiler.ogc.features import collection_text
from tiler.ogc.negotiation import coverage_format
from tiler.ogc.openapi import openapi_document
from tiler.ogc.page_links import with_page_links
from tiler.ogc.pygeoapi_calls import document
from tiler.ogc.records import CollectionRecord
from tiler.ogc.resources import VisibleCatalogue, open_catalogue

STATIC_SECONDS, LIST_SECONDS, PRODUCT_SECONDS = 300, 10, 60

GEOJSON = "application/geo+json"


def landing(asked: Asked) -> Response:
    """OGC API Common, 7.2."""
    return _static(asked, landing_page(settings.SITE_TITLE, asked.base_url), settings.SITE_TITLE)


def conformance(asked: Asked) -> Response:
    """OGC API Common, 7.4."""
    return _static(asked, CONFORMANCE, "Conformance")


def api_description(asked: Asked) -> Response:
    """OpenAPI 3.0."""
    described = openapi_document(settings.SITE_TITLE, asked.base_url)
    return _static(asked, described, "API", media_type=OPENAPI)


def collections(asked: Asked) -> Response:
    """One page of the collections that the caller may see."""
    require_known(asked.parameters, {"limit", "offset"})
    limit, offset = collection_paging(asked.parameters)
    with open_catalogue(asked.authorization, asked.cookies) as catalogue:
        records, matched = catalogue.collections(limit, offset)
        public = catalogue.is_public
    resources = {record.id: feature_definition(record, asked.links) for record in records}
    _, content = asked.call(describe_collections, resources=resources)
    listed = document(content)
    for entry, record in zip(listed["collections"], records, strict=True):
        described_collection(entry, record)
    listed |= {"numberMatched": matched, "numberReturned": len(records)}
    with_page_links(listed, f"{asked.base_url}/collections", asked.parameters, limit=limit,
                    offset=offset, media_type="application/json")  # fmt: skip
    return _listed(asked, listed, "Collections", public=public)


def collection(asked: Asked) -> Response:
    """A collection `{c}`, or a product `{c}:{p}` as a coverage."""
    require_known(asked.parameters)
    if asked.product:
        return _coverage_collection(asked)
    with open_catalogue(asked.authorization, asked.cookies) as catalogue:
        record = catalogue.collection(asked.collection, extent=True)
        public = catalogue.is_public
    definition = feature_definition(record, asked.links)
    _, content = asked.call(describe_collections, asked.name, resources={asked.name: definition})
    described = described_collection(document(content), record)
    return _listed(asked, described, record.title, public=public)


def schema(asked: Asked) -> Response:
    """Properties of items, or bands of a coverage (OGC API Features, part 5)."""
    return _properties(asked, get_collection_schema)


def queryables(asked: Asked) -> Response:
    """What items can be searched by (OGC API Features, part 3)."""
    return _properties(asked, get_collection_queryables)


def items(asked: Asked) -> Response:
    """A collection's products as features."""
    limit, offset = item_paging(asked.parameters)
    check_item_parameters(asked.parameters)
    with open_catalogue(asked.authorization, asked.cookies) as catalogue:
        # Everybody's products lie in collections that everybody sees, so for the public
        # a page with items proves its collection: a third of the cost is saved.
        unproved = catalogue.is_public and not asked.product
        if unproved:
            record = CollectionRecord(asked.collection, asked.collection)
        else:
            record = _collection_of_items(asked, catalogue)
        wanted = own_properties(asked.parameters)
        own = catalogue.property_types(record.id, wanted) if wanted else {}
        require_known(asked.parameters, ITEM_PARAMETERS | own.keys())
        written: list[str] = []
        definition = feature_definition(
            record, asked.links, source=catalogue.items(record.id), property_types=own,
            crs=asked.parameters.get("crs", ""), written=written,
        )  # fmt: skip
        headers, content = asked.call(
            get_collection_items, record.id, resources={record.id: definition},
            parameters=_for_pygeoapi(asked, limit, offset),
        )  # fmt: skip
        if unproved and not written:
            catalogue.collection(record.id)
        public = catalogue.is_public
    listed = document(content)
    with_page_links(listed, f"{asked.base_url}/collections/{record.id}/items", asked.parameters,
                    limit=limit, offset=offset, media_type=GEOJSON)  # fmt: skip
    del listed["timeStamp"]  # the answer's tag would change with every second
    text = collection_text(listed, written)
    return _listed(asked, text, record.title, public=public, media_type=GEOJSON,
                   headers={"content-crs": headers["Content-Crs"]})  # fmt: skip


def item(asked: Asked) -> Response:
    """One product as a feature."""
    require_known(asked.parameters, {"crs"})
    check_item_parameters(asked.parameters)
    crs = asked.parameters.get("crs", "")
    with open_catalogue(asked.authorization, asked.cookies) as catalogue:
        record = _collection_of_items(asked, catalogue)
        source = catalogue.items(record.id)
        definition = feature_definition(record, asked.links, source=source, crs=crs)
        headers, content = asked.call(
            get_collection_item, record.id, asked.item, resources={record.id: definition},
            parameters={"crs": crs} if crs else {},
        )  # fmt: skip
        public = catalogue.is_public
    feature = document(content)
    return _listed(asked, feature, feature["properties"]["title"], public=public,
                   media_type=GEOJSON, headers={"content-crs": headers["Content-Crs"]})  # fmt: skip


def coverage(asked: Asked) -> Response:
    """A product's pixels as GeoTIFF or CoverageJSON."""
    format_ = coverage_format(asked.parameters.get("f"), asked.headers.get("accept", ""))
    request = parse_coverage_request(asked.parameters.multi_items())
    with open_catalogue(asked.authorization, asked.cookies) as catalogue:
        if not asked.product:
            catalogue.collection(asked.collection)
            raise NotFound("A collection of products has no coverage of its own.",
                           hint=f"Ask for {asked.collection}:PRODUCT.")  # fmt: skip
        record = catalogue.coverage(asked.collection, asked.product)
    caching = cache_control(is_public=record.is_public, seconds=PRODUCT_SECONDS)
    question = hashlib.blake2b(f"{format_} {request}".encode(), digest_size=8).hexdigest()
    etag = f'"{record.etag}-{question}"'
    known = tagged_answer(asked.headers, etag, caching)
    if known is not None:
        return known
    definition = coverage_definition(record, asked.links, request, format_)
    _, content = asked.call(
        get_collection_coverage, record.name, resources={record.name: definition}, f=format_
    )
    file_name = f"{record.product}.{'tif' if format_ == GEOTIFF else 'covjson'}"
    return file_answer(content, MEDIA_TYPES[format_], file_name, etag=etag, caching=caching)


def _coverage_collection(asked: Asked) -> Response:
    with open_catalogue(asked.authorization, asked.cookies) as catalogue:
        record = catalogue.coverage(asked.collection, asked.product)
    definition = coverage_definition(record, asked.links)
    _, content = asked.call(describe_collections, asked.name, resources={asked.name: definition})
    described = described_coverage(document(content), record, asked.links)
    caching = cache_control(is_public=record.is_public, seconds=PRODUCT_SECONDS)
    return document_answer(described, asked.headers, as_page=asked.wants_page, title=record.title,
                           caching=caching)  # fmt: skip


def _properties(asked: Asked, function: Callable[..., Any]) -> Response:
    require_known(asked.parameters)
    with open_catalogue(asked.authorization, asked.cookies) as catalogue:
        public = catalogue.is_public
        if asked.product:
            record = catalogue.coverage(asked.collection, asked.product)
            public = record.is_public
            definition = coverage_definition(record, asked.links)
        else:
            found = catalogue.collection(asked.collection)
            own = catalogue.property_types(asked.collection)
            definition = feature_definition(found, asked.links, property_types=own)
    _, content = asked.call(function, asked.name, resources={asked.name: definition})
    return _listed(asked, document(content), definition["title"], public=public,
                   media_type="application/schema+json")  # fmt: skip


def _collection_of_items(asked: Asked, catalogue: VisibleCatalogue) -> CollectionRecord:
    if asked.product:
        catalogue.coverage(asked.collection, asked.product)
        raise NotFound("A product has no items of its own.",
                       hint=f"It is an item of {asked.collection}.")  # fmt: skip
    return catalogue.collection(asked.collection)


def _for_pygeoapi(asked: Asked, limit: int, offset: int) -> dict[str, str]:
    parameters = {**dict(asked.parameters), "limit": str(limit), "offset": str(offset)}
    if "sortby" in parameters:  # an unquoted + has become a space
        parameters["sortby"] = parameters["sortby"].replace(" ", "+")
    return parameters


def _static(
    asked: Asked, described: dict[str, Any], title: str, media_type: str = "application/json"
) -> Response:
    """Wrong credentials are refused here too: a client finds out on the first page."""
    require_known(asked.parameters)
    with open_catalogue(asked.authorization, asked.cookies):
        pass
    caching = cache_control(is_public=True, seconds=STATIC_SECONDS)
    return document_answer(described, asked.headers, media_type=media_type,
                           as_page=asked.wants_page, title=title, caching=caching)  # fmt: skip


def _listed(
    asked: Asked, listed: dict[str, Any] | str, title: str, *, public: bool,
    media_type: str = "application/json", headers: dict[str, str] | None = None,
) -> Response:  # fmt: skip
    caching = cache_control(is_public=public, seconds=LIST_SECONDS)
    return document_answer(listed, asked.headers, media_type=media_type, as_page=asked.wants_page,
                           title=title, caching=caching, headers=headers)  # fmt: skip
