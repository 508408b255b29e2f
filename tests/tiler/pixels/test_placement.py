"""Positions against PROJ itself, asked for every pixel."""

from __future__ import annotations

import numpy as np
import pytest
from pyproj import Transformer

from tiler.pixels.placement import TOLERANCE_PIXELS, place
from tiler.pixels.tile_matrix_sets import WEB_MERCATOR_QUAD as QUAD

GRIDS = {
    "EPSG:3413": (500.0, -4_000_000.0, 4_000_000.0, 16_000),
    "EPSG:3978": (250.0, -2_500_000.0, 4_000_000.0, 20_000),
    "EPSG:3031": (500.0, -4_000_000.0, 4_000_000.0, 16_000),
    "EPSG:2154": (100.0, 0.0, 7_200_000.0, 12_000),
    "EPSG:32633": (10.0, 300_000.0, 7_000_000.0, 10_980),
    "EPSG:4326": (0.01, -180.0, 90.0, 36_000),
}  # fmt: skip
"""CRS -> pixel size, left, top, pixels a side; the first five are conformal."""


def interpolated(nodes: np.ndarray, size: int) -> np.ndarray:
    """Node values drawn out to `size` pixels a side, as the compiled loop does."""
    at = np.arange(size) * (len(nodes) - 1) / (size - 1)
    low = np.minimum(at.astype(int), len(nodes) - 2)
    share = at - low
    rows = nodes[low] + (nodes[low + 1] - nodes[low]) * share[:, None]
    return rows[:, low] + (rows[:, low + 1] - rows[:, low]) * share


@pytest.mark.parametrize("size", [256, 1024])
@pytest.mark.parametrize("z", [1, 3, 9])
@pytest.mark.parametrize("crs", GRIDS)
def test_a_position_is_that_of_proj_as_exactly_as_is_said(crs: str, z: int, size: int) -> None:
    pixel, left, top, side = GRIDS[crs]
    middle = Transformer.from_crs(crs, 4326, always_xy=True).transform(
        left + pixel * side * 0.4, top - pixel * side * 0.3
    )
    west, north, *_ = QUAD.tiles_over((*middle, middle[0] + 1e-9, middle[1] + 1e-9), z)
    bounds = QUAD.bounds(z, west, north)
    placed = place(
        bounds, QUAD.crs, size, size, source_crs=crs,
        source_transform=(pixel, 0.0, left, 0.0, -pixel, top), source_size=(side, side),
    )  # fmt: skip
    step = (bounds[2] - bounds[0]) / size
    xs = bounds[0] + step * (np.arange(size) + 0.5)
    ys = bounds[3] - step * (np.arange(size) + 0.5)
    x, y = Transformer.from_crs(3857, crs, always_xy=True).transform(*np.meshgrid(xs, ys))
    columns, rows = (x - left) / pixel, (top - y) / pixel
    inside = (columns >= 0) & (columns < side) & (rows >= 0) & (rows < side)
    if placed.columns.shape == (size, size):
        found = placed.columns, placed.rows
    else:
        found = interpolated(placed.columns, size), interpolated(placed.rows, size)
    error = np.maximum(np.abs(found[0] - columns), np.abs(found[1] - rows))[inside]
    assert inside.any()
    assert error.max() <= TOLERANCE_PIXELS * max(placed.resolution, 1e-9) * 1.05
