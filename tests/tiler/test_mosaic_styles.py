"""A collection in one of its named styles: tiles, TileJSON, legends and WMTS."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from owslib.wmts import WebMapTileService

from repository import styles
from repository.styles import NewStyle
from tests.tiler.mosaic_world import GREEN, MosaicWorld, classes, rgba
from tiler.pixels.tile_matrix_sets import WEB_MERCATOR_QUAD as QUAD

pytestmark = pytest.mark.services
ORANGE = (255, 51, 1)
TILE, BESIDE = (10, 550, 340), (10, 552, 340)
GREENS: dict[str, Any] = {
    "kind": "ramp", "bands": [2], "stretch": [[0, 255]], "ramp": "gray", "unit": "m",
}  # fmt: skip


@pytest.fixture
def world(mosaic_world: MosaicWorld) -> MosaicWorld:
    """Orange and green of three bands, one map of one band, and a style that needs the second."""
    mosaic_world.add("orange", ORANGE, TILE)
    mosaic_world.add("green", GREEN, BESIDE)
    one_band = np.full((1, 8, 8), 7, np.int16)
    mosaic_world.publish("flat", one_band, QUAD.bounds(*TILE), style=classes(_7=(9, 9, 9, 255)))
    _store(mosaic_world, "greens", GREENS)
    return mosaic_world


def _store(world: MosaicWorld, name: str, definition: dict[str, Any]) -> Any:
    owner = world.principal(world.owner)
    return styles.create(owner, world.collection, NewStyle(name, definition, "Only green"))


def colours(picture: np.ndarray) -> set[tuple[int, ...]]:
    found = np.unique(picture[picture[..., 3] > 0], axis=0)
    return {tuple(int(v) for v in colour) for colour in found}


def test_all_maps_that_have_the_bands_are_drawn_in_it(world: MosaicWorld) -> None:
    assert colours(world.picture(BESIDE, "?style=greens")) == {(255, 255, 255, 255)}
    answer = world.get(TILE, "?style=greens")
    assert colours(rgba(answer.content)) == {(51, 51, 51, 255)}
    assert answer.headers["X-Assets"] == answer.headers["X-Assets-Unfit"] == "1"
    assert "X-Assets-Unfit" not in world.get(BESIDE, "?style=greens").headers
    assert "X-Assets-Unfit" not in world.get(TILE).headers
    assert colours(world.picture(BESIDE, "?style=default")) == {(*GREEN, 255)}


def test_low_zooms_are_in_it_as_well(world: MosaicWorld) -> None:
    world.build()
    assert colours(world.picture((5, 17, 10), "?style=greens")) <= {
        (v, v, v, 255) for v in range(256)
    }
    assert (*GREEN, 255) in colours(world.picture((5, 17, 10)))


def test_another_definition_is_another_answer(world: MosaicWorld) -> None:
    owner = world.principal(world.owner)
    first = world.get(TILE, "?style=greens")
    again = {"If-None-Match": first.headers["ETag"]}
    assert world.get(TILE, "?style=greens", headers=again).status_code == 304
    row = styles.find(owner, world.collection, "greens")
    styles.change(owner, row, definition=GREENS | {"ramp": "viridis"})
    other = world.get(TILE, "?style=greens", headers=again)
    assert other.status_code == 200
    assert other.content != first.content


def test_a_product_s_own_style_is_none_of_the_collection(world: MosaicWorld) -> None:
    owner = world.principal(world.owner)
    product = world.collection.products.get(slug="orange")
    styles.create(owner, product, NewStyle("own", GREENS))
    for query in ("?style=own", "?style=none", "?style=a%00b"):
        answer = world.get(TILE, query)
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_style"), query


def test_of_a_private_collection_a_style_says_nothing(world: MosaicWorld) -> None:
    type(world.collection).objects.update(visibility="private")
    for query in ("?style=greens", "?style=none"):
        assert world.get(TILE, query).json()["code"] == "not_found"
    owned = world.get(TILE, "?style=greens", user=world.owner)
    assert colours(rgba(owned.content)) == {(51, 51, 51, 255)}


def test_tilejson_and_legends_name_it(world: MosaicWorld) -> None:
    document = world.get("tilejson", "?style=greens", extension="json").json()
    assert document["tiles"][0].endswith("/{y}.png?style=greens")
    assert document["legend"].endswith("/tiles/c/legend.png?style=greens")
    assert "legend" not in world.get("tilejson", extension="json").json()
    client = world.client
    assert client.get("/tiles/c/legend.json").json()["code"] == "no_legend"
    assert client.get("/tiles/c/legend.json?style=greens").json()["unit"] == "m"
    assert client.get("/tiles/c/legend.png?style=greens").status_code == 200
    assert client.get("/tiles/c/legend.json?style=none").json()["code"] == "unknown_style"
    preview = client.get("/tiles/c/preview.png?style=greens&max_size=128")
    assert (51, 51, 51, 255) in colours(rgba(preview.content))


def test_wmts_offers_it(world: MosaicWorld) -> None:
    client = world.client
    layer = WebMapTileService("", xml=client.get("/wmts/c").content).contents["c"]
    assert {name: style["title"] for name, style in layer.styles.items()} == {
        "default": "default", "greens": "Only green",
    }  # fmt: skip
    assert "legend" not in layer.styles["default"]
    assert layer.styles["greens"]["legend"].endswith("/tiles/c/legend.png?style=greens")
    z, x, y = BESIDE
    rest = "/wmts/c/1.0.0/c/{}/WebMercatorQuad/" + f"{z}/{y}/{x}.png"
    key_values = (
        "/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0&LAYER=c&STYLE={}&FORMAT=image/png"
        f"&TILEMATRIXSET=WebMercatorQuad&TILEMATRIX={z}&TILEROW={y}&TILECOL={x}"
    )
    for address in (rest, key_values, key_values.replace("STYLE", "style")):
        assert colours(rgba(client.get(address.format("greens")).content)) == {(255,) * 4}
        assert colours(rgba(client.get(address.format("default")).content)) == {(*GREEN, 255)}
        refused = client.get(address.format("none"))
        assert refused.status_code == 400
        assert b'locator="Style"' in refused.content
