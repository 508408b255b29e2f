"""Compiled: rows of a picture in steps that a processor does for many pixels at a time.

Looking up source pixels goes one by one; all arithmetic on what was found goes over arrays of a
row, which LLVM turns into instructions on 8 to 32 pixels. A picture's row is kept as four bytes
a pixel (red, green, blue, opacity) after four zeros, the pixel before the first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from tiler.pixels.row_runs import DX, DY, INNER, Array, Layout, X, Y
from tiler.pixels.source_values import Place
from tiler.pixels.unaligned import load_word, store_word

ONE = 2.0**32
"""A pixel in fixed point."""
_WHOLE, _SIXTEEN = np.uint64(32), np.uint64(16)
_OPAQUE = np.uint32(0xFF000000)


@njit(**INNER)
def start_of(run: Array, shift: float) -> tuple[Any, Any, Any, Any]:
    """A run's position, moved by `shift` of a pixel, and its step, in fixed point. Unsigned sums
    wrap as signed ones do."""
    return (
        Place(int((run[X] + shift) * ONE)), Place(int((run[Y] + shift) * ONE)),
        Place(int(run[DX] * ONE)), Place(int(run[DY] * ONE)),
    )  # fmt: skip


@njit(**INNER)
def gather_band(
    flat: Array, start: int, layout: Layout, run: Array, count: int, is_nearest: bool,
    taps: Array, shares: Array,
) -> None:  # fmt: skip
    """The four values around each of `count` positions, whose first band lies at `start`, to
    `taps` (4, n), and the shares of the right and lower ones to `shares` (2, n)."""
    x, y, dx, dy = start_of(run, 0.0 if is_nearest else -0.5)
    down, across = Place(layout[0]), Place(layout[1])
    to_right, to_lower = (Place(0), Place(0)) if is_nearest else (across, down)
    p00, p01, p10, p11 = taps[0], taps[1], taps[2], taps[3]
    for j in range(count):
        at = Place(start) + (y >> _WHOLE) * down + (x >> _WHOLE) * across
        p00[j], p01[j] = flat[at], flat[at + to_right]
        p10[j], p11[j] = flat[at + to_lower], flat[at + to_lower + to_right]
        x += dx
        y += dy
    x, y, dx, dy = start_of(run, 0.0 if is_nearest else -0.5)
    right, lower = shares[0], shares[1]
    part = np.float32(0.0 if is_nearest else 2.0**-16)
    for j in range(count):
        right[j] = np.float32(np.int32((x >> _SIXTEEN) & Place(65535))) * part
        lower[j] = np.float32(np.int32((y >> _SIXTEEN) & Place(65535))) * part
        x += dx
        y += dy


@njit(**INNER)
def mix_band(
    taps: Array, shares: Array, count: int, void: float, has_void: bool, whole: bool,
    low: float, scale: float, least: int, levels: Array, doubtful: Array,
) -> None:  # fmt: skip
    """`levels` of `count` pixels: `least` + (value - `low`) * `scale`, rounded and clipped; and
    `doubtful` is raised where one of the four values is not valid."""
    one, half, most = np.float32(1), np.float32(0.5), np.float32(255)
    base, by, floor, nothing = (
        np.float32(low),
        np.float32(scale),
        np.float32(least),
        np.float32(void),
    )
    p00, p01, p10, p11 = taps[0], taps[1], taps[2], taps[3]
    right, lower = shares[0], shares[1]
    for j in range(count):
        above = p00[j] * (one - right[j]) + p01[j] * right[j]
        below = p10[j] * (one - right[j]) + p11[j] * right[j]
        value = above * (one - lower[j]) + below * lower[j]
        doubtful[j] |= np.uint8(value != value)  # what is no number makes the sum none
        if whole:
            value = np.floor(value + half)
        level = (value - base) * by + floor + half
        level = level if level > floor else floor
        level = level if level < most else most
        levels[j] = np.uint8(np.int32(level))
    if has_void:
        for j in range(count):
            void_above = (p00[j] == nothing) | (p01[j] == nothing)
            doubtful[j] |= np.uint8(void_above | (p10[j] == nothing) | (p11[j] == nothing))


@njit(**INNER)
def is_any(doubtful: Array, count: int) -> bool:
    """Whether one of the first `count` is raised."""
    raised = np.uint8(0)
    for j in range(count):
        raised |= doubtful[j]
    return raised != 0


@njit(**INNER)
def settle_void(
    taps: Array, shares: Array, count: int, void: float, has_void: bool, whole: bool,
    low: float, scale: float, least: int, levels: Array, doubtful: Array,
) -> int:  # fmt: skip
    """Levels by those of the four values that are valid, 0 where the nearest one is not; no
    pixel is doubtful then. How many are valid."""
    nothing = np.float32(void if has_void else np.nan)
    zero, one, half, most = np.float32(0), np.float32(1), np.float32(0.5), np.float32(255)
    base, by, floor = np.float32(low), np.float32(scale), np.float32(least)
    p00, p01, p10, p11 = taps[0], taps[1], taps[2], taps[3]
    right, lower = shares[0], shares[1]
    valid = 0
    for j in range(count):
        v00 = (p00[j] == p00[j]) & (p00[j] != nothing)
        v01 = (p01[j] == p01[j]) & (p01[j] != nothing)
        v10 = (p10[j] == p10[j]) & (p10[j] != nothing)
        v11 = (p11[j] == p11[j]) & (p11[j] != nothing)
        w00 = (one - right[j]) * (one - lower[j]) if v00 else zero
        w01 = right[j] * (one - lower[j]) if v01 else zero
        w10 = (one - right[j]) * lower[j] if v10 else zero
        w11 = right[j] * lower[j] if v11 else zero
        total = w00 * (p00[j] if v00 else zero) + w01 * (p01[j] if v01 else zero)
        total += w10 * (p10[j] if v10 else zero) + w11 * (p11[j] if v11 else zero)
        above = v01 if right[j] >= half else v00
        below = v11 if right[j] >= half else v10
        is_valid = below if lower[j] >= half else above
        value = total / (w00 + w01 + w10 + w11)
        if whole:
            value = np.floor(value + half)
        level = (value - base) * by + floor + half
        level = level if level > floor else floor
        level = level if level < most else most
        levels[j] = np.uint8(np.int32(level)) if is_valid else np.uint8(0)
        valid += 1 if is_valid else 0
    for j in range(count):
        doubtful[j] = 0
    return valid


@njit(**INNER)
def doubt_mask(
    window_mask: Array, run: Array, count: int, is_nearest: bool, doubtful: Array
) -> None:
    """Raise `doubtful` where one of the four pixels is not valid by the mask."""
    x, y, dx, dy = start_of(run, 0.0 if is_nearest else -0.5)
    step = 0 if is_nearest else 1
    for j in range(count):
        u, v = np.int64(x >> _WHOLE), np.int64(y >> _WHOLE)
        doubtful[j] |= np.uint8(
            not (
                window_mask[v, u] and window_mask[v, u + step]
                and window_mask[v + step, u] and window_mask[v + step, u + step]
            )
        )  # fmt: skip
        x += dx
        y += dy


@njit(**INNER)
def doubt_alpha(taps: Array, count: int, full: float, doubtful: Array) -> None:
    """Raise `doubtful` where one of the four alpha values is not `full`."""
    opaque = np.float32(full)
    p00, p01, p10, p11 = taps[0], taps[1], taps[2], taps[3]
    for j in range(count):
        above = (p00[j] != opaque) | (p01[j] != opaque)
        doubtful[j] |= np.uint8(above | (p10[j] != opaque) | (p11[j] != opaque))


@njit(**INNER)
def gather_bytes(
    flat: Array, start: int, layout: Layout, run: Array, count: int,
    upper: Array, lower: Array, right: Array, down: Array,
) -> None:  # fmt: skip
    """Of bytes whose pixels lie side by side: eight from each position in `upper` and eight from
    the row below in `lower`; the shares of what lies right (of 65536) and down (of 256) in as
    many lanes."""
    x, y, dx, dy = start_of(run, -0.5)
    y += Place(1 << 23)  # to round the share, which has 8 bits
    row, across = Place(layout[0]), Place(layout[1])
    four = Place(0x0001000100010001)
    for j in range(count):
        at = Place(start) + (y >> _WHOLE) * row + (x >> _WHOLE) * across
        upper[j], lower[j] = load_word(flat, at), load_word(flat, at + row)
        share_x, share_y = (
            ((x >> _SIXTEEN) & Place(65535)) * four,
            ((y >> Place(24)) & Place(255)) * four,
        )
        right[2 * j] = right[2 * j + 1] = share_x
        down[2 * j] = down[2 * j + 1] = share_y
        x += dx
        y += dy


@njit(**INNER)
def mix_bytes(
    upper: Array, lower: Array, right: Array, down: Array, across: int, count: int,
    between: Array, mixed: Array,
) -> None:  # fmt: skip
    """`mixed` (8 bytes a pixel, of which the first ones count) of what `gather_bytes` found, whose
    right neighbours lie `across` bytes on; all arrays in lanes. Off by less than one level."""
    for k in range(8 * count):
        share = down[k]
        between[k] = np.uint16(upper[k]) * (np.uint16(256) - share) + np.uint16(lower[k]) * share
    beside = between[across:]
    for k in range(8 * count):
        here = (np.uint32(between[k]) * np.uint32(np.uint16(65535) - right[k])) >> np.uint32(16)
        there = (np.uint32(beside[k]) * np.uint32(right[k])) >> np.uint32(16)
        mixed[k] = np.uint8((np.uint16(here) + np.uint16(there) + np.uint16(129)) >> np.uint16(8))


@njit(**INNER)
def keep_opaque(mixed: Array, is_turned: bool, first: int, count: int, row: Array) -> None:
    """Eight bytes a pixel to a picture's row of four: the first three, or these from behind."""
    target = row[1 + first :]
    for j in range(count):
        eight = mixed[j]
        if is_turned:
            eight = (
                ((eight & Place(255)) << _SIXTEEN) | (eight & Place(0xFF00))
                | ((eight >> _SIXTEEN) & Place(255))
            )  # fmt: skip
        target[j] = np.uint32(eight & Place(0xFFFFFF)) | _OPAQUE


@njit(**INNER)
def pack_levels(levels: Array, first: int, count: int, row: Array) -> None:
    """Three rows of `levels` (3, n) to a picture's row of four bytes."""
    red, green, blue, target = levels[0], levels[1], levels[2], row[1 + first :]
    for j in range(count):
        colour = np.uint32(red[j]) | (np.uint32(green[j]) << np.uint32(8))
        target[j] = colour | (np.uint32(blue[j]) << np.uint32(16)) | _OPAQUE


@njit(**INNER)
def write_row(
    row: Array, differences: Array, width: int, channels: int, is_filtered: bool,
    out: Array, at: int,
) -> None:  # fmt: skip
    """A picture's row to `out` from `at`, `channels` bytes a pixel and at most 7 more after; as
    differences to the left where filtered. All are bytes."""
    own = row[4:]
    o, step = Place(at), Place(channels)
    if is_filtered:
        for k in range(4 * width):
            differences[k] = own[k] - row[k]
        own = differences
    for j in range(width):
        store_word(out, o, load_word(own, Place(4 * j)))
        o += step
