"""The documents that never ask the catalogue: landing page and conformance."""

from __future__ import annotations

from typing import Any

JSON = "application/json"
HTML = "text/html"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"

COMMON = "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/"
FEATURES = "http://www.opengis.net/spec/ogcapi-features-"
COVERAGES = "http://www.opengis.net/spec/ogcapi-coverages-1/1.0/conf/"

CONFORMANCE = {
    "conformsTo": [
        f"{COMMON}core", f"{COMMON}landing-page", f"{COMMON}json", f"{COMMON}oas30",
        "http://www.opengis.net/spec/ogcapi-common-2/1.0/conf/collections",
        f"{FEATURES}1/1.0/conf/core", f"{FEATURES}1/1.0/conf/oas30",
        f"{FEATURES}1/1.0/conf/geojson",
        f"{FEATURES}2/1.0/conf/crs",
        f"{FEATURES}3/1.0/conf/queryables", f"{FEATURES}3/1.0/conf/queryables-query-parameters",
        f"{FEATURES}5/1.0/conf/schemas", f"{FEATURES}5/1.0/conf/core-roles-features",
        f"{COVERAGES}core", f"{COVERAGES}oas30", f"{COVERAGES}geodata-coverage",
        f"{COVERAGES}coverage-subset", f"{COVERAGES}coverage-bbox",
        f"{COVERAGES}coverage-rangesubset", f"{COVERAGES}coverage-scaling",
        f"{COVERAGES}coverage-datetime", f"{COVERAGES}geotiff", f"{COVERAGES}covjson",
    ]
}  # fmt: skip
"""What is implemented and nothing else; pygeoapi's own list grows with each request (0.21)."""


def landing_page(title: str, base_url: str) -> dict[str, Any]:
    """OGC API Common, 7.2; `base_url` has no slash at its end."""
    return {
        "title": title,
        "description": "Collections of rasters: their footprints as features, their pixels as"
        " coverages.",
        "links": [
            _link("self", JSON, "This document", f"{base_url}/?f=json"),
            _link("alternate", HTML, "This document as a page", f"{base_url}/?f=html"),
            _link("service-desc", OPENAPI, "The API as OpenAPI", f"{base_url}/api"),
            _link("service-doc", HTML, "The API as a page", f"{base_url}/api?f=html"),
            _link("conformance", JSON, "What is implemented", f"{base_url}/conformance"),
            _link("data", JSON, "Collections", f"{base_url}/collections"),
            _link("http://www.opengis.net/def/rel/ogc/1.0/conformance", JSON,
                  "What is implemented", f"{base_url}/conformance"),
            _link("http://www.opengis.net/def/rel/ogc/1.0/data", JSON,
                  "Collections", f"{base_url}/collections"),
        ],
    }  # fmt: skip


def _link(rel: str, media_type: str, title: str, href: str) -> dict[str, str]:
    return {"rel": rel, "type": media_type, "title": title, "href": href}
