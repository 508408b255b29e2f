"""A collection as one layer: whose products are seen, in which order, and what the answer says."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from owslib.wmts import WebMapTileService

from tests.tiler.mosaic_world import (
    BLUE,
    GREEN,
    RED,
    WHITE,
    MosaicWorld,
    across_180,
    classes,
    rgba,
)
from tiler.pixels import mosaics as pixel_mosaics
from tiler.pixels.tile_matrix_sets import WEB_MERCATOR_QUAD as QUAD

pytestmark = pytest.mark.services
TILE = (10, 550, 340)


def colour(picture: np.ndarray, row: int = 128, column: int = 128) -> tuple[int, ...]:
    return tuple(int(v) for v in picture[row, column])


def test_the_newest_lies_uppermost_and_lets_what_is_below_show(mosaic_world: MosaicWorld) -> None:
    mosaic_world.add("old", RED, TILE, day=1)
    mosaic_world.add("new", GREEN, TILE, day=2, valid=0.5)
    answer = mosaic_world.picture(TILE)
    assert colour(answer, 20) == (*GREEN, 255)
    assert colour(answer, 230) == (*RED, 255)


def test_the_answer_says_how_many_were_read(mosaic_world: MosaicWorld) -> None:
    for day, name in enumerate(("a", "b", "c")):
        mosaic_world.add(name, RED, TILE, day=day, valid=1.0 if name == "b" else 0.5)
    answer = mosaic_world.get(TILE)
    assert answer.headers["X-Assets"] == "2"
    assert "X-Assets-Cut" not in answer.headers


def test_a_header_says_that_more_would_have_been_needed(
    mosaic_world: MosaicWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in range(4):
        mosaic_world.add(f"p{day}", RED, TILE, day=day, valid=0.25)
    monkeypatch.setitem(pixel_mosaics.draw_mosaic.__kwdefaults__, "max_assets", 3)
    answer = mosaic_world.get(TILE)
    assert (answer.headers["X-Assets"], answer.headers["X-Assets-Cut"]) == ("3", "1")


def test_datetime_chooses(mosaic_world: MosaicWorld) -> None:
    mosaic_world.add("old", RED, TILE, day=1)
    mosaic_world.add("new", GREEN, TILE, day=9)
    assert colour(mosaic_world.picture(TILE, "?datetime=2024-01-02")) == (*RED, 255)
    assert colour(mosaic_world.picture(TILE, "?datetime=../2024-01-05")) == (*RED, 255)
    assert colour(mosaic_world.picture(TILE, "?datetime=2024-01-03/..")) == (*GREEN, 255)
    assert colour(mosaic_world.picture(TILE, "?datetime=2023-01-01"))[3] == 0


@pytest.mark.parametrize("name", ["west", "collection", "z"])
def test_no_value_of_a_filter_is_taken_for_a_place(mosaic_world: MosaicWorld, name: str) -> None:
    mosaic_world.add("red", RED, TILE, day=1)
    answer = mosaic_world.get(TILE, f"?properties.title=%0A%20{name}%20%0A")
    assert (answer.status_code, answer.headers["X-Assets"]) == (200, "0")


def test_filters_are_those_of_the_search(mosaic_world: MosaicWorld) -> None:
    mosaic_world.add("red", RED, TILE, day=1, properties={"sensor": "A"}, title="rhine")
    mosaic_world.add("green", GREEN, TILE, day=2, properties={"sensor": "B"})
    for query in ("?properties.sensor=A", "?q=rhine", "?sortby=datetime", "?sortby=-title"):
        assert colour(mosaic_world.picture(TILE, query)) == (*RED, 255), query
    assert colour(mosaic_world.picture(TILE, "?bbox=100,0,101,1"))[3] == 0


def test_the_best_resolution_lies_uppermost(mosaic_world: MosaicWorld) -> None:
    mosaic_world.add("fine", RED, TILE, day=1, pixels=128)
    mosaic_world.add("coarse", GREEN, TILE, day=2, pixels=32)
    assert colour(mosaic_world.picture(TILE, "?sortby=resolution")) == (*RED, 255)
    assert colour(mosaic_world.picture(TILE, "?sortby=-resolution")) == (*GREEN, 255)


def test_what_lacks_least_lies_uppermost(mosaic_world: MosaicWorld) -> None:
    mosaic_world.add("whole", RED, TILE, day=1)
    mosaic_world.add("half", GREEN, TILE, day=2, valid=0.75)
    assert colour(mosaic_world.picture(TILE, "?sortby=nodata")) == (*RED, 255)
    assert colour(mosaic_world.picture(TILE)) == (*GREEN, 255)


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("?datetime=yesterday", 400, "invalid_datetime"),
        ("?sortby=colour", 400, "invalid_sort"),
        ("?bbox=1,2", 400, "invalid_bbox"),
        ("?filter=cloud<10", 400, "unsupported_filter"),
        ("?style=other", 404, "unknown_style"),
    ],
)
def test_what_is_not_understood_is_refused(
    mosaic_world: MosaicWorld, query: str, status: int, code: str
) -> None:
    answer = mosaic_world.get(TILE, query)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_private_products_are_seen_by_their_owner_alone(mosaic_world: MosaicWorld) -> None:
    mosaic_world.add("open", RED, TILE, day=1)
    mosaic_world.add("secret", GREEN, TILE, day=2, visibility="private")
    assert colour(mosaic_world.picture(TILE)) == (*RED, 255)
    assert colour(mosaic_world.picture(TILE, user=mosaic_world.stranger)) == (*RED, 255)
    assert colour(mosaic_world.picture(TILE, user=mosaic_world.owner)) == (*GREEN, 255)


def test_a_private_collection_is_not_there_for_others(mosaic_world: MosaicWorld) -> None:
    mosaic_world.add("open", RED, TILE)
    type(mosaic_world.collection).objects.update(visibility="private")
    assert mosaic_world.get(TILE).status_code == 404
    assert mosaic_world.get(TILE, user=mosaic_world.stranger).status_code == 404
    assert colour(mosaic_world.picture(TILE, user=mosaic_world.owner)) == (*RED, 255)


def test_caches_keep_what_everybody_sees_and_nothing_else(mosaic_world: MosaicWorld) -> None:
    product = mosaic_world.add("open", RED, TILE)
    first = mosaic_world.get(TILE)
    assert first.headers["Cache-Control"].startswith("public, max-age=60")
    again = {"If-None-Match": first.headers["ETag"]}
    assert mosaic_world.get(TILE, headers=again).status_code == 304
    other = mosaic_world.get(TILE, "?sortby=title")
    assert other.headers["ETag"] != first.headers["ETag"]
    own = mosaic_world.get(TILE, user=mosaic_world.owner)
    assert own.headers["Cache-Control"] == "private, no-store"
    assert "ETag" not in own.headers
    mosaic_world.change(product, title="Another")
    assert mosaic_world.get(TILE, headers=again).status_code == 200


def test_a_tile_of_512_pixels_is_the_four_below_it(mosaic_world: MosaicWorld) -> None:
    z, x, y = TILE
    mosaic_world.add("a", RED, (z + 1, 2 * x, 2 * y))
    mosaic_world.add("b", GREEN, (z + 1, 2 * x + 1, 2 * y + 1))
    large = mosaic_world.picture(f"{z}/{x}/{y}@2x")
    assert large.shape == (512, 512, 4)
    below = mosaic_world.picture((z + 1, 2 * x + 1, 2 * y + 1))
    assert np.array_equal(large[256:, 256:], below)


def test_outside_of_all_there_is_nothing(mosaic_world: MosaicWorld) -> None:
    mosaic_world.add("a", RED, TILE)
    assert not mosaic_world.picture((10, 1, 1))[..., 3].any()
    assert mosaic_world.get((10, 1, 1), extension="jpg").status_code == 204
    assert mosaic_world.get((3, 9, 0)).json()["code"] == "invalid_tile"


def test_a_product_across_the_antimeridian_shows_on_both_sides(mosaic_world: MosaicWorld) -> None:
    data = np.full((3, 40, 40), 200, np.uint8)
    mosaic_world.publish(
        "fiji", data, (179, -18, 181, -16), crs="EPSG:4326", nodata=None,
        footprint=across_180(-18, -16, 1), bounds_wgs84=(179.0, -18.0, -179.0, -16.0),
    )  # fmt: skip
    for z in (3, 8):
        middle = QUAD.tiles_over((179.5, -17.2, 179.6, -17.1), z)
        row = middle[1]
        east, west = (mosaic_world.picture((z, x, row)) for x in (2**z - 1, 0))
        assert east[..., 3].any(), z
        assert west[..., 3].any(), z
        assert not mosaic_world.picture((z, 2 ** (z - 1), row))[..., 3].any()


def test_values_need_products_of_one_kind(mosaic_world: MosaicWorld) -> None:
    mosaic_world.add("a", RED, TILE, day=2, valid=0.5)
    mosaic_world.add("b", GREEN, TILE, day=1)
    values = np.load(io.BytesIO(mosaic_world.get(TILE, extension="npy").content))
    assert values[:3, 20, 128].tolist() == list(RED)
    assert values[:, 230, 128].tolist() == [*GREEN, 255]
    one_band = np.full((1, 8, 8), 7, np.int16)
    mosaic_world.publish("c", one_band, QUAD.bounds(*TILE), style=classes(_7=(9, 9, 9, 255)))
    answer = mosaic_world.get(TILE, extension="tif")
    assert (answer.status_code, answer.json()["code"]) == (400, "members_differ")
    assert colour(mosaic_world.picture(TILE), 20) == (*RED, 255)


def test_a_product_whose_file_is_gone_leaves_the_others(
    mosaic_world: MosaicWorld, tmp_path: Any
) -> None:
    mosaic_world.add("a", RED, TILE, day=1)
    broken = mosaic_world.add("b", GREEN, TILE, day=2)
    for path in (tmp_path / "objects" / "products" / str(broken.pk)).rglob("*.tif"):
        path.unlink()
    answer = mosaic_world.get(TILE)
    assert answer.status_code == 200
    assert answer.headers["X-Assets-Cut"] == "1"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "ETag" not in answer.headers


def test_tilejson_describes_what_the_query_finds(mosaic_world: MosaicWorld) -> None:
    mosaic_world.add("a", RED, TILE, day=1)
    mosaic_world.add("b", WHITE, (10, 560, 340), day=9)
    document = mosaic_world.get("tilejson", "?datetime=2024-01-02", extension="json").json()
    assert document["tiles"] == [
        "http://127.0.0.1:8000/tiles/c/WebMercatorQuad/{z}/{x}/{y}.png?datetime=2024-01-02"
    ]
    assert document["minzoom"] == 0
    assert document["maxzoom"] == 8
    left, _, right, _ = document["bounds"]
    assert 13 < left < right < 14
    whole = mosaic_world.get("tilejson", "?tile_format=webp", extension="json").json()
    assert whole["tiles"][0].endswith("{y}.webp")
    assert whole["bounds"][2] > 17


def test_the_legend_is_that_of_all_its_maps(mosaic_world: MosaicWorld) -> None:
    mosaic_world.add("a", BLUE, TILE)
    assert mosaic_world.client.get("/tiles/c/legend.json").json()["kind"] == "rgb"
    assert mosaic_world.client.get("/tiles/c/legend.png").status_code == 200
    one_band = np.full((1, 8, 8), 7, np.int16)
    mosaic_world.publish("c", one_band, QUAD.bounds(*TILE), style=classes(_7=(9, 9, 9, 255)))
    assert mosaic_world.client.get("/tiles/c/legend.json").json()["code"] == "no_legend"


def test_sets_that_are_not_there_are_not_found(mosaic_world: MosaicWorld) -> None:
    answer = mosaic_world.client.get("/tiles/c/WorldCRS84Quad/0/0/0.png")
    assert answer.json()["code"] == "unknown_tile_matrix_set"
    assert mosaic_world.client.get("/tiles/nothing/WebMercatorQuad/0/0/0.png").status_code == 404


def test_the_collection_is_the_first_layer_of_its_wmts(mosaic_world: MosaicWorld) -> None:
    mosaic_world.add("a", (7, 7, 7), TILE, day=1)
    mosaic_world.add("b", WHITE, TILE, day=2, valid=0.5)
    client = mosaic_world.client
    listed = [
        list(WebMapTileService("", xml=client.get(address).content).contents)
        for address in ("/wmts/c", "/wmts/c/a")
    ]
    assert listed == [["c", "c:b", "c:a"], ["c:a"]]
    z, x, y = TILE
    address = f"/wmts/c/1.0.0/c/default/WebMercatorQuad/{z}/{y}/{x}"
    assert client.get(f"{address}.png").content == mosaic_world.get(TILE).content
    assert colour(rgba(client.get(f"{address}.png?datetime=2024-01-02").content), 20)[:3] == (
        7,
        7,
        7,
    )
    for row, slug, value in ((20, "b", 255), (230, "a", 7)):
        found = client.get(f"{address}/{row}/128.json").json()["features"][0]
        assert (found["id"], found["properties"]["b1"]) == (f"c:{slug}", value)
    elsewhere = client.get("/wmts/c/1.0.0/c/default/WebMercatorQuad/10/1/1/5/5.json")
    assert elsewhere.json()["features"] == []


def test_wmts_says_nothing_of_a_private_collection(mosaic_world: MosaicWorld) -> None:
    mosaic_world.add("a", RED, TILE)
    type(mosaic_world.collection).objects.update(visibility="private")
    z, x, y = TILE
    client = mosaic_world.client
    assert client.get(f"/wmts/1.0.0/c/default/WebMercatorQuad/{z}/{y}/{x}.png").status_code == 404
    assert client.get("/wmts/c").status_code == 404


def test_a_preview_shows_all_of_it(mosaic_world: MosaicWorld) -> None:
    mosaic_world.add("a", RED, TILE)
    mosaic_world.add("b", GREEN, (10, 552, 341))
    answer = mosaic_world.client.get("/tiles/c/preview.png?max_size=200")
    picture = rgba(answer.content)
    assert picture.shape == (128, 192, 4)
    assert colour(picture, 20, 20) == (*RED, 255)
    assert colour(picture, 100, 170) == (*GREEN, 255)
    assert colour(picture, 20, 170)[3] == 0
    again = {"If-None-Match": answer.headers["ETag"]}
    client = mosaic_world.client
    assert client.get("/tiles/c/preview.png?max_size=200", headers=again).status_code == 304
    assert client.get("/tiles/c/preview.webp").headers["content-type"] == "image/webp"
    assert client.get("/tiles/c/preview.tif").json()["code"] == "unknown_format"
