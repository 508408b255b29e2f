"""Compiled: nodes of a coarse grid from source coordinates to source pixels, and whether drawing
straight lines between them is exact enough."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tiler.pixels.row_runs import COMPILED

Array = NDArray[Any]


@njit(**COMPILED)
def node_coordinates(bounds: Array, width: int, height: int, nodes: int) -> tuple[Array, Array]:
    """x and y (nodes, nodes) from the first pixel's centre to the last one's."""
    xs, ys = np.empty((nodes, nodes)), np.empty((nodes, nodes))
    half_x, half_y = (bounds[2] - bounds[0]) / width / 2, (bounds[3] - bounds[1]) / height / 2
    step_x = (bounds[2] - bounds[0] - 2 * half_x) / (nodes - 1)
    step_y = (bounds[3] - bounds[1] - 2 * half_y) / (nodes - 1)
    for i in range(nodes):
        for j in range(nodes):
            xs[i, j] = bounds[0] + half_x + j * step_x
            ys[i, j] = bounds[3] - half_y - i * step_y
    return xs, ys


@njit(**COMPILED)
def to_pixels(xs: Array, ys: Array, transform: Array) -> None:
    """Turn source coordinates into columns and rows, in place; NaN where a place is nowhere."""
    a, b, c, d, e, f = transform
    determinant = a * e - b * d
    for i in range(xs.shape[0]):
        for j in range(xs.shape[1]):
            x, y = xs[i, j] - c, ys[i, j] - f
            column, row = (e * x - b * y) / determinant, (a * y - d * x) / determinant
            if not (np.isfinite(column) and np.isfinite(row)):
                column = row = np.nan
            xs[i, j], ys[i, j] = column, row


@njit(**COMPILED)
def resolution(columns: Array, rows: Array, step_x: float, step_y: float) -> float:
    """Median source pixels a picture pixel, of the finer of the two axes; 1 where nothing is
    placed. A node is `step_x`, `step_y` pixels of the picture from the next."""
    height, width = columns.shape
    finest = np.inf
    for axis in range(2):
        down, across, step = (0, 1, step_x) if axis == 0 else (1, 0, step_y)
        lengths = np.empty(height * width)
        count = 0
        for i in range(height - down):
            for j in range(width - across):
                length = np.hypot(
                    columns[i + down, j + across] - columns[i, j],
                    rows[i + down, j + across] - rows[i, j],
                )  # fmt: skip
                if np.isfinite(length):
                    lengths[count] = length
                    count += 1
        if count and step > 0:
            finest = min(finest, np.median(lengths[:count]) / step)
    return finest if np.isfinite(finest) else 1.0


@njit(**COMPILED)
def reach(columns: Array, rows: Array, step_x: float, step_y: float) -> tuple[float, float]:
    """How far the largest pixel of the picture goes from its middle, in columns and in rows; 0
    where nothing is placed. A node is `step_x`, `step_y` pixels of the picture from the next."""
    height, width = columns.shape
    per_x, per_y = 1 / step_x if step_x > 0 else 0.0, 1 / step_y if step_y > 0 else 0.0
    far_x = far_y = 0.0
    for i in range(max(height - 1, 1)):
        for j in range(max(width - 1, 1)):
            b, r = min(i + 1, height - 1), min(j + 1, width - 1)
            x = abs(columns[i, r] - columns[i, j]) * per_x
            x += abs(columns[b, j] - columns[i, j]) * per_y
            y = abs(rows[i, r] - rows[i, j]) * per_x + abs(rows[b, j] - rows[i, j]) * per_y
            if np.isfinite(x + y):
                far_x, far_y = max(far_x, x / 2), max(far_y, y / 2)
    return far_x, far_y


@njit(**COMPILED)
def is_exact_enough(
    columns: Array, rows: Array, width: int, height: int, is_periodic: bool, tolerance: float
) -> bool:
    """Whether interpolating every second node gives the others near the raster to `tolerance`.

    Asked of cells two nodes wide, at their middles and the middles of their sides: between
    conformal projections both coordinates are harmonic, and then interpolation errs at the
    sides alone.
    """
    for i in range(0, columns.shape[0] - 2, 2):
        for j in range(0, columns.shape[1] - 2, 2):
            near = _is_near(rows, i, j, height)
            if not is_periodic:
                near = near and _is_near(columns, i, j, width)
            # NaN is no small error: a cell that is partly nowhere asks for a finer grid.
            if near and not (
                _cell_error(columns, i, j) <= tolerance and _cell_error(rows, i, j) <= tolerance
            ):
                return False
    return True


@njit(**COMPILED)
def _is_near(values: Array, i: int, j: int, size: int) -> bool:
    """Whether a cell may touch 0 to `size`: its extent, half as large again, overlaps it."""
    low, high = np.inf, -np.inf
    for v in range(i, i + 3):
        for u in range(j, j + 3):
            if values[v, u] < low:
                low = values[v, u]
            if values[v, u] > high:
                high = values[v, u]
    margin = (high - low) / 2
    return high >= low and high + margin >= 0 and low - margin <= size


@njit(**COMPILED)
def _cell_error(values: Array, i: int, j: int) -> float:
    """How far a cell's middle and the middles of its sides lie from where interpolation between
    the corners puts them; the largest."""
    top = abs(values[i, j + 1] - (values[i, j] + values[i, j + 2]) / 2)
    bottom = abs(values[i + 2, j + 1] - (values[i + 2, j] + values[i + 2, j + 2]) / 2)
    left = abs(values[i + 1, j] - (values[i, j] + values[i + 2, j]) / 2)
    right = abs(values[i + 1, j + 2] - (values[i, j + 2] + values[i + 2, j + 2]) / 2)
    middle = abs(values[i + 1, j + 1] - (values[i + 1, j] + values[i + 1, j + 2]) / 2)
    # The middle lies between two points of the sides, so it errs with them. NaN stays NaN.
    sides = left + right + top + bottom
    if sides != sides or middle != middle:
        return np.nan
    return max(top, bottom, max(left, right) + middle)
