"""Places before they are saved, compared with what the way in computes of the same raster."""

from __future__ import annotations

import pyproj
import pytest
from affine import Affine

from repository.errors import BadRequest
from repository.placing import Place, corners_of_bounds, corners_of_grid, place
from tasks.footprints import find_footprint


def placed(code: int, *bounds: float) -> Place:
    left, bottom, right, top = bounds
    return place(pyproj.CRS.from_epsg(code), corners_of_bounds((left, bottom, right, top)))


@pytest.mark.parametrize(
    ("code", "bounds"),
    [
        (32633, (458000, 5540000, 470000, 5550000)),
        (4326, (10, 45, 11, 46)),
        (4326, (170, -10, 190, 10)),
        (4326, (0, -90, 360, 90)),
        (3832, (2e6, -1e6, 4e6, 1e6)),
        (3413, (-1e6, -3e6, 1e6, -1e6)),
        (5514, (-904000, -1228000, -430000, -934000)),
    ],
)
def test_the_place_is_that_which_the_way_in_finds(code: int, bounds: tuple[float, ...]) -> None:
    left, bottom, right, top = bounds
    crs = pyproj.CRS.from_epsg(code)
    grid = Affine((right - left) / 100, 0, left, 0, (bottom - top) / 100, top)
    truth = find_footprint(crs, grid, 100, 100).bounds_wgs84
    assert placed(code, *bounds).bounds_wgs84 == pytest.approx(truth, abs=2e-3)


def test_a_raster_round_the_pole_reaches_it() -> None:
    found = placed(3031, -3e6, -3e6, 3e6, 3e6)
    assert found.bounds_wgs84[:3] == (-180, -90, 180)


def test_a_place_across_the_antimeridian_is_cut_there() -> None:
    found = placed(4326, 170, -10, 190, 10)
    assert found.bounds_wgs84 == pytest.approx((170, -10, -170, 10))
    assert found.footprint_wgs84["type"] == "MultiPolygon"
    edges = [p[0] for part in found.footprint_wgs84["coordinates"] for p in part[0]]
    assert (min(edges), max(edges)) == (-180, 180)


def test_the_corners_of_a_rotated_grid_are_its_own() -> None:
    assert corners_of_grid((1, 1, 10, -1, 1, 20), 2, 1) == ((10, 20), (12, 18), (13, 19), (11, 21))


def test_metres_in_degrees_are_refused_with_the_numbers() -> None:
    with pytest.raises(BadRequest) as caught:
        placed(4326, 458000, 5540000, 470000, 5550000)
    assert caught.value.code == "invalid_answer"
    assert "They look like metres" in caught.value.detail
    assert "458000" in caught.value.detail


def test_what_a_system_cannot_describe_is_refused() -> None:
    with pytest.raises(BadRequest, match="cannot describe"):
        placed(32633, 1e9, 1e9, 2e9, 2e9)


def test_a_place_far_from_the_systems_area_is_warned_of() -> None:
    assert [code for code, _ in placed(5514, 0, 0, 10000, 10000).warnings] == [
        "outside_area_of_use"
    ]
