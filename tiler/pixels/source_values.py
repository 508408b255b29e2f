"""Compiled: the value of a window of source pixels at a position, by each resampling method."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from tiler.pixels.row_runs import INNER, Array, Layout

Place = np.uint64
"""Numbers of values are unsigned: Numba tests signed ones for Python's counting from the end."""

NEAREST, BILINEAR, AVERAGE, MODE = 0, 1, 2, 3
MOST_SAMPLES = 32
"""Along each side of a footprint: larger ones are of rasters of which a few pixels are left."""


@njit(**INNER)
def opacity_at(
    flat: Array, layout: Layout, window_mask: Array, nodata: Array, has_nodata: Array, alpha: int,
    never_void: bool, x: int, y: int,
) -> float:  # fmt: skip
    """Of one source pixel: the alpha sample, 1 without one, 0 where it is not valid."""
    if never_void:
        return 1.0
    if window_mask.size > 0 and not window_mask[y, x]:
        return 0.0
    at = layout[3] + y * layout[0] + x * layout[1]
    opacity = 1.0
    if alpha >= 0:
        opacity = float(flat[Place(at + alpha * layout[2])])
        if not opacity > 0:
            return 0.0
    for k in range(nodata.size):
        value = flat[Place(at + k * layout[2])]
        if value == value and not (has_nodata[k] and value == nodata[k]):
            return opacity
    return 0.0


