"""Items: what a product says as a feature, and how pygeoapi's parameters reach the catalogue."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from pygeoapi.api.itemtypes import get_collection_item, get_collection_items
from pyproj import Transformer

from repository.errors import BadRequest, NotFound
from repository.links import Links
from tiler.ogc.crs_uris import CRS84, ITEM_CRS
from tiler.ogc.definitions import feature_definition
from tiler.ogc.features import collection_text
from tiler.ogc.pygeoapi_calls import MASTER, MAX_ITEMS, call
from tiler.ogc.records import CollectionRecord, ItemPage, ItemQuery, ItemRecord

BASE = "https://maps.example.org"
LINKS = Links(BASE)
MOMENT = datetime(2024, 8, 24, 10, tzinfo=UTC)
SQUARE = {"type": "Polygon", "coordinates": [[[10, 50], [11, 50], [11, 51], [10, 50]]]}
ITEM = ItemRecord(
    collection="c", id="p", title="Vltava", geometry=json.dumps(SQUARE), start=MOMENT, end=MOMENT,
    crs="EPSG:32633", width=50, height=40, created=MOMENT, updated=MOMENT,
    properties={"season": "summer", "title": "shadowed"},
)  # fmt: skip


class FixedItems:
    """An ItemSource of some records that remembers what it was asked."""

    def __init__(self, *items: ItemRecord, matched: int | None = None) -> None:
        self.items = items
        self.matched = len(items) if matched is None else matched
        self.asked: list[ItemQuery] = []

    def search(self, query: ItemQuery) -> ItemPage:
        self.asked.append(query)
        return ItemPage(() if query.only_count else self.items[: query.limit], self.matched)

    def get(self, item_id: str) -> ItemRecord:
        found = [item for item in self.items if item.id == item_id]
        if not found:
            raise NotFound()
        return found[0]


def ask(source: FixedItems, **parameters: str) -> dict[str, Any]:
    """pygeoapi's answer to a list of items."""
    named = {name.replace("_", "-"): value for name, value in parameters.items()}
    written: list[str] = []
    definition = feature_definition(
        CollectionRecord("c", "C"), LINKS, source=source, crs=named.get("crs", ""),
        property_types={"season": "string"}, written=written,
    )  # fmt: skip
    _, content = call(
        get_collection_items, "c", resources={"c": definition}, base_url=f"{BASE}/ogc",
        path="/ogc/collections/c/items", parameters={"f": "json", **named},
    )  # fmt: skip
    answer: dict[str, Any] = json.loads(collection_text(json.loads(content), written))
    return answer


def test_an_item_is_the_products_footprint_under_its_id() -> None:
    feature = ask(FixedItems(ITEM))["features"][0]
    assert (feature["id"], feature["geometry"]) == ("p", SQUARE)


def test_properties_say_what_the_product_is_and_where_its_pixels_are() -> None:
    properties = ask(FixedItems(ITEM))["features"][0]["properties"]
    assert properties["datetime"] == "2024-08-24T10:00:00Z"
    assert (properties["crs"], properties["width"], properties["height"]) == ("EPSG:32633", 50, 40)
    assert properties["coverage"] == f"{BASE}/ogc/collections/c:p/coverage"
    assert properties["tiles"] == f"{BASE}/tiles/c/p/WebMercatorQuad/{{z}}/{{x}}/{{y}}.png"


def test_an_owners_property_never_hides_one_of_ours() -> None:
    properties = ask(FixedItems(ITEM))["features"][0]["properties"]
    assert (properties["season"], properties["title"]) == ("summer", "Vltava")


def test_an_interval_has_two_times_and_no_single_one() -> None:
    later = replace(ITEM, end=datetime(2024, 8, 25, tzinfo=UTC))
    properties = ask(FixedItems(later))["features"][0]["properties"]
    assert properties["datetime"] is None
    assert properties["end_datetime"] == "2024-08-25T00:00:00Z"


