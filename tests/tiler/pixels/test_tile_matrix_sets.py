"""Tile arithmetic, against morecantile."""

from __future__ import annotations

import morecantile
import pytest

from repository.errors import BadRequest, NotFound
from tiler.pixels.tile_matrix_sets import WEB_MERCATOR_QUAD as QUAD
from tiler.pixels.tile_matrix_sets import tile_matrix_set

ORACLE = morecantile.tms.get("WebMercatorQuad")


TILES = [(0, 0, 0), (1, 1, 0), (7, 66, 43), (24, 9_000_000, 5_000_000)]


@pytest.mark.parametrize(("z", "x", "y"), TILES)
def test_bounds_agree_with_morecantile(z: int, x: int, y: int) -> None:
    assert QUAD.bounds(z, x, y) == pytest.approx(tuple(ORACLE.xy_bounds(x, y, z)), abs=1e-6)


@pytest.mark.parametrize("z", [0, 3, 9])
def test_tiles_over_a_box_agree_with_morecantile(z: int) -> None:
    box = (12.1, 48.5, 18.9, 51.1)
    tiles = list(ORACLE.tiles(*box, z))
    columns, rows = {t.x for t in tiles}, {t.y for t in tiles}
    assert QUAD.tiles_over(box, z) == (min(columns), min(rows), max(columns), max(rows))


def test_a_box_across_the_antimeridian_takes_every_column() -> None:
    assert QUAD.tiles_over((170, -10, -170, 10), 2) == (0, 1, 3, 2)


@pytest.mark.parametrize(("z", "x", "y"), [(-1, 0, 0), (31, 0, 0), (2, 4, 0), (2, 0, -1)])
def test_a_tile_that_does_not_exist_is_refused(z: int, x: int, y: int) -> None:
    with pytest.raises(BadRequest):
        QUAD.check(z, x, y)


def test_only_the_two_names_are_known() -> None:
    assert tile_matrix_set("GoogleMapsCompatible").bounds(0, 0, 0) == QUAD.bounds(0, 0, 0)
    with pytest.raises(NotFound) as caught:
        tile_matrix_set("WorldCRS84Quad")
    assert caught.value.code == "unknown_tile_matrix_set"
