"""OGC API over HTTP and the real catalogue: who sees what, paging, filters, caching, errors."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import rasterio
from rasterio.io import MemoryFile

from repository.models import Asset, Collection, Product
from repository.models.product import ProductState
from repository.storage import object_store
from tests.rasters import gradient
from tests.tiler.ogc.conftest import Catalogue, Ogc, across_the_antimeridian

pytestmark = pytest.mark.services

BASE = "https://maps.example.org/ogc"


def ids(answer: Any) -> list[str]:
    return [feature["id"] for feature in answer["features"]]


@pytest.fixture
def rivers(catalogue: Catalogue) -> Collection:
    """A public collection of three products."""
    collection = catalogue.collection("rivers")
    for number, name in enumerate(("elbe", "oder", "vltava"), start=1):
        moment = datetime(2024, number, 1, tzinfo=UTC)
        properties = {"length": number * 100, "season": "summer"}
        catalogue.product(collection, name, start=moment, end=moment, properties=properties)
    return collection


@pytest.mark.parametrize("path", ["", "/", "/conformance", "/api", "/collections", "/collections/"])
def test_addresses_answer_with_and_without_a_slash(
    catalogue: Catalogue, ogc: Ogc, path: str
) -> None:
    assert ogc.get(path).status_code == 200


def test_collections_follow_the_database(catalogue: Catalogue, ogc: Ogc) -> None:
    assert ogc.json("/collections")["collections"] == []
    catalogue.collection("new")
    assert [c["id"] for c in ogc.json("/collections")["collections"]] == ["new"]


def test_collections_are_paged(catalogue: Catalogue, ogc: Ogc) -> None:
    for name in ("a", "b", "c"):
        catalogue.collection(name)
    first = ogc.json("/collections?limit=2")
    assert ([c["id"] for c in first["collections"]], first["numberMatched"]) == (["a", "b"], 3)
    links = {link["rel"]: link["href"] for link in first["links"]}
    second = ogc.json(links["next"].removeprefix(BASE))
    assert [c["id"] for c in second["collections"]] == ["c"]


def test_an_empty_collection_claims_no_extent(catalogue: Catalogue, ogc: Ogc) -> None:
    catalogue.collection("empty")
    assert "extent" not in ogc.json("/collections/empty")


def test_a_collections_extent_is_around_its_visible_products(rivers: Collection, ogc: Ogc) -> None:
    extent = ogc.json("/collections/rivers")["extent"]
    assert extent["temporal"]["interval"] == [["2024-01-01T00:00:00Z", "2024-03-01T00:00:00Z"]]
    left, bottom, right, top = extent["spatial"]["bbox"][0]
    assert 13 < left < right < 14
    assert 50 < bottom < top < 51


def test_links_are_absolute_at_the_address_that_was_asked(rivers: Collection, ogc: Ogc) -> None:
    for link in ogc.json("/collections/rivers/items")["links"]:
        assert link["href"].startswith(f"{BASE}/collections/rivers")


def test_private_and_absent_look_alike(catalogue: Catalogue, ogc: Ogc) -> None:
    secret = catalogue.collection("secret", visibility="private")
    catalogue.product(secret, "map")
    for path in ("", "/items", "/items/map", "/schema", "/queryables"):
        private, absent = ogc.get(f"/collections/secret{path}"), ogc.get(f"/collections/nope{path}")
        assert private.status_code == absent.status_code == 404
        assert private.json()["detail"].replace("secret", "nope") == absent.json()["detail"]
    assert ogc.get("/collections/secret:map/coverage").status_code == 404
    assert ogc.json("/collections")["numberMatched"] == 0


def test_the_owner_sees_what_is_private_and_nobody_keeps_it(catalogue: Catalogue, ogc: Ogc) -> None:
    catalogue.product(catalogue.collection("secret", visibility="private"), "map")
    headers = catalogue.headers(catalogue.owner)
    for path in ("/collections/secret", "/collections/secret/items", "/collections/secret:map",
                 "/collections/secret:map/coverage"):  # fmt: skip
        answer = ogc.get(path, **headers)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "private, no-store"
        assert "etag" not in answer.headers


def test_a_private_product_is_not_counted_for_others(catalogue: Catalogue, ogc: Ogc) -> None:
    open_collection = catalogue.collection("open")
    catalogue.product(open_collection, "shown")
    catalogue.product(open_collection, "hidden", visibility="private")
    stranger = catalogue.headers(catalogue.stranger)
    assert ogc.json("/collections/open/items")["numberMatched"] == 1
    assert ogc.json("/collections/open/items", **stranger)["numberMatched"] == 1
    owner = catalogue.headers(catalogue.owner)
    assert ogc.json("/collections/open/items", **owner)["numberMatched"] == 2


@pytest.mark.parametrize("path", ["/", "/collections", "/collections/rivers/items"])
def test_wrong_credentials_are_never_anonymous(rivers: Collection, ogc: Ogc, path: str) -> None:
    answer = ogc.get(path, Authorization="Bearer rst_wrong")
    assert answer.status_code == 401
    assert "Basic" in answer.headers["www-authenticate"]
    assert answer.json()["code"] == "wrong_credentials"


def test_a_tombstone_is_gone(rivers: Collection, ogc: Ogc) -> None:
    Product.objects.filter(slug="elbe").update(
        state=ProductState.REMOVED, removed=datetime.now(UTC)
    )
    for path in ("/rivers/items/elbe", "/rivers:elbe", "/rivers:elbe/coverage"):
        assert ogc.get(f"/collections{path}").status_code == 410
    assert "elbe" not in ids(ogc.json("/collections/rivers/items"))


def test_items_come_newest_first_and_in_pages(rivers: Collection, ogc: Ogc) -> None:
    seen, path = [], "/collections/rivers/items?limit=2"
    while path:
        page = ogc.json(path)
        seen += ids(page)
        assert page["numberMatched"] == 3
        links = {link["rel"]: link["href"] for link in page["links"]}
        path = links.get("next", "").removeprefix(BASE)
    assert seen == ["vltava", "oder", "elbe"]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("datetime=2024-02-01", ["oder"]),
        ("datetime=2024-01-15/..", ["vltava", "oder"]),
        ("length=200", ["oder"]),
        ("season=summer&title=Elbe", ["elbe"]),
        ("season=winter", []),
        ("q=vlt", ["vltava"]),
        ("id=oder", ["oder"]),
        ("sortby=title", ["elbe", "oder", "vltava"]),
        ("sortby=+title", ["elbe", "oder", "vltava"]),
        ("sortby=-id", ["vltava", "oder", "elbe"]),
        ("bbox=13,50,14,51", ["vltava", "oder", "elbe"]),
        ("bbox=-60,-10,-50,0", []),
        ("bbox=50,13,51,14&bbox-crs=http://www.opengis.net/def/crs/EPSG/0/4326",
         ["vltava", "oder", "elbe"]),
    ],
)  # fmt: skip
def test_items_are_searched(
    rivers: Collection, ogc: Ogc, question: str, expected: list[str]
) -> None:
    assert ids(ogc.json(f"/collections/rivers/items?{question}")) == expected


@pytest.mark.parametrize(
    ("question", "code"),
    [
        ("limit=0", "invalid_limit"),
        ("limit=ten", "invalid_limit"),
        ("offset=-1", "invalid_offset"),
        ("limt=5", "unknown_parameter"),
        ("bbox=1,2,3", "invalid_bbox"),
        ("bbox=1,91,3,99", "invalid_bbox"),
        ("datetime=yesterday", "invalid_datetime"),
        ("sortby=colour", "invalid_sort"),
        ("crs=http://example.org/nowhere", "unknown_crs"),
        ("f=xml", "unknown_format"),
    ],
)
def test_a_wrong_question_is_refused_with_a_code(
    rivers: Collection, ogc: Ogc, question: str, code: str
) -> None:
    answer = ogc.get(f"/collections/rivers/items?{question}")
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_bbox_over_the_antimeridian_finds_both_sides(catalogue: Catalogue, ogc: Ogc) -> None:
    sea = catalogue.collection("sea")
    catalogue.product(sea, "fiji", footprint=across_the_antimeridian())
    catalogue.product(sea, "europe")
    assert ids(ogc.json("/collections/sea/items?bbox=170,-30,-170,0")) == ["fiji"]
    assert ids(ogc.json("/collections/sea/items?bbox=-179,-30,-170,0")) == ["fiji"]


def test_queryables_name_the_owners_properties_with_their_types(
    rivers: Collection, ogc: Ogc
) -> None:
    properties = ogc.json("/collections/rivers/queryables")["properties"]
    assert (properties["length"]["type"], properties["season"]["type"]) == ("number", "string")
    assert "width" not in properties


def test_an_item_has_its_crs_in_a_header(rivers: Collection, ogc: Ogc) -> None:
    answer = ogc.get("/collections/rivers/items/elbe")
    assert answer.headers["content-type"] == "application/geo+json"
    assert answer.headers["content-crs"].endswith("CRS84>")


def test_a_product_describes_itself_as_a_coverage(rivers: Collection, ogc: Ogc) -> None:
    described = ogc.json("/collections/rivers:elbe")
    assert described["storageCrs"] == "http://www.opengis.net/def/crs/EPSG/0/32633"
    assert [axis["cellsCount"] for axis in described["extent"]["spatial"]["grid"]] == [50, 40]
    types = [link["type"] for link in described["links"] if link["rel"].endswith("/coverage")]
    assert types == ["image/tiff; application=geotiff", "application/prs.coverage+json"]


def test_the_schema_of_a_coverage_is_its_bands(rivers: Collection, ogc: Ogc) -> None:
    band = ogc.json("/collections/rivers:elbe/schema")["properties"]["b1"]
    assert (band["type"], band["x-ogc-nilValues"]) == ("integer", [-9999])


def test_a_coverage_is_a_geotiff_unless_json_is_asked_for(rivers: Collection, ogc: Ogc) -> None:
    answer = ogc.get("/collections/rivers:elbe/coverage")
    assert answer.headers["content-type"] == "image/tiff; application=geotiff"
    with MemoryFile(answer.content) as memory, memory.open() as dataset:
        assert (dataset.read() == gradient("int16")).all()
        assert dataset.crs == rasterio.CRS.from_epsg(32633)
    as_json = ogc.get("/collections/rivers:elbe/coverage", Accept="application/prs.coverage+json")
    assert as_json.json()["type"] == "Coverage"


def test_a_coverage_is_known_by_its_tag(rivers: Collection, ogc: Ogc) -> None:
    path = "/collections/rivers:elbe/coverage"
    first = ogc.get(path)
    again = ogc.get(path, **{"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = ogc.get(f"{path}?scale-factor=2", **{"If-None-Match": first.headers["etag"]})
    assert other.status_code == 200
    Product.objects.filter(slug="elbe").update(revision=2)
    changed = ogc.get(path, **{"If-None-Match": first.headers["etag"]})
    assert changed.status_code == 200


def test_public_answers_may_be_kept_for_a_while(rivers: Collection, ogc: Ogc) -> None:
    for path in ("/collections", "/collections/rivers/items", "/collections/rivers:elbe/coverage"):
        answer = ogc.get(path)
        assert answer.headers["cache-control"].startswith("public, max-age=")
        assert "Authorization" in answer.headers["vary"]


def test_a_collection_has_no_coverage_of_its_own(rivers: Collection, ogc: Ogc) -> None:
    assert ogc.get("/collections/rivers/coverage").status_code == 404


def test_a_page_is_html_for_those_who_ask(rivers: Collection, ogc: Ogc) -> None:
    for path in ("/", "/collections", "/collections/rivers", "/collections/rivers/items", "/api"):
        answer = ogc.get(f"{path}?f=html")
        assert answer.headers["content-type"].startswith("text/html")
        assert "https://cdn" not in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_other_methods_and_addresses_are_refused(catalogue: Catalogue, ogc: Ogc) -> None:
    posted = ogc.client.post("/ogc/collections")
    assert (posted.status_code, posted.json()["code"]) == (405, "method_not_allowed")
    assert ogc.get("/processes").json()["code"] == "not_found"


def test_head_has_the_headers_alone(rivers: Collection, ogc: Ogc) -> None:
    answer = ogc.client.head("/ogc/collections/rivers/items")
    assert (answer.status_code, answer.content) == (200, b"")


def test_ten_thousand_items_are_one_page(rivers: Collection, ogc: Ogc) -> None:
    assert ogc.json("/collections/rivers/items?limit=10000")["numberReturned"] == 3


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("bbox=50,13,51,14&bbox-crs=IAU_2015:30100", "unknown_crs"),
        ("bbox=0,0,1,1&bbox-crs=%2Bproj%3Dutm%20%2Bnadgrids%3D/etc/passwd", "unknown_crs"),
        ("scale-factor=1e-310", "coverage_too_large"),
    ],
)
def test_an_odd_question_about_a_coverage_is_no_fault_of_ours(
    rivers: Collection, ogc: Ogc, query: str, code: str
) -> None:
    answer = ogc.get(f"/collections/rivers:vltava/coverage?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_a_coverage_without_its_object_is_unavailable(rivers: Collection, ogc: Ogc) -> None:
    object_store().delete(Asset.objects.get(product__slug="vltava").key)
    answer = ogc.get("/collections/rivers:vltava/coverage")
    assert (answer.status_code, answer.json()["code"]) == (503, "pixels_unavailable")


@pytest.mark.parametrize("path", ["/collections/a%00b", "/collections/a%00b/items"])
def test_nul_in_an_address_is_no_fault_of_ours(rivers: Collection, ogc: Ogc, path: str) -> None:
    assert ogc.get(path).status_code in (400, 404)
