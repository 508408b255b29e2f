"""Compiled: from source pixels to those of a picture in one pass, no array of values between.

Each agrees with `resample` and `paint` to one level of 255 (tests/tiler/pixels/test_pictures.py)
and writes one of two things: bytes, or scan lines for PNG, each with its filter's type and
differences to the left (ISO/IEC 15948, filter type Sub).
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
    MIXED,
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
from tiler.pixels.rows import (
    doubt_alpha,
    doubt_mask,
    gather_band,
    gather_bytes,
    is_any,
    keep_opaque,
    mix_band,
    mix_bytes,
    pack_levels,
    settle_void,
    write_row,
)
from tiler.pixels.source_values import BILINEAR, NEAREST, Place, value_at


@njit(**COMPILED)
def draw_bytes(
    flat: Array, layout: Layout, columns: Array, rows: Array, turn: float, frame: Array,
    method: int, table: Array, is_as_stored: bool, out: Array, height: int, width: int,
    channels: int, is_filtered: bool,
) -> int:  # fmt: skip
    """Three bytes a pixel as red, green and blue, each through its part of `table` (768).

    For windows in which everything is valid. With four `channels` the last one says what lies
    in the raster; with three the first pixel outside ends it, and the result is -1, else it
    says how many pixels lie in the raster. `out` holds 8 bytes more than the picture.
    """
    runs = room_for_runs(columns)
    row, differences = np.zeros(width + 1, np.uint32), np.zeros(4 * width + 8, np.uint8)
    upper, lower = np.empty(width, np.uint64), np.empty(width, np.uint64)
    right, down = np.empty(2 * width, np.uint64), np.empty(2 * width, np.uint64)
    between, mixed = np.zeros(8 * width + 8, np.uint16), np.empty(width, np.uint64)
    lanes = (
        upper.view(np.uint8), lower.view(np.uint8), right.view(np.uint16), down.view(np.uint16)
    )  # fmt: skip
    # Eight bytes hold the three bands of a pixel and of its right neighbour.
    is_side_by_side = abs(layout[2]) == 1 and layout[1] in (3, 4)
    is_turned = layout[2] == -1
    start = layout[3] + (2 * layout[2] if is_turned else 0)
    count = 0
    for i in range(height):
        for n in range(row_runs(columns, rows, turn, frame, layout, i, height, width, runs)):
            run = runs[n]
            first, end = int(run[FIRST]), int(run[END])
            if run[STATE] != INSIDE and channels == 3 and _sticks_out(run, frame):
                return -1
            if (
                run[STATE] == INSIDE and method == BILINEAR and is_side_by_side
                and start + _last_place(run, layout) + 8 <= flat.size
            ):  # fmt: skip
                gather_bytes(flat, start, layout, run, end - first, upper, lower, right, down)
                mix_bytes(
                    lanes[0], lanes[1], lanes[2], lanes[3], layout[1], end - first,
                    between, mixed.view(np.uint8),
                )  # fmt: skip
                keep_opaque(mixed, is_turned, first, end - first, row)
                count += end - first
            else:
                count += _draw_slowly(flat, layout, run, frame, method, row)
        if not is_as_stored:
            _look_up(row, width, table)
        at = i * (width * channels + (1 if is_filtered else 0))
        if is_filtered:
            out[at] = 1
            at += 1
        write_row(row.view(np.uint8), differences, width, channels, is_filtered, out, at)
    return count


@njit(**INNER)
def _sticks_out(run: Array, frame: Array) -> bool:
    """Whether an end of a run lies outside the raster."""
    left, top, right, bottom = edges(frame)
    steps = run[END] - 1 - run[FIRST]
    for far in (0.0, 1.0):
        x, y = run[X] + far * steps * run[DX], run[Y] + far * steps * run[DY]
        if not (x >= left and x < right and y >= top and y < bottom):
            return True
    return False


@njit(**INNER)
def _last_place(run: Array, layout: Layout) -> int:
    """No value of a run and of the row below lies farther than this from the first band's."""
    steps = run[END] - 1 - run[FIRST]
    x, y = max(run[X], run[X] + steps * run[DX]), max(run[Y], run[Y] + steps * run[DY])
    return (int(y + 0.51) + 1) * layout[0] + int(x + 0.51) * layout[1]


@njit(**INNER)
def _draw_slowly(
    flat: Array, layout: Layout, run: Array, frame: Array, method: int, row: Array
) -> int:
    """A run of bytes that are all valid, pixel by pixel; how many lie in the raster."""
    values, weights, known = np.zeros(3), np.zeros(3), np.zeros(3, np.bool_)
    nodata, no_mask = np.zeros(3, flat.dtype), np.zeros((0, 0), np.bool_)
    left, top, right, bottom = edges(frame)
    first, count = int(run[FIRST]), 0
    for j in range(first, int(run[END])):
        x, y = run[X] + (j - first) * run[DX], run[Y] + (j - first) * run[DY]
        row[1 + j] = 0
        if x >= left and x < right and y >= top and y < bottom:
            value_at(
                flat, layout, no_mask, nodata, known, -1, True, method, x, y,
                run[HALF_X], run[HALF_Y], values, weights,
            )  # fmt: skip
            row[1 + j] = _colour(
                int(values[0] + 0.5), int(values[1] + 0.5), int(values[2] + 0.5), 255
            )
            count += 1
    return count


