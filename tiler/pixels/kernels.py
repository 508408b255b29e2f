"""Compiled loops over the pixels of a picture: one pass each, no array between.

numpy takes some thirty passes over memory for a bilinear tile; one loop takes a
twentieth of the time. Compiled by Numba at the first use, once a data type, and kept on
disk. They hold no interpreter lock, so tiles are drawn side by side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[Any]


@njit(nogil=True, cache=True, error_model="numpy")
def resample(
    window: Array, window_mask: Array, nodata: Array, has_nodata: Array, alpha: int,
    columns: Array, rows: Array, turn: float, frame: Array, smooth: bool, whole: bool,
    data: Array, mask: Array, opacity: Array,
) -> int:  # fmt: skip
    """Fill `data` (h, w, bands), `mask` and `opacity` (h, w) from `window` (H, W, samples).

    `columns` and `rows` are full-resolution positions at nodes spread evenly from the first
    pixel's centre to the last one's, between which positions are interpolated; `turn` is
    added to every column. `frame` holds the raster's width and height, then the window's
    first column, first row, and source pixels a pixel of the window across and down.
    `window_mask` (H, W) is empty where there is no mask. `alpha` is the sample that says how
    opaque a pixel is, -1 for none. `smooth` weighs the four pixels around, by what is valid;
    else the pixel that holds the position is taken. `whole` rounds to whole numbers.
    Returns how many pixels are valid: those whose nearest source pixel has a valid band.
    """
    source_height, source_width, _ = window.shape
    height, width, bands = data.shape
    node_rows, node_columns = columns.shape
    step_i = (node_rows - 1) / (height - 1) if height > 1 else 0.0
    step_j = (node_columns - 1) / (width - 1) if width > 1 else 0.0
    raster_width, raster_height, first_column, first_row, scale_x, scale_y = frame
    has_mask = window_mask.size > 0
    # Whole numbers without nodata, mask and alpha: all is valid, and nothing is asked.
    never_void = whole and not has_mask and alpha < 0 and not has_nodata.any()
    per_x, per_y = 1 / scale_x, 1 / scale_y
    valid_count = 0
    # A node for each pixel: nothing is interpolated, so that one that is nowhere spoils no other.
    every_row, every_column = node_rows == height, node_columns == width
    for i in range(height):
        at = i * step_i
        a = i if every_row else min(int(at), max(node_rows - 2, 0))
        b = a if every_row else min(a + 1, node_rows - 1)
        fi = at - a
        cell = -1
        c0 = c1 = r0 = r1 = 0.0
        for j in range(width):
            along = j * step_j
            left_node = j if every_column else min(int(along), max(node_columns - 2, 0))
            if left_node != cell:
                cell = left_node
                right_node = cell if every_column else min(cell + 1, node_columns - 1)
                c0 = columns[a, cell] + (columns[b, cell] - columns[a, cell]) * fi
                c1 = columns[a, right_node] + (columns[b, right_node] - columns[a, right_node]) * fi
                r0 = rows[a, cell] + (rows[b, cell] - rows[a, cell]) * fi
                r1 = rows[a, right_node] + (rows[b, right_node] - rows[a, right_node]) * fi
            fj = along - cell
            column = c0 + (c1 - c0) * fj + turn
            row = r0 + (r1 - r0) * fj
            # A position that is no number is nowhere: such comparisons are False.
            if not (column >= 0 and column < raster_width and row >= 0 and row < raster_height):
                continue
            x, y = (column - first_column) * per_x, (row - first_row) * per_y
            near_x = min(max(int(x), 0), source_width - 1)
            near_y = min(max(int(y), 0), source_height - 1)
            if has_mask and not window_mask[near_y, near_x]:
                continue
            if alpha >= 0:
                opacity[i, j] = window[near_y, near_x, alpha]
                if opacity[i, j] == 0:
                    continue
            known = never_void
            for k in range(0 if never_void else bands):
                value = window[near_y, near_x, k]
                known = known or (value == value and not (has_nodata[k] and value == nodata[k]))
            if not known:
                continue
            valid_count += 1
            mask[i, j] = True
            if not smooth:
                for k in range(bands):
                    data[i, j, k] = window[near_y, near_x, k]
                continue
            corner_x, corner_y = math.floor(x - 0.5), math.floor(y - 0.5)
            fx, fy = x - 0.5 - corner_x, y - 0.5 - corner_y
            x0 = min(max(int(corner_x), 0), source_width - 1)
            x1 = min(max(int(corner_x) + 1, 0), source_width - 1)
            y0 = min(max(int(corner_y), 0), source_height - 1)
            y1 = min(max(int(corner_y) + 1, 0), source_height - 1)
            w00, w01, w10, w11 = (1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy
            if has_mask:
                w00 *= window_mask[y0, x0]
                w01 *= window_mask[y0, x1]
                w10 *= window_mask[y1, x0]
                w11 *= window_mask[y1, x1]
            if alpha >= 0:
                w00 *= window[y0, x0, alpha] != 0
                w01 *= window[y0, x1, alpha] != 0
                w10 *= window[y1, x0, alpha] != 0
                w11 *= window[y1, x1, alpha] != 0
            for k in range(bands):
                p00, p01 = window[y0, x0, k], window[y0, x1, k]
                p10, p11 = window[y1, x0, k], window[y1, x1, k]
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
                    total /= weight
                    data[i, j, k] = math.floor(total + 0.5) if whole else total
                else:
                    data[i, j, k] = window[near_y, near_x, k]
    return valid_count


@njit(nogil=True, cache=True)
def filtered_lines(samples: Array) -> Array:
    """(h, w, channels) bytes as PNG scan lines with filter Sub (ISO/IEC 15948, clause 9)."""
    height, width, channels = samples.shape
    lines = np.empty((height, 1 + width * channels), np.uint8)
    for i in range(height):
        lines[i, 0] = 1
        for k in range(channels):
            lines[i, 1 + k] = samples[i, 0, k]
        for j in range(1, width):
            for k in range(channels):
                lines[i, 1 + j * channels + k] = samples[i, j, k] - samples[i, j - 1, k]
    return lines


USUAL_TYPES = ("uint8", "int16", "uint16", "float32")


def compile_for(dtypes: Sequence[str] = USUAL_TYPES) -> None:
    """Compile for rasters of these data types, so that no tile waits for it (seconds each)."""
    nodes, nothing = np.zeros((2, 2)), np.empty((0, 0), np.bool_)
    mask, frame = np.zeros((1, 1), np.bool_), np.ones(6)
    for dtype in dtypes:
        pixels = np.zeros((1, 1, 1), dtype)
        resample(pixels, nothing, pixels[0, 0], mask[0], -1, nodes, nodes, 0.0, frame, False, False,
                 pixels.copy(), mask, pixels[0])  # fmt: skip
    filtered_lines(np.zeros((1, 1, 3), np.uint8))