@njit(**INNER)
def blend(
    flat: Array, layout: Layout, window_mask: Array, nodata: Array, has_nodata: Array, alpha: int,
    never_void: bool, x: float, y: float, near_x: int, near_y: int, values: Array,
) -> None:  # fmt: skip
    """Bilinear `values` (bands) at a position: the four pixels around, by what is valid."""
    height, width = layout[4], layout[5]
    corner_x, corner_y = math.floor(x - 0.5), math.floor(y - 0.5)
    fx, fy = x - 0.5 - corner_x, y - 0.5 - corner_y
    x0 = min(max(int(corner_x), 0), width - 1)
    x1 = min(max(int(corner_x) + 1, 0), width - 1)
    y0 = min(max(int(corner_y), 0), height - 1)
    y1 = min(max(int(corner_y) + 1, 0), height - 1)
    w00, w01, w10, w11 = (1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy
    if window_mask.size > 0:
        w00 *= window_mask[y0, x0]
        w01 *= window_mask[y0, x1]
        w10 *= window_mask[y1, x0]
        w11 *= window_mask[y1, x1]
    at00 = layout[3] + y0 * layout[0] + x0 * layout[1]
    at01 = at00 + (x1 - x0) * layout[1]
    at10, at11 = at00 + (y1 - y0) * layout[0], at01 + (y1 - y0) * layout[0]
    if alpha >= 0:
        step = alpha * layout[2]
        w00 *= flat[Place(at00 + step)] != 0
        w01 *= flat[Place(at01 + step)] != 0
        w10 *= flat[Place(at10 + step)] != 0
        w11 *= flat[Place(at11 + step)] != 0
    for k in range(nodata.size):
        step = k * layout[2]
        p00, p01 = flat[Place(at00 + step)], flat[Place(at01 + step)]
        p10, p11 = flat[Place(at10 + step)], flat[Place(at11 + step)]
        if never_void:
            values[k] = w00 * p00 + w01 * p01 + w10 * p10 + w11 * p11
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
            values[k] = total / weight
        else:
            values[k] = flat[Place(layout[3] + near_y * layout[0] + near_x * layout[1] + step)]


@njit(**INNER)
def average(
    flat: Array, layout: Layout, window_mask: Array, nodata: Array, has_nodata: Array, alpha: int,
    never_void: bool, x: float, y: float, half_x: float, half_y: float, values: Array,
    weights: Array,
) -> float:  # fmt: skip
    """Mean `values` (bands) of the valid pixels of a footprint, by how much of each it covers;
    the mean opacity, 0 where none is valid."""
    height, width, bands = layout[4], layout[5], nodata.size
    left, top = max(x - half_x, 0.0), max(y - half_y, 0.0)
    right, bottom = min(x + half_x, float(width)), min(y + half_y, float(height))
    values[:] = 0.0
    weights[:] = 0.0
    opacity = total = 0.0
    skip_x, skip_y = 1 + int((right - left) / MOST_SAMPLES), 1 + int((bottom - top) / MOST_SAMPLES)
    for v in range(int(top), min(math.ceil(bottom - 1e-9), height), skip_y):
        tall = min(bottom, v + 1.0) - max(top, float(v))
        for u in range(int(left), min(math.ceil(right - 1e-9), width), skip_x):
            weight = tall * (min(right, u + 1.0) - max(left, float(u)))
            opaque = opacity_at(
                flat, layout, window_mask, nodata, has_nodata, alpha, never_void, u, v
            )
            total += weight
            if opaque == 0:
                continue
            opacity += weight * opaque
            at = layout[3] + v * layout[0] + u * layout[1]
            for k in range(bands):
                value = flat[Place(at + k * layout[2])]
                if value == value and not (has_nodata[k] and value == nodata[k]):
                    values[k] += weight * value
                    weights[k] += weight
    for k in range(bands):
        if weights[k] > 0:
            values[k] /= weights[k]
        elif has_nodata[k]:
            values[k] = nodata[k]
    if alpha < 0:
        return 1.0 if opacity > 0 else 0.0
    return opacity / total if total > 0 else 0.0


@njit(**INNER)
def mode(
    flat: Array, layout: Layout, window_mask: Array, nodata: Array, has_nodata: Array, alpha: int,
    never_void: bool, x: float, y: float, half_x: float, half_y: float, band: int,
    seen: Array, votes: Array,
) -> tuple[int, int]:  # fmt: skip
    """The pixel (u, v) of a footprint whose value of `band` covers most of what is valid in it;
    (-1, -1) where nothing is. `seen` and `votes` are room for the values."""
    height, width = layout[4], layout[5]
    left, top = max(x - half_x, 0.0), max(y - half_y, 0.0)
    right, bottom = min(x + half_x, float(width)), min(y + half_y, float(height))
    found, best, best_u, best_v = 0, 0.0, -1, -1
    skip_x, skip_y = 1 + int((right - left) / MOST_SAMPLES), 1 + int((bottom - top) / MOST_SAMPLES)
    for v in range(int(top), min(math.ceil(bottom - 1e-9), height), skip_y):
        tall = min(bottom, v + 1.0) - max(top, float(v))
        for u in range(int(left), min(math.ceil(right - 1e-9), width), skip_x):
            opaque = opacity_at(
                flat, layout, window_mask, nodata, has_nodata, alpha, never_void, u, v
            )
            if opaque == 0:
                continue
            value = flat[Place(layout[3] + v * layout[0] + u * layout[1] + band * layout[2])]
            if value != value or (has_nodata[band] and value == nodata[band]):
                continue
            n = 0
            while n < found and seen[n] != value:
                n += 1
            if n == found:
                if found == seen.size:
                    continue
                seen[n], votes[n] = value, 0.0
                found += 1
            votes[n] += tall * (min(right, u + 1.0) - max(left, float(u)))
            if votes[n] > best * (1 + 1e-9):
                best, best_u, best_v = votes[n], u, v
    return best_u, best_v


@njit(**INNER)
def value_at(
    flat: Array, layout: Layout, window_mask: Array, nodata: Array, has_nodata: Array, alpha: int,
    never_void: bool, method: int, x: float, y: float, half_x: float, half_y: float,
    values: Array, weights: Array,
) -> float:  # fmt: skip
    """Fill `values` (bands) at a position by any method but MODE; how opaque, 0 for not valid."""
    if method == AVERAGE:
        return average(
            flat, layout, window_mask, nodata, has_nodata, alpha, never_void,
            x, y, half_x, half_y, values, weights,
        )  # fmt: skip
    near_x, near_y = min(max(int(x), 0), layout[5] - 1), min(max(int(y), 0), layout[4] - 1)
    opaque = opacity_at(
        flat, layout, window_mask, nodata, has_nodata, alpha, never_void, near_x, near_y
    )
    if opaque == 0:
        return 0.0
    if method == NEAREST:
        at = layout[3] + near_y * layout[0] + near_x * layout[1]
        for k in range(values.size):
            values[k] = flat[Place(at + k * layout[2])]
    else:
        blend(
            flat, layout, window_mask, nodata, has_nodata, alpha, never_void,
            x, y, near_x, near_y, values,
        )  # fmt: skip
    return opaque
