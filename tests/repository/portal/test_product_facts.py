"""Facts of a raster in words."""

from dataclasses import replace

import pytest
from pyproj import CRS

from repository.portal import product_facts
from repository.raster_info import RasterInfo
from tests.repository.conftest import raster_info


def _info(crs: int, transform: tuple[float, ...], bounds: tuple[float, ...]) -> RasterInfo:
    info = raster_info((10, 45, 11, 46))
    return replace(
        info,
        crs_wkt=CRS(crs).to_wkt(),
        crs_epsg=crs,
        transform=transform,  # type: ignore[arg-type]
        bounds=bounds,
        width=100,
        height=100,
    )  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("crs", "pixel", "text"),
    [
        (32633, (10.0, 10.0), "10 m"),
        (32633, (6250.0, 6250.0), "6.2 km"),
        (2263, (1.0, 1.0), "0.3 m"),
        (32633, (0.25, 0.5), "0.25 × 0.5 m"),
    ],
)
def test_pixels_of_projected_rasters_are_told_in_metres(
    crs: int, pixel: tuple[float, float], text: str
) -> None:
    info = _info(crs, (pixel[0], 0, 0, 0, -pixel[1], 0), (0, 0, 1, 1))
    assert product_facts.pixel_size(info) == text


def test_pixels_in_degrees_are_narrower_away_from_the_equator() -> None:
    info = _info(4326, (1 / 1200, 0, 0, 0, -1 / 1200, 0), (40.0, 59.0, 41.0, 61.0))
    assert product_facts.pixel_size(info) == "46 × 93 m"


@pytest.mark.parametrize(("epsg", "metres"), [(32633, 1.0), (2263, 0.3048006096), (27700, 1.0)])
def test_units_of_projected_systems_agree_with_proj(epsg: int, metres: float) -> None:
    assert product_facts.metres_per_unit(CRS(epsg).to_wkt()) == pytest.approx(metres)
    assert CRS(epsg).axis_info[0].unit_conversion_factor == pytest.approx(metres)


def test_geographic_systems_are_recognised_in_both_wkt_versions() -> None:
    for version in ("WKT1_GDAL", "WKT2_2019"):
        info = replace(raster_info((10, 45, 11, 46)), crs_wkt=CRS(4326).to_wkt(version))
        assert product_facts.is_geographic(info)


def test_the_native_zoom_is_the_first_that_shows_every_pixel() -> None:
    info = replace(raster_info((10, 45, 11, 46)), width=2000, bounds_wgs84=(10, 45, 11, 46))
    zoom = product_facts.native_zoom(info)
    degrees_per_pixel = 360 / 256 / 2**zoom
    assert degrees_per_pixel <= 1 / 2000 * 1.1 < degrees_per_pixel * 2.2