@njit(**INNER)
def _colour(red: int, green: int, blue: int, opacity: int) -> np.uint32:
    return np.uint32(red | (green << 8) | (blue << 16) | (opacity << 24))


@njit(**INNER)
def _look_up(row: Array, width: int, table: Array) -> None:
    """Each opaque colour of a row through its channel's part of the table."""
    for j in range(1, width + 1):
        colour = np.uint64(row[j])
        if colour >> np.uint64(24):
            red = np.uint32(table[colour & Place(255)])
            green = np.uint32(table[Place(256) + ((colour >> Place(8)) & Place(255))])
            blue = np.uint32(table[Place(512) + ((colour >> Place(16)) & Place(255))])
            row[j] = red | (green << np.uint32(8)) | (blue << np.uint32(16)) | np.uint32(0xFF000000)


@njit(**COMPILED)
def draw_values(
    flat: Array, layout: Layout, window_mask: Array, nodata: Array, has_nodata: Array, alpha: int,
    alpha_full: float, columns: Array, rows: Array, turn: float, frame: Array, method: int,
    whole: bool, low: Array, scale: Array, out: Array, height: int, width: int, channels: int,
    is_filtered: bool,
) -> int:  # fmt: skip
    """Three bands of any type as red, green and blue: (value - `low`) * `scale` of each band.

    `alpha` is the sample that says how opaque a pixel is, up to `alpha_full`; -1 for none. With
    four `channels` the last one is opacity. With three the first pixel that is not opaque ends
    it, and the result is -1; else it says how many pixels are valid. `out` holds 8 bytes more.
    """
    runs = room_for_runs(columns)
    row, differences = np.zeros(width + 1, np.uint32), np.zeros(4 * width + 8, np.uint8)
    taps, shares = np.empty((4, width), np.float32), np.empty((2, width), np.float32)
    levels, doubtful = np.empty((3, width), np.uint8), np.empty(width, np.uint8)
    values, weights = np.zeros(3), np.zeros(3)
    left, top, right, bottom = edges(frame)
    never_void = whole and window_mask.size == 0 and alpha < 0 and not has_nodata.any()
    count = 0
    for i in range(height):
        for n in range(row_runs(columns, rows, turn, frame, layout, i, height, width, runs)):
            run = runs[n]
            first, end = int(run[FIRST]), int(run[END])
            many = end - first
            doubtful[:many] = 1
            if run[STATE] == INSIDE and method in (BILINEAR, NEAREST):
                doubtful[:many] = 0
                is_nearest = method == NEAREST
                for k in range(3):
                    place = layout[3] + k * layout[2]
                    gather_band(flat, place, layout, run, many, is_nearest, taps, shares)
                    mix_band(
                        taps, shares, many, nodata[k], has_nodata[k], whole, low[k], scale[k], 0,
                        levels[k], doubtful,
                    )  # fmt: skip
                if window_mask.size > 0:
                    doubt_mask(window_mask, run, many, is_nearest, doubtful)
                if alpha >= 0:
                    place = layout[3] + alpha * layout[2]
                    gather_band(flat, place, layout, run, many, is_nearest, taps, shares)
                    doubt_alpha(taps, many, alpha_full, doubtful)
                pack_levels(levels, first, many, row)
                if not is_any(doubtful, many):
                    count += many
                    continue
            for j in range(many):
                if not doubtful[j]:
                    count += 1
                    continue
                row[1 + first + j] = 0
                opacity = 0
                x, y = run[X] + j * run[DX], run[Y] + j * run[DY]
                if x >= left and x < right and y >= top and y < bottom:
                    opaque = value_at(
                        flat, layout, window_mask, nodata, has_nodata, alpha, never_void,
                        method, x, y, run[HALF_X], run[HALF_Y], values, weights,
                    )  # fmt: skip
                    if opaque != 0:
                        opacity, count = 255, count + 1
                        if alpha >= 0:
                            opaque = math.floor(opaque + 0.5) if whole else opaque
                            opacity = math.ceil(min(opaque / alpha_full, 1.0) * 255 - 1e-4)
                        row[1 + first + j] = _colour(
                            _level(values[0], whole, low[0], scale[0], 0),
                            _level(values[1], whole, low[1], scale[1], 0),
                            _level(values[2], whole, low[2], scale[2], 0), opacity,
                        )  # fmt: skip
                if opacity < 255 and channels == 3:
                    return -1
        at = i * (width * channels + (1 if is_filtered else 0))
        if is_filtered:
            out[at] = 1
            at += 1
        write_row(row.view(np.uint8), differences, width, channels, is_filtered, out, at)
    return count


