"""Numbers along the curve: those that the PMTiles specification gives, and that they go round."""

from __future__ import annotations

import numpy as np
import pytest

from tiler.pixels.tile_ids import first_id, tile_ids, tiles_of


@pytest.mark.parametrize(
    ("z", "x", "y", "number"),
    [
        (0, 0, 0, 0), (1, 0, 0, 1), (1, 0, 1, 2), (1, 1, 1, 3), (1, 1, 0, 4), (2, 0, 0, 5),
        (12, 3423, 1763, 19078479),
    ],
)  # fmt: skip
def test_the_numbers_of_the_specification(z: int, x: int, y: int, number: int) -> None:
    assert tile_ids(z, np.array([x]), np.array([y])).tolist() == [number]


@pytest.mark.parametrize("z", [0, 1, 2, 5])
def test_every_tile_of_a_level_has_its_own_number(z: int) -> None:
    rows, columns = np.mgrid[: 2**z, : 2**z]
    ids = tile_ids(z, columns.ravel(), rows.ravel())
    assert np.array_equal(np.sort(ids), np.arange(first_id(z), first_id(z + 1)))


@pytest.mark.parametrize("z", [0, 3, 13, 24])
def test_a_number_leads_back_to_its_tile(z: int) -> None:
    x, y = np.random.default_rng(z).integers(0, 2**z, (2, 500))
    found = tiles_of(z, tile_ids(z, x, y))
    assert np.array_equal(found, (x, y))


def test_neighbours_along_the_curve_are_neighbours_in_the_map() -> None:
    x, y = tiles_of(6, np.arange(first_id(6), first_id(7)))
    assert set(np.abs(np.diff(x)) + np.abs(np.diff(y))) == {1}
