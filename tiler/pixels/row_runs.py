"""Compiled: where the pixels of a picture's row lie in a window of source pixels.

A window comes as `flat`, its values in memory order, and `layout`: how many values apart rows,
columns and bands are, where the first one lies, then the window's height and width. So one
compiled loop reads windows of any layout, without a copy.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[Any]
Layout = tuple[int, int, int, int, int, int]

COMPILED: dict[str, Any] = {"nogil": True, "cache": True, "error_model": "numpy"}
"""Of loops that Python calls: kept on disk, with all that they call. Numba looks for changes in
their own module alone: whoever changes another one runs `tiler.pixels.compiling` with `--anew`."""
INNER: dict[str, Any] = {
    "nogil": True, "error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True,
}  # fmt: skip
"""Of functions that loops call: no way in from Python, which takes half of compiling."""

OUTSIDE, MIXED, INSIDE = 0.0, 1.0, 2.0
FIRST, END, X, Y, DX, DY, STATE, HALF_X, HALF_Y = range(9)
"""Columns of what `row_runs` finds."""


@njit(**INNER)
def row_runs(
    columns: Array, rows: Array, turn: float, frame: Array, layout: Layout,
    i: int, height: int, width: int, runs: Array,
) -> int:  # fmt: skip
    """Fill `runs` with the runs of pixels of row `i` along which positions are linear; how many.

    `columns` and `rows` are full-resolution positions at nodes spread evenly from the first
    pixel's centre to the last one's; `turn` is added to every column. `frame` holds the raster's
    width and height, then the window's first column, first row, and source pixels a pixel of the
    window across and down. A run is: first pixel, end, position of the first in pixels of the
    window and its step; whether all its pixels and their neighbours lie in the window or none in
    the raster; half the width and height of a pixel's footprint. `runs` is `room_for_runs`.
    """
    node_rows, node_columns = columns.shape
    step_i = (node_rows - 1) / (height - 1) if height > 1 else 0.0
    step_j = (node_columns - 1) / (width - 1) if width > 1 else 0.0
    per_x, per_y = 1 / frame[4], 1 / frame[5]
    # A node for each pixel: nothing is interpolated, so that one that is nowhere spoils no other.
    every_row, every_column = node_rows == height, node_columns == width
    a = i if every_row else min(int(i * step_i), max(node_rows - 2, 0))
    b = a if every_row else min(a + 1, node_rows - 1)
    share = i * step_i - a
    # Footprints of the last pixels are those of their neighbours.
    a_next, b_next = a, b
    if every_row:
        a_next, b_next = max(min(a, node_rows - 2), 0), min(a + 1, node_rows - 1)
    count, first = 0, 0
    for cell in range(node_columns if every_column else max(node_columns - 1, 1)):
        last = every_column or cell >= node_columns - 2
        end = cell + 1 if every_column else (width if last else math.ceil((cell + 1) / step_j))
        right = min(cell + 1, node_columns - 1)
        left = min(cell, max(node_columns - 2, 0)) if every_column else cell
        c0 = columns[a, cell] + (columns[b, cell] - columns[a, cell]) * share
        r0 = rows[a, cell] + (rows[b, cell] - rows[a, cell]) * share
        along_c = (columns[a, right] - columns[a, left]) * (1 - share)
        along_c += (columns[b, right] - columns[b, left]) * share
        along_r = (rows[a, right] - rows[a, left]) * (1 - share)
        along_r += (rows[b, right] - rows[b, left]) * share
        dx, dy = along_c * step_j * per_x, along_r * step_j * per_y
        ahead = 0.0 if every_column else first * step_j - cell
        x = (c0 + along_c * ahead + turn - frame[2]) * per_x
        y = (r0 + along_r * ahead - frame[3]) * per_y
        down_x = (columns[b_next, cell] - columns[a_next, cell]) * step_i * per_x
        down_y = (rows[b_next, cell] - rows[a_next, cell]) * step_i * per_y
        run = runs[count]
        run[HALF_X], run[HALF_Y] = _halves(dx, dy, down_x, down_y)
        if every_column:  # one pixel, whose neighbours may be nowhere
            x, y = (c0 + turn - frame[2]) * per_x, (r0 - frame[3]) * per_y
            dx = dy = 0.0
        run[FIRST], run[END], run[X], run[Y], run[DX], run[DY] = first, end, x, y, dx, dy
        run[STATE] = _state(x, y, dx * (end - 1 - first), dy * (end - 1 - first), frame, layout)
        count += 1
        if run[STATE] == MIXED and end - first > 2:
            count += _split(runs, count - 1, frame, layout)
        first = end
    return count


@njit(**INNER)
def room_for_runs(columns: Array) -> Array:
    """What `row_runs` fills."""
    return np.empty((3 * max(columns.shape[1], 1), 9), np.float64)


@njit(**INNER)
def _split(runs: Array, n: int, frame: Array, layout: Layout) -> int:
    """Make the inner part of run `n` one of its own, with what is left before and after; how
    many runs that adds. Pixels at edges take ten times as long as those within."""
    x, y, dx, dy = runs[n, X], runs[n, Y], runs[n, DX], runs[n, DY]
    first, end = int(runs[n, FIRST]), int(runs[n, END])
    begin, stop = _within(x, dx, float(layout[5]), 0.0, float(end - first - 1))
    begin, stop = _within(y, dy, float(layout[4]), begin, stop)
    if not stop - begin >= 2:
        return 0
    a, b = first + math.ceil(begin), first + math.floor(stop) + 1
    added = 0
    for start, to in ((first, a), (a, b), (b, end)):
        if start >= to:
            continue
        part = runs[n + added]
        part[HALF_X], part[HALF_Y] = runs[n, HALF_X], runs[n, HALF_Y]
        part[FIRST], part[END], part[DX], part[DY] = start, to, dx, dy
        part[X], part[Y] = x + (start - first) * dx, y + (start - first) * dy
        steps = to - 1 - start
        part[STATE] = _state(part[X], part[Y], dx * steps, dy * steps, frame, layout)
        added += 1
    return added - 1


@njit(**INNER)
def _within(at: float, step: float, size: float, begin: float, stop: float) -> tuple[float, float]:
    """Of the steps `begin` to `stop` those after which `at` lies well within 0 to `size`."""
    low, high = 0.5, size - 0.502
    if abs(step) < 1e-9:
        return (begin, stop) if low <= at < high else (begin, begin - 1)
    one, other = (low - at) / step, (high - at) / step
    return max(begin, min(one, other)), min(stop, max(one, other))


@njit(**INNER)
def _state(x: float, y: float, to_x: float, to_y: float, frame: Array, layout: Layout) -> float:
    low_x, high_x = min(x, x + to_x), max(x, x + to_x)
    low_y, high_y = min(y, y + to_y), max(y, y + to_y)
    height, width = layout[4], layout[5]
    if low_x >= 0.5 and low_y >= 0.5 and high_x < width - 0.501 and high_y < height - 0.501:
        return INSIDE
    left, top, right, bottom = edges(frame)
    # What is no number is nowhere: such comparisons are False, and each pixel is asked.
    if high_x < left or low_x >= right or high_y < top or low_y >= bottom:
        return OUTSIDE
    return MIXED


@njit(**INNER)
def edges(frame: Array) -> tuple[float, float, float, float]:
    """The raster's left, top, right and bottom in pixels of the window."""
    return (
        -frame[2] / frame[4], -frame[3] / frame[5],
        (frame[0] - frame[2]) / frame[4], (frame[1] - frame[3]) / frame[5],
    )  # fmt: skip


@njit(**INNER)
def _halves(dx: float, dy: float, down_x: float, down_y: float) -> tuple[float, float]:
    """Half of a footprint's sides: the box between two opposite corners, as GDAL takes it; of a
    grid that is turned by more than some degrees, the box around it."""
    across, along = abs(dx + down_x), abs(dy + down_y)
    around_x, around_y = abs(dx) + abs(down_x), abs(dy) + abs(down_y)
    if not (math.isfinite(around_x) and math.isfinite(around_y)):
        return 0.5, 0.5
    if across < 0.6 * around_x or along < 0.6 * around_y:
        return around_x / 2, around_y / 2
    return across / 2, along / 2