@njit(**COMPILED)
def draw_ramp(
    flat: Array, layout: Layout, window_mask: Array, nodata: Array, has_nodata: Array,
    columns: Array, rows: Array, turn: float, frame: Array, method: int, whole: bool,
    low: float, scale: float, out: Array,
) -> int:  # fmt: skip
    """One band of any type as numbers of colours (h, w): 1 to 255, 0 where nothing is valid.

    The number is 1 + (value - `low`) * `scale`, rounded. Returns how many pixels are valid.
    """
    height, width = out.shape
    runs = room_for_runs(columns)
    taps, shares = np.empty((4, width), np.float32), np.empty((2, width), np.float32)
    doubtful, values, weights = np.empty(width, np.uint8), np.zeros(1), np.zeros(1)
    left, top, right, bottom = edges(frame)
    never_void = whole and window_mask.size == 0 and not has_nodata[0]
    count = 0
    for i in range(height):
        for n in range(row_runs(columns, rows, turn, frame, layout, i, height, width, runs)):
            run = runs[n]
            first, end = int(run[FIRST]), int(run[END])
            many = end - first
            doubtful[:many] = 1
            if run[STATE] == INSIDE and method in (BILINEAR, NEAREST):
                doubtful[:many] = 0
                is_nearest = method == NEAREST
                gather_band(flat, layout[3], layout, run, many, is_nearest, taps, shares)
                mix_band(
                    taps, shares, many, nodata[0], has_nodata[0], whole, low, scale, 1,
                    out[i, first:], doubtful,
                )  # fmt: skip
                valid = many
                if is_any(doubtful, many):
                    valid = settle_void(
                        taps, shares, many, nodata[0], has_nodata[0], whole, low, scale, 1,
                        out[i, first:], doubtful,
                    )  # fmt: skip
                if window_mask.size > 0:
                    doubt_mask(window_mask, run, many, is_nearest, doubtful)
                if not is_any(doubtful, many):
                    count += valid
                    continue
            for j in range(many):
                if not doubtful[j]:
                    count += out[i, first + j] != 0
                    continue
                out[i, first + j] = 0
                x, y = run[X] + j * run[DX], run[Y] + j * run[DY]
                if run[STATE] != OUTSIDE and x >= left and x < right and y >= top and y < bottom:
                    opaque = value_at(
                        flat, layout, window_mask, nodata, has_nodata, -1, never_void, method,
                        x, y, run[HALF_X], run[HALF_Y], values, weights,
                    )  # fmt: skip
                    if opaque != 0:
                        out[i, first + j] = _level(values[0], whole, low, scale, 1)
                        count += 1
    return count


@njit(**COMPILED)
def draw_codes(
    flat: Array, layout: Layout, window_mask: Array, columns: Array, rows: Array, turn: float,
    frame: Array, table: Array, out: Array,
) -> int:  # fmt: skip
    """The nearest pixel's code, whose bits are read as unsigned, through `table` to numbers of
    colours (h, w); 0 where nothing is valid. Returns how many pixels have a colour."""
    height, width = out.shape
    runs = room_for_runs(columns)
    left, top, right, bottom = edges(frame)
    has_mask = window_mask.size > 0
    count = 0
    for i in range(height):
        for n in range(row_runs(columns, rows, turn, frame, layout, i, height, width, runs)):
            run = runs[n]
            first, end, state = int(run[FIRST]), int(run[END]), run[STATE]
            for j in range(first, end):
                px, py = run[X] + (j - first) * run[DX], run[Y] + (j - first) * run[DY]
                number = np.uint8(0)
                if state == INSIDE or (
                    state == MIXED
                    and px >= left and px < right and py >= top and py < bottom
                ):  # fmt: skip
                    u, v = min(max(int(px), 0), layout[5] - 1), min(max(int(py), 0), layout[4] - 1)
                    if not has_mask or window_mask[v, u]:
                        at = Place(layout[3] + v * layout[0] + u * layout[1])
                        number = table[Place(flat[at])]
                        count += number != 0
                out[i, j] = number
    return count


@njit(**INNER)
def _level(value: float, whole: bool, low: float, scale: float, least: int) -> int:
    """`least` + (value - `low`) * `scale`, rounded and clipped to `least` to 255."""
    exact = math.floor(value + 0.5) if whole else value
    level = (exact - low) * scale + least + 0.5
    if not level > least:  # what is no number is the least
        return least
    return 255 if level >= 255 else int(level)


@njit(**COMPILED)
def filtered_lines(samples: Array) -> Array:
    """(h, w, channels) bytes as scan lines of differences to the left, and 8 bytes more."""
    height, width, channels = samples.shape
    lines = np.zeros(height * (1 + width * channels) + 8, np.uint8)
    flat = samples.reshape(-1)
    for i in range(height):
        start, o = Place(i * width * channels), Place(i * (1 + width * channels) + 1)
        lines[o - Place(1)] = 1
        for k in range(min(channels, width * channels)):
            lines[o + Place(k)] = flat[start + Place(k)]
        for k in range(channels, width * channels):
            lines[o + Place(k)] = flat[start + Place(k)] - flat[start + Place(k - channels)]
    return lines
