"""Compiled: the values of a run of pixels by nearest or bilinear, as they are stored.

A run at a time, not a pixel: handing a dozen arrays to a function took ten times as long as what
it does for one pixel.
"""

from __future__ import annotations

import math

from numba import njit

from tiler.pixels.row_runs import (
    DX,
    DY,
    END,
    FIRST,
    INNER,
    INSIDE,
    STATE,
    Array,
    Layout,
    X,
    Y,
    edges,
)
from tiler.pixels.source_values import Place


@njit(**INNER)
def nearest_run(
    flat: Array, layout: Layout, window_mask: Array, nodata: Array, has_nodata: Array, alpha: int,
    never_void: bool, run: Array, frame: Array, i: int, data: Array, mask: Array, opacity: Array,
) -> int:  # fmt: skip
    """Row `i` of `data`, `mask` and `opacity` where the run lies: the pixel that holds each
    position. How many are valid."""
    down, across, step, start, height, width = layout
    left, top, right, bottom = edges(frame)
    first, is_inside, has_mask = int(run[FIRST]), run[STATE] == INSIDE, window_mask.size > 0
    x0, y0, dx, dy = run[X], run[Y], run[DX], run[DY]
    count = 0
    for j in range(first, int(run[END])):
        x, y = x0 + (j - first) * dx, y0 + (j - first) * dy
        if not is_inside and not (x >= left and x < right and y >= top and y < bottom):
            continue
        u, v = min(max(int(x), 0), width - 1), min(max(int(y), 0), height - 1)
        if has_mask and not window_mask[v, u]:
            continue
        at = start + v * down + u * across
        if alpha >= 0:
            opaque = flat[Place(at + alpha * step)]
            if not opaque > 0:
                continue
            opacity[i, j] = opaque
        known = never_void
        for k in range(nodata.size):
            value = flat[Place(at + k * step)]
            known = known or (value == value and not (has_nodata[k] and value == nodata[k]))
            data[i, j, k] = value
        if known:
            mask[i, j] = True
            count += 1
            continue
        for k in range(nodata.size):
            data[i, j, k] = 0
        if alpha >= 0:
            opacity[i, j] = 0
    return count


@njit(**INNER)
def bilinear_run(
    flat: Array, layout: Layout, window_mask: Array, nodata: Array, has_nodata: Array, alpha: int,
    never_void: bool, run: Array, frame: Array, whole: bool, i: int,
    data: Array, mask: Array, opacity: Array,
) -> int:  # fmt: skip
    """As `nearest_run`, by the four pixels around each position, by what is valid of them;
    `whole` rounds to whole numbers."""
    down, across, step, start, height, width = layout
    left, top, right, bottom = edges(frame)
    first, is_inside, has_mask = int(run[FIRST]), run[STATE] == INSIDE, window_mask.size > 0
    x_first, y_first, dx, dy = run[X], run[Y], run[DX], run[DY]
    count = 0
    for j in range(first, int(run[END])):
        x, y = x_first + (j - first) * dx, y_first + (j - first) * dy
        if not is_inside and not (x >= left and x < right and y >= top and y < bottom):
            continue
        u, v = min(max(int(x), 0), width - 1), min(max(int(y), 0), height - 1)
        if has_mask and not window_mask[v, u]:
            continue
        near = start + v * down + u * across
        if alpha >= 0 and not flat[Place(near + alpha * step)] > 0:
            continue
        known = never_void
        for k in range(0 if never_void else nodata.size):
            value = flat[Place(near + k * step)]
            known = known or (value == value and not (has_nodata[k] and value == nodata[k]))
        if not known:
            continue
        count += 1
        mask[i, j] = True
        corner_x, corner_y = math.floor(x - 0.5), math.floor(y - 0.5)
        fx, fy = x - 0.5 - corner_x, y - 0.5 - corner_y
        x0 = min(max(int(corner_x), 0), width - 1)
        x1 = min(max(int(corner_x) + 1, 0), width - 1)
        y0 = min(max(int(corner_y), 0), height - 1)
        y1 = min(max(int(corner_y) + 1, 0), height - 1)
        w00, w01, w10, w11 = (1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy
        if has_mask:
            w00 *= window_mask[y0, x0]
            w01 *= window_mask[y0, x1]
            w10 *= window_mask[y1, x0]
            w11 *= window_mask[y1, x1]
        at00 = start + y0 * down + x0 * across
        at01 = at00 + (x1 - x0) * across
        at10, at11 = at00 + (y1 - y0) * down, at01 + (y1 - y0) * down
        if alpha >= 0:
            opacity[i, j] = flat[Place(near + alpha * step)]
            w00 *= flat[Place(at00 + alpha * step)] != 0
            w01 *= flat[Place(at01 + alpha * step)] != 0
            w10 *= flat[Place(at10 + alpha * step)] != 0
            w11 *= flat[Place(at11 + alpha * step)] != 0
        for k in range(nodata.size):
            p00, p01 = flat[Place(at00 + k * step)], flat[Place(at01 + k * step)]
            p10, p11 = flat[Place(at10 + k * step)], flat[Place(at11 + k * step)]
            if never_void:
                value = w00 * p00 + w01 * p01 + w10 * p10 + w11 * p11
                data[i, j, k] = math.floor(value + 0.5) if whole else value
                continue
            total = weight = 0.0
            void, has_void = nodata[k], has_nodata[k]
            if p00 == p00 and not (has_void and p00 == void):
                total += w00 * p00
                weight += w00
            if p01 == p01 and not (has_void and p01 == void):
                total += w01 * p01
                weight += w01
            if p10 == p10 and not (has_void and p10 == void):
                total += w10 * p10
                weight += w10
            if p11 == p11 and not (has_void and p11 == void):
                total += w11 * p11
                weight += w11
            if weight > 0:
                data[i, j, k] = math.floor(total / weight + 0.5) if whole else total / weight
            else:
                data[i, j, k] = flat[Place(near + k * step)]
    return count
