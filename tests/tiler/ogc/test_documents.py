"""Documents: valid OpenAPI, whole landing page, formats, pages, links between pages."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest
from jsonschema import Draft4Validator
from starlette.datastructures import QueryParams

from repository.errors import BadRequest
from tiler.ogc.coverages import COVERAGE_JSON, GEOTIFF
from tiler.ogc.documents import CONFORMANCE, landing_page
from tiler.ogc.negotiation import coverage_format, document_format
from tiler.ogc.openapi import openapi_document
from tiler.ogc.page_links import with_page_links
from tiler.ogc.pages import page_of

BASE = "https://maps.example.org/ogc"
ADDRESS = f"{BASE}/collections"


def test_the_api_description_is_valid_openapi() -> None:
    # pygeoapi 0.24 moved its schemas below `resources`.
    folders = [files("pygeoapi") / "schemas", files("pygeoapi") / "resources" / "schemas"]
    schema = next(f for f in folders if f.is_dir()) / "openapi" / "openapi-3.0.x.json"
    described = json.loads(json.dumps(openapi_document("Rastrum", BASE)))
    assert list(Draft4Validator(json.loads(schema.read_text())).iter_errors(described)) == []


def test_every_reference_of_the_api_description_leads_somewhere() -> None:
    described = openapi_document("Rastrum", BASE)
    text = json.dumps(described)
    wanted = {part.split('"')[0] for part in text.split("#/components/")[1:]}
    for place in wanted:
        kind, name = place.split("/")
        assert name in described["components"][kind]


def test_the_landing_page_has_what_clients_look_for() -> None:
    links = {link["rel"]: link["href"] for link in landing_page("Rastrum", BASE)["links"]}
    assert links["service-desc"] == f"{BASE}/api"
    assert links["conformance"] == f"{BASE}/conformance"
    assert links["data"] == f"{BASE}/collections"
    assert {"self", "service-doc"} <= links.keys()


def test_conformance_claims_no_transactions_and_nothing_twice() -> None:
    claims = CONFORMANCE["conformsTo"]
    assert len(set(claims)) == len(claims)
    assert not any("create-replace-delete" in claim or "processes" in claim for claim in claims)


@pytest.mark.parametrize(
    ("f", "accept", "expected"),
    [
        (None, "", "json"),
        (None, "*/*", "json"),
        (None, "text/html,application/xhtml+xml,*/*;q=0.8", "html"),
        (None, "application/json, text/html;q=0.9", "json"),
        (None, "image/png", "json"),
        ("html", "application/json", "html"),
        ("JSON", "text/html", "json"),
    ],
)
def test_the_format_of_documents(f: str | None, accept: str, expected: str) -> None:
    assert document_format(f, accept) == expected


@pytest.mark.parametrize(
    ("f", "accept", "expected"),
    [
        (None, "", GEOTIFF),
        (None, "*/*", GEOTIFF),
        (None, "image/tiff;application=geotiff", GEOTIFF),
        (None, "application/prs.coverage+json", COVERAGE_JSON),
        (None, "application/json;q=0.5, image/tiff", GEOTIFF),
        ("json", "image/tiff", COVERAGE_JSON),
        ("geotiff", "", GEOTIFF),
    ],
)
def test_the_format_of_coverages(f: str | None, accept: str, expected: str) -> None:
    assert coverage_format(f, accept) == expected


@pytest.mark.parametrize("choose", [document_format, coverage_format])
def test_an_unknown_format_is_refused(choose: Any) -> None:
    with pytest.raises(BadRequest) as caught:
        choose("xml", "")
    assert caught.value.code == "unknown_format"


def links_of(matched: int, returned: int, limit: int, offset: int) -> dict[str, str]:
    listed = {"numberMatched": matched, "numberReturned": returned, "links": []}
    with_page_links(
        listed, ADDRESS, QueryParams(f"limit={limit}&offset={offset}&q=a b"), limit=limit,
        offset=offset, media_type="application/json",
    )  # fmt: skip
    return {link["rel"]: link["href"] for link in listed["links"]}


def test_the_next_page_keeps_the_question() -> None:
    assert links_of(25, 10, 10, 0)["next"] == f"{ADDRESS}?limit=10&offset=10&q=a+b"


def test_a_full_last_page_leads_nowhere() -> None:
    links = links_of(20, 10, 10, 10)
    assert "next" not in links
    assert links["prev"].startswith(f"{ADDRESS}?limit=10&offset=0")


def test_the_page_before_the_first_full_one_starts_at_zero() -> None:
    assert "offset=0" in links_of(20, 10, 10, 3)["prev"]


def test_pages_show_titles_as_text() -> None:
    page = page_of("<script>alert(1)</script>", {"links": [], "title": "</pre><script>"}).decode()
    assert "<script" not in page
