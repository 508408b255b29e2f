from __future__ import annotations

import pyproj
import pytest
from affine import Affine
from shapely.geometry import Point, shape

from tasks.footprints import Footprint, find_footprint


def footprint(crs: object, bounds: tuple[float, float, float, float], size: int = 100) -> Footprint:
    left, bottom, right, top = bounds
    grid = Affine((right - left) / size, 0, left, 0, -(top - bottom) / size, top)
    found = find_footprint(pyproj.CRS.from_user_input(crs), grid, size, size)
    geometry = shape(found.geometry)
    assert geometry.is_valid
    west, south, east, north = geometry.bounds
    assert west >= -180
    assert east <= 180
    assert south >= -90
    assert north <= 90
    parts = getattr(geometry, "geoms", [geometry])
    assert all(part.exterior.is_ccw for part in parts)
    assert sum(len(part.exterior.coords) for part in parts) < 500
    return found


def test_degrees_are_a_plain_box() -> None:
    found = footprint("EPSG:4326", (10, 40, 15, 45))
    assert found.bounds_wgs84 == (10, 40, 15, 45)
    assert shape(found.geometry).area == pytest.approx(25)


def test_an_image_over_the_antimeridian_is_cut_there() -> None:
    found = footprint("EPSG:32660", (600_000, 5_600_000, 800_000, 5_800_000))
    left, _, right, _ = found.bounds_wgs84
    assert 170 < left < 180
    assert -180 < right < -170
    assert found.geometry["type"] == "MultiPolygon"
    assert shape(found.geometry).area < 20


def test_the_south_pole_is_inside_a_polar_raster() -> None:
    found = footprint("EPSG:3031", (-3e6, -3e6, 3e6, 3e6))
    assert found.bounds_wgs84[0::2] == (-180, 180)
    assert found.bounds_wgs84[1] == -90
    area = shape(found.geometry)
    assert all(area.contains(Point(lon, -89.9)) for lon in (-170, 0, 95))
    assert not area.contains(Point(0, -50))


def test_a_polar_tile_with_the_pole_at_its_corner_covers_its_quadrant() -> None:
    found = footprint("EPSG:3413", (0, 0, 1e6, 1e6))
    area = shape(found.geometry)
    assert found.bounds_wgs84[3] == pytest.approx(90)
    assert area.contains(Point(90, 89.5))
    assert not area.contains(Point(-90, 89.5))


def test_longitudes_to_360_become_the_whole_world_with_a_warning() -> None:
    found = footprint("EPSG:4326", (0, -90, 360, 90))
    assert found.bounds_wgs84 == (-180, -90, 180, 90)
    assert shape(found.geometry).area == pytest.approx(360 * 180)
    assert [code for code, _ in found.warnings] == ["longitudes_wrapped"]


def test_longitudes_beyond_180_come_to_their_place() -> None:
    found = footprint("EPSG:4326", (200, 10, 220, 20))
    assert found.bounds_wgs84 == (-160, 10, -140, 20)


def test_an_edge_at_180_is_no_crossing() -> None:
    assert footprint("EPSG:4326", (-180, 10, -170, 20)).bounds_wgs84 == (-180, 10, -170, 20)
    assert footprint("EPSG:4326", (170, 10, 180, 20)).bounds_wgs84 == (170, 10, 180, 20)


def test_the_world_in_mercator_is_one_polygon() -> None:
    edge = 20037508.342789244
    found = footprint("EPSG:3857", (-edge, -edge, edge, edge))
    assert found.bounds_wgs84 == pytest.approx((-180, -85.0511, 180, 85.0511), abs=1e-3)


def test_a_full_disk_keeps_to_the_visible_earth() -> None:
    found = footprint("+proj=geos +h=35785831 +lon_0=0", (-5.5e6, -5.5e6, 5.5e6, 5.5e6))
    left, bottom, right, top = found.bounds_wgs84
    assert -82 < left < -70
    assert 70 < right < 82
    assert top == pytest.approx(-bottom, abs=1)
    assert shape(found.geometry).contains(Point(0, 0))


def test_an_oval_world_map_is_the_world() -> None:
    found = footprint("ESRI:54009", (-18.1e6, -9.1e6, 18.1e6, 9.1e6))
    assert found.bounds_wgs84[2] - found.bounds_wgs84[0] > 340
    assert shape(found.geometry).contains(Point(120, 40))


def test_krovak_falls_on_czechia() -> None:
    found = footprint("EPSG:5514", (-744_000, -1_045_000, -743_000, -1_044_000))
    assert shape(found.geometry).distance(Point(14.42, 50.08)) < 0.05


def test_a_crs_far_from_home_is_warned_of() -> None:
    found = footprint("EPSG:32633", (400_000, -5_000_000, 500_000, -4_900_000))
    assert [code for code, _ in found.warnings] == ["outside_area_of_use"]
