from __future__ import annotations

from typing import Any

import pytest

from repository.raster_info import BandInfo, Kind, RasterInfo, Statistics
from tasks.rendering_defaults import default_style


def facts(low: float, high: float, unique: tuple[int, ...] = ()) -> Statistics:
    return Statistics(
        min=low - 1, max=high + 1, mean=low, std=1.0, valid_count=9, total_count=9,
        percentile_2=low, percentile_98=high, unique_values=unique,
    )  # fmt: skip


def info(kind: Kind, *bands: dict[str, Any], dtype: str = "uint16") -> RasterInfo:
    made = tuple(
        BandInfo(**({"index": i, "dtype": dtype} | band)) for i, band in enumerate(bands, 1)
    )
    return RasterInfo(
        driver="GTiff", width=3, height=3, crs_wkt="", crs_epsg=4326, crs_name="",
        transform=(1, 0, 0, 0, -1, 0), bounds=(0, 0, 1, 1), bounds_wgs84=(0, 0, 1, 1),
        footprint_wgs84={}, bands=made, kind=kind,
    )  # fmt: skip


def test_a_measurement_is_stretched_from_2_to_98_percent() -> None:
    style = default_style(
        info("measurement", {"statistics": facts(3, 90), "description": "Height", "unit": "m"})
    )
    assert (style.kind, style.bands, style.stretch) == ("ramp", (1,), ((3, 90),))
    assert (style.ramp, style.resampling, style.title, style.unit) == (
        "viridis", "bilinear", "Height", "m",
    )  # fmt: skip


def test_a_constant_raster_gets_a_stretch_of_some_width() -> None:
    constant = Statistics(
        min=7, max=7, mean=7, std=0, valid_count=9, total_count=9, percentile_2=7, percentile_98=7
    )
    ((low, high),) = default_style(info("measurement", {"statistics": constant})).stretch
    assert low < 7 < high


def test_a_raster_without_values_has_a_style_all_the_same() -> None:
    empty = Statistics(min=None, max=None, mean=None, std=None, valid_count=0, total_count=9)
    ((low, high),) = default_style(info("measurement", {"statistics": empty})).stretch
    assert low < high


def test_classes_take_the_colours_of_the_file() -> None:
    table = ((0, 0, 0, 0, 0), (1, 255, 0, 0, 255), (2, 0, 0, 255, 255))
    band = {"color_table": table, "statistics": facts(1, 2, unique=(1, 2))}
    style = default_style(info("classes", band, dtype="uint8"))
    assert [(c.value, c.color) for c in style.classes] == [
        (1, (255, 0, 0, 255)),
        (2, (0, 0, 255, 255)),
    ]
    assert style.resampling == "nearest"


def test_classes_without_colours_get_different_ones() -> None:
    style = default_style(info("classes", {"statistics": facts(0, 1, unique=tuple(range(60)))}))
    assert len({c.color for c in style.classes}) == 60
    assert style.classes[7].label == "7"


def test_bits_of_too_many_values_fall_back_to_a_ramp() -> None:
    style = default_style(info("bits", {"statistics": facts(0, 900)}))
    assert (style.kind, style.resampling) == ("ramp", "nearest")


@pytest.mark.parametrize(("low", "high", "expected"), [(5, 250, (0, 255)), (5, 20, (5, 20))])
def test_bytes_are_shown_as_they_are_unless_far_too_dark(
    low: float, high: float, expected: tuple[float, float]
) -> None:
    bands = [
        {"color_interpretation": color, "statistics": facts(low, high)}
        for color in ("red", "green", "blue")
    ]
    assert default_style(info("rgb", *bands, dtype="uint8")).stretch == (expected,) * 3


def test_colours_are_found_whatever_the_order_of_bands() -> None:
    bands = [
        {"color_interpretation": color, "statistics": facts(10 * i, 100 * i)}
        for i, color in enumerate(("blue", "green", "red", "alpha"), 1)
    ]
    style = default_style(info("rgb", *bands))
    assert style.bands == (3, 2, 1)
    assert style.stretch == ((10, 300),) * 3


def test_sensor_bands_are_found_by_name() -> None:
    bands = [
        {"description": name, "statistics": facts(0, 1)} for name in ("B02", "B03", "B04", "B08")
    ]
    assert default_style(info("measurement", *bands, dtype="float32")).bands == (3, 2, 1)


def test_two_named_bands_make_no_picture() -> None:
    bands = [{"description": name, "statistics": facts(0, 1)} for name in ("red", "nir")]
    assert default_style(info("measurement", *bands)).kind == "ramp"


def test_differences_are_shown_around_zero() -> None:
    band = {"description": "temperature anomaly", "statistics": facts(-2, 5)}
    style = default_style(info("measurement", band, dtype="float32"))
    assert (style.ramp, style.stretch) == ("rdbu_r", ((-5, 5),))
