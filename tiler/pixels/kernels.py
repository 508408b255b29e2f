"""Compiled loops over the pixels of a picture: one pass each, no array between.

numpy takes some thirty passes over memory for a bilinear tile; one loop takes a
twentieth of the time. Compiled by Numba at the first use, once a data type, and kept on
disk (`tiler.pixels.compiling`). They hold no interpreter lock, so tiles are drawn side by side.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from tiler.pixels.row_runs import (
    COMPILED,
    DX,
    DY,
    END,
    FIRST,
    HALF_X,
    HALF_Y,
    INNER,
    INSIDE,
    OUTSIDE,
    STATE,
    Array,
    Layout,
    X,
    Y,
    edges,
    room_for_runs,
    row_runs,
)
from tiler.pixels.run_values import bilinear_run, nearest_run
from tiler.pixels.source_values import BILINEAR, MODE, NEAREST, Place, average, mode

MOST_MODES = 256
"""Different values that one pixel's majority is chosen of; more are not counted."""


@njit(**INNER)
def _majority(
    flat: Array, layout: Layout, window_mask: Array, nodata: Array, has_nodata: Array, alpha: int,
    never_void: bool, run: Array, x: float, y: float, pixel: Array, seen: Array, votes: Array,
) -> float:  # fmt: skip
    """Copy source values as they are to `pixel` (bands), by MODE; how opaque."""
    opaque = 0.0
    for k in range(pixel.size):
        u, v = mode(
            flat, layout, window_mask, nodata, has_nodata, alpha, never_void,
            x, y, run[HALF_X], run[HALF_Y], k, seen, votes,
        )  # fmt: skip
        if u >= 0:
            at = layout[3] + v * layout[0] + u * layout[1]
            pixel[k] = flat[Place(at + k * layout[2])]
            opaque = 1.0 if alpha < 0 else float(flat[Place(at + alpha * layout[2])])
        elif has_nodata[k]:
            pixel[k] = nodata[k]
    return opaque


@njit(**COMPILED)
def resample(
    flat: Array, layout: Layout, window_mask: Array, nodata: Array, has_nodata: Array, alpha: int,
    columns: Array, rows: Array, turn: float, frame: Array, method: int, whole: bool,
    data: Array, mask: Array, opacity: Array,
) -> int:  # fmt: skip
    """Fill `data` (h, w, bands), `mask` and `opacity` (h, w) from the window.

    Positions are those of `row_runs`. `window_mask` (H, W) is empty where there is no mask.
    `alpha` is the sample that says how opaque a pixel is, -1 for none. `method` is NEAREST (the
    pixel that holds the position), BILINEAR (the four around), AVERAGE or MODE (of all that the
    footprint covers), each of what is valid. `whole` rounds to whole numbers. Returns how many
    pixels are valid: those whose nearest source pixel has a valid band; of AVERAGE and MODE,
    those whose footprint touches one.
    """
    height, width, bands = data.shape
    runs = room_for_runs(columns)
    values, weights = np.zeros(bands), np.zeros(bands)
    seen, votes = np.zeros(MOST_MODES, flat.dtype), np.zeros(MOST_MODES)
    # Whole numbers without nodata, mask and alpha: all is valid, and nothing is asked.
    never_void = whole and window_mask.size == 0 and alpha < 0 and not has_nodata.any()
    left, top, right, bottom = edges(frame)
    valid_count = 0
    for i in range(height):
        for r in range(row_runs(columns, rows, turn, frame, layout, i, height, width, runs)):
            run = runs[r]
            first, state = int(run[FIRST]), run[STATE]
            if state == OUTSIDE:
                continue
            if method == NEAREST:
                valid_count += nearest_run(
                    flat, layout, window_mask, nodata, has_nodata, alpha, never_void, run, frame,
                    i, data, mask, opacity,
                )  # fmt: skip
                continue
            if method == BILINEAR:
                valid_count += bilinear_run(
                    flat, layout, window_mask, nodata, has_nodata, alpha, never_void, run, frame,
                    whole, i, data, mask, opacity,
                )  # fmt: skip
                continue
            for j in range(first, int(run[END])):
                x, y = run[X] + (j - first) * run[DX], run[Y] + (j - first) * run[DY]
                if state != INSIDE and not (x >= left and x < right and y >= top and y < bottom):
                    continue
                if method == MODE:
                    opaque = _majority(
                        flat, layout, window_mask, nodata, has_nodata, alpha, never_void,
                        run, x, y, data[i, j], seen, votes,
                    )  # fmt: skip
                else:
                    opaque = average(
                        flat, layout, window_mask, nodata, has_nodata, alpha, never_void,
                        x, y, run[HALF_X], run[HALF_Y], values, weights,
                    )  # fmt: skip
                    for k in range(bands if opaque != 0 else 0):
                        data[i, j, k] = math.floor(values[k] + 0.5) if whole else values[k]
                if opaque != 0:
                    valid_count += 1
                    mask[i, j] = True
                    if alpha >= 0:
                        opacity[i, j] = math.floor(opaque + 0.5) if whole else opaque
    return valid_count
