"""Stops and intervals: each value's colour against an interpolation of its own."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from repository.rendering_style import ColorStop, RenderingStyle
from tests.rasters import write_raster
from tests.tiler.refs import ref_of
from tiler.pixels.colours import as_colours
from tiler.pixels.pictures import draw
from tiler.pixels.reading import Pixels, read_window
from tiler.pixels.rendering import media_format
from tiler.pixels.styles import paint

RED, GREEN, BLUE = (200, 30, 0, 255), (0, 160, 40, 255), (10, 20, 250, 255)


def style(*stops: tuple[float, tuple[int, int, int, int]], **fields: Any) -> RenderingStyle:
    made = tuple(ColorStop(value, color) for value, color in stops)
    return RenderingStyle(**({"kind": "stops", "bands": (1,), "stops": made} | fields))


def colours(values: Any, drawn: RenderingStyle, dtype: str = "float32") -> np.ndarray:
    """(n, 4) of values in a row."""
    data = np.array([[values]], dtype)
    picture = as_colours(paint(Pixels(data, ~np.isnan(data[0].astype(float))), drawn))
    alpha = np.full((1, len(values)), 255) if picture.alpha is None else picture.alpha
    return np.dstack([picture.rgb, alpha])[0]


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "uint8", "int32"])
def test_colours_are_blended_from_stop_to_stop(dtype: str) -> None:
    drawn = style((0, RED), (10, GREEN), (100, BLUE))
    values = np.arange(0, 101)
    stops = np.array([RED, GREEN, BLUE])
    expected = np.stack([np.interp(values, [0, 10, 100], stops[:, i]) for i in range(4)], axis=1)
    assert np.abs(colours(values, drawn, dtype) - expected).max() <= 2.01


def test_a_long_way_through_the_colours_is_drawn_exactly() -> None:
    stops = [(i, RED if i % 2 else BLUE) for i in range(60)]
    values = np.linspace(0, 59, 1000)
    table = np.array([color for _, color in stops])
    expected = np.stack([np.interp(values, range(60), table[:, i]) for i in range(4)], axis=1)
    assert np.abs(colours(values, style(*stops), "float64") - expected).max() <= 1.01


@pytest.mark.parametrize(
    ("outside", "below", "above"),
    [("clamp", RED, BLUE), ("transparent", (0, 0, 0, 0), (0, 0, 0, 0))],
)
@pytest.mark.parametrize("dtype", ["float32", "int16"])
def test_beyond_the_stops(dtype: str, outside: str, below: Any, above: Any) -> None:
    drawn = style((0, RED), (10, GREEN), (100, BLUE), outside=outside)
    found = colours([-1, 101, 0, 100], drawn, dtype)
    assert [tuple(c) for c in found] == [below, above, RED, BLUE]


def test_an_interval_holds_its_upper_end() -> None:
    drawn = style((0, RED), (10, GREEN), (math.inf, BLUE), kind="intervals")
    found = colours([-5, 0, 0.5, 10, 10.5, math.nan], drawn)
    assert [tuple(c) for c in found[:5]] == [RED, RED, GREEN, GREEN, BLUE]
    assert found[5, 3] == 0


@pytest.mark.parametrize(("outside", "expected"), [("clamp", GREEN), ("transparent", (0,) * 4)])
def test_above_the_last_interval(outside: str, expected: Any) -> None:
    drawn = style((0, RED), (10, GREEN), kind="intervals", outside=outside)
    assert tuple(colours([11], drawn)[0]) == expected


def test_hundreds_of_intervals_keep_their_colours() -> None:
    drawn = style(*((i, (i % 256, i // 256, 7, 255)) for i in range(400)), kind="intervals")
    assert [tuple(c) for c in colours([3, 301], drawn)] == [(3, 0, 7, 255), (45, 1, 7, 255)]


def test_half_transparent_stops_stay_so() -> None:
    drawn = style((0, (0, 0, 255, 0)), (100, (0, 0, 255, 255)))
    assert [c[3] for c in colours([0, 50, 100], drawn)] == pytest.approx([0, 128, 255], abs=1)


def test_one_colour_all_along() -> None:
    assert tuple(colours([5], style((0, RED), (10, RED)))[0]) == RED


def test_a_ramp_may_leave_out_what_lies_beyond_its_stretch() -> None:
    drawn = RenderingStyle(kind="ramp", bands=(1,), stretch=((0, 10),), outside="transparent")
    assert [c[3] for c in colours([-1, 0, 10, 11], drawn)] == [0, 255, 255, 0]


def test_a_formula_is_drawn_through_its_colours() -> None:
    drawn = style((-1, RED), (1, GREEN), formula="(b2 - b1) / (b1 + b2)", bands=(1, 2))
    data = np.array([[[0, 1, 0]], [[1, 0, 0]]], "uint16")
    picture = as_colours(paint(Pixels(data, np.ones((1, 3), bool)), drawn))
    assert picture.alpha is not None
    assert [tuple(c) for c in picture.rgb[0, :2]] == [GREEN[:3], RED[:3]]
    assert list(picture.alpha[0]) == [255, 255, 0]


@pytest.mark.parametrize("fields", [
    {"kind": "stops"}, {"kind": "intervals"}, {"kind": "stops", "outside": "transparent"},
    {"kind": "stops", "formula": "b1 - b2", "bands": (1, 2)},
    {"kind": "ramp", "stretch": ((3, 5),), "outside": "transparent"},
])  # fmt: skip
def test_the_quick_way_leaves_such_styles_alone(tmp_path: Path, fields: dict[str, Any]) -> None:
    data = np.stack([np.arange(64).reshape(8, 8), np.full((8, 8), 30)]).astype("uint16")
    drawn = style((2, RED), (7, GREEN), (40, BLUE), **fields)
    ref = ref_of(write_raster(tmp_path / "a.tif", data, nodata=9), drawn)
    window = (ref.bounds, ref.crs_wkt, ref.width, ref.height)
    body = draw(ref, *window, media_format("png"))
    assert body is not None
    expected = as_colours(paint(read_window(ref, *window, bands=drawn.bands), drawn))
    found = np.asarray(Image.open(io.BytesIO(body)).convert("RGBA"))
    alpha = 255 if expected.alpha is None else expected.alpha
    assert (found[..., 3] == alpha).all()
    assert (found[..., :3] == expected.rgb)[found[..., 3] > 0].all()
