"""Windows: the pixels that a place asks for, in every kind of grid."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from pyproj import Transformer
from rasterio.transform import from_bounds

from repository.errors import BadRequest
from repository.raster_info import RasterInfo
from tests.rasters import gradient
from tests.tiler.ogc.making import written
from tiler.ogc.coverage_request import CoverageRequest, Interval
from tiler.ogc.coverage_window import PixelWindow, choose_window

UTM33 = "http://www.opengis.net/def/crs/EPSG/0/32633"


@pytest.fixture
def utm(tmp_path: Path) -> RasterInfo:
    """50 columns and 40 rows of 10 m from 400000, 5600000."""
    return written(tmp_path, gradient("uint8")).raster


@pytest.fixture
def world(tmp_path: Path) -> RasterInfo:
    """36 columns and 18 rows of 10 degrees."""
    pixels = np.ones((1, 18, 36), "uint8")
    place = from_bounds(-180, -90, 180, 90, 36, 18)
    return written(tmp_path, pixels, crs="EPSG:4326", transform=place).raster


def place_of(window: PixelWindow) -> tuple[int, int, int, int]:
    return window.column, window.row, window.width, window.height


def test_nothing_asked_is_the_whole_raster(utm: RasterInfo) -> None:
    assert choose_window(utm, CoverageRequest()) == PixelWindow(0, 0, 50, 40, 50, 40)


def test_a_bbox_in_the_rasters_crs_takes_every_pixel_it_touches(utm: RasterInfo) -> None:
    request = CoverageRequest(bbox=(400_015, 5_599_975, 400_030, 5_599_990), bbox_crs=UTM33)
    assert place_of(choose_window(utm, request)) == (1, 1, 2, 2)


def test_a_bbox_in_degrees_holds_its_corners(utm: RasterInfo) -> None:
    degrees = Transformer.from_crs(32633, 4326, always_xy=True).transform_bounds(
        400_100, 5_599_700, 400_200, 5_599_800
    )
    window = choose_window(utm, CoverageRequest(bbox=degrees))
    assert window.column <= 10 < 20 <= window.column + window.width
    assert window.width <= 13


def test_latitude_comes_first_where_the_bbox_crs_says_so(world: RasterInfo) -> None:
    request = CoverageRequest(
        bbox=(40, 10, 50, 20), bbox_crs="http://www.opengis.net/def/crs/EPSG/0/4326"
    )
    assert place_of(choose_window(world, request)) == (19, 4, 1, 1)


def test_the_whole_earth_is_the_whole_raster(utm: RasterInfo) -> None:
    request = CoverageRequest(bbox=(-180, -90, 180, 90))
    assert place_of(choose_window(utm, request)) == (0, 0, 50, 40)


def test_subset_by_latitude_and_longitude(world: RasterInfo) -> None:
    request = CoverageRequest(subset={"lat": Interval(40, 50), "lon": Interval(10, None)})
    assert place_of(choose_window(world, request)) == (19, 4, 17, 1)


def test_subset_by_easting_in_the_rasters_crs(utm: RasterInfo) -> None:
    request = CoverageRequest(subset={"x": Interval(400_000, 400_020)})
    assert place_of(choose_window(utm, request)) == (0, 0, 2, 40)


def test_a_point_is_one_pixel(utm: RasterInfo) -> None:
    subset = {"x": Interval(400_025, 400_025), "y": Interval(5_599_995, 5_599_995)}
    assert place_of(choose_window(utm, CoverageRequest(subset=subset))) == (2, 0, 1, 1)


def test_a_place_outside_is_refused(utm: RasterInfo) -> None:
    with pytest.raises(BadRequest) as caught:
        choose_window(utm, CoverageRequest(bbox=(-60, -10, -50, 0)))
    assert caught.value.code == "outside_raster"


def test_a_south_up_raster_gives_the_same_place(world: RasterInfo) -> None:
    south_up = replace(world, transform=(10.0, 0.0, -180.0, 0.0, 10.0, -90.0))
    window = choose_window(south_up, CoverageRequest(bbox=(10, 40, 20, 50)))
    assert place_of(window) == (19, 13, 1, 1)
    assert window.transform(south_up) @ (0, 0) == (10, 40)


def test_longitudes_from_0_to_360_are_found_by_negative_ones(world: RasterInfo) -> None:
    shifted = replace(world, transform=(10.0, 0.0, 0.0, 0.0, -10.0, 90.0), bounds=(0, -90, 360, 90))
    window = choose_window(shifted, CoverageRequest(bbox=(-20, 40, -10, 50)))
    assert place_of(window) == (34, 4, 1, 1)


def test_a_bbox_over_the_antimeridian_is_one_window_where_the_raster_is_whole_there(
    world: RasterInfo,
) -> None:
    shifted = replace(world, transform=(10.0, 0.0, 0.0, 0.0, -10.0, 90.0), bounds=(0, -90, 360, 90))
    window = choose_window(shifted, CoverageRequest(bbox=(170, 40, -170, 50)))
    assert place_of(window) == (17, 4, 2, 1)


def test_a_bbox_over_the_antimeridian_of_a_world_map_is_refused_with_a_hint(
    world: RasterInfo,
) -> None:
    with pytest.raises(BadRequest) as caught:
        choose_window(world, CoverageRequest(bbox=(170, 40, -170, 50)))
    assert caught.value.code == "bbox_crosses_antimeridian"


def test_scale_factor_divides_the_number_of_cells(utm: RasterInfo) -> None:
    window = choose_window(utm, CoverageRequest(factors={"x": 2, "y": 2}))
    assert (window.out_width, window.out_height) == (25, 20)


def test_scale_size_keeps_the_axis_that_is_not_named(utm: RasterInfo) -> None:
    window = choose_window(utm, CoverageRequest(sizes={"x": 10}))
    assert (window.out_width, window.out_height) == (10, 40)


def test_the_scaled_grid_ends_where_the_window_ends(utm: RasterInfo) -> None:
    window = choose_window(utm, CoverageRequest(sizes={"x": 7, "y": 3}))
    left, bottom, right, top = utm.bounds
    assert window.transform(utm) @ (0, 0) == pytest.approx((left, top))
    assert window.transform(utm) @ (7, 3) == pytest.approx((right, bottom))


def test_axes_that_are_scaled_too_differently_are_refused(utm: RasterInfo) -> None:
    large = replace(utm, width=100_000, height=100_000)
    with pytest.raises(BadRequest) as caught:
        choose_window(large, CoverageRequest(sizes={"x": 1, "y": 100_000}))
    assert caught.value.code == "scale_too_uneven"


def test_a_rotated_raster_gives_the_pixels_around_the_place(utm: RasterInfo) -> None:
    rotated = Affine.translation(400_000, 5_600_000) @ Affine.rotation(30) @ Affine.scale(10, -10)
    raster = replace(utm, transform=tuple(rotated)[:6])
    x, y = rotated @ (20.5, 10.5)
    request = CoverageRequest(bbox=(x, y, x, y), bbox_crs=UTM33)
    assert place_of(choose_window(raster, request)) == (20, 10, 1, 1)