@pytest.mark.parametrize("limit", [1, MAX_ITEMS])
def test_limit_and_offset_reach_the_catalogue(limit: int) -> None:
    source = FixedItems(ITEM)
    ask(source, limit=str(limit), offset="7")
    assert (source.asked[0].limit, source.asked[0].offset) == (limit, 7)


def test_number_matched_counts_all_pages() -> None:
    answer = ask(FixedItems(ITEM, matched=41))
    assert (answer["numberMatched"], answer["numberReturned"]) == (41, 1)


def test_bbox_over_the_antimeridian_reaches_the_catalogue_as_it_is() -> None:
    source = FixedItems()
    ask(source, bbox="170,-10,-170,10")
    assert source.asked[0].bbox_wgs84 == (170, -10, -170, 10)


def test_bbox_in_another_crs_is_brought_to_degrees() -> None:
    source = FixedItems()
    ask(source, bbox="50,10,51,11", bbox_crs=ITEM_CRS[1])
    assert source.asked[0].bbox_wgs84 == pytest.approx((10, 50, 11, 51))


def test_heights_of_a_bbox_are_ignored() -> None:
    source = FixedItems()
    ask(source, bbox="10,50,0,11,51,900")
    assert source.asked[0].bbox_wgs84 == pytest.approx((10, 50, 11, 51))


def test_time_text_and_property_filters_reach_the_catalogue() -> None:
    source = FixedItems()
    ask(source, datetime="2024-01-01/..", q="river", season="summer", title="Vltava")
    query = source.asked[0]
    assert (query.datetime, query.text) == ("2024-01-01/..", "river")
    assert query.properties == {"season": "summer", "title": "Vltava"}


def test_a_property_that_is_no_queryable_is_refused() -> None:
    with pytest.raises(BadRequest) as caught:
        ask(FixedItems(), width="50")
    assert caught.value.code == "unknown_parameter"


def test_sorting_reaches_the_catalogue_in_order() -> None:
    source = FixedItems()
    ask(source, sortby="-datetime,title")
    assert source.asked[0].sort == (("datetime", True), ("title", False))


def test_properties_can_be_chosen_and_geometry_left_out() -> None:
    feature = ask(FixedItems(ITEM), properties="title,season", skipGeometry="true")["features"][0]
    assert feature["properties"] == {"title": "Vltava", "season": "summer"}
    assert feature["geometry"] is None


def test_hits_alone_have_no_features() -> None:
    answer = ask(FixedItems(ITEM, matched=3), resulttype="hits")
    assert (answer["numberMatched"], answer["features"]) == (3, [])


def test_latitude_comes_first_in_epsg_4326() -> None:
    feature = ask(FixedItems(ITEM), crs=ITEM_CRS[1])["features"][0]
    assert feature["geometry"]["coordinates"][0][0] == pytest.approx([50, 10])


def test_items_in_web_mercator_lie_where_proj_puts_them() -> None:
    feature = ask(FixedItems(ITEM), crs=ITEM_CRS[2])["features"][0]
    expected = Transformer.from_crs(4326, 3857, always_xy=True).transform(10, 50)
    assert feature["geometry"]["coordinates"][0][0] == pytest.approx(expected)


def test_one_item_is_found_by_its_id() -> None:
    definition = feature_definition(CollectionRecord("c", "C"), LINKS, source=FixedItems(ITEM))
    headers, content = call(
        get_collection_item, "c", "p", resources={"c": definition}, base_url=f"{BASE}/ogc",
        path="/ogc/collections/c/items/p", parameters={"f": "json"},
    )  # fmt: skip
    assert json.loads(content)["id"] == "p"
    assert headers["Content-Crs"] == f"<{CRS84}>"


def test_pygeoapis_refusals_become_our_errors() -> None:
    with pytest.raises(BadRequest) as caught:
        ask(FixedItems(), bbox="1,2,3")
    assert caught.value.code == "invalid_parameter"


def test_one_request_leaves_nothing_behind_for_the_next() -> None:
    ask(FixedItems(ITEM))
    assert MASTER.config["resources"] == {}
