"""Four pixels become one: average, mode and nearest, over valid pixels only.

All functions work on one band, (height, width), and halve both sides, rounding
up: the last row or column of an odd side counts twice, which changes no average.
A result without any valid pixel holds `fill`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tasks.cog.validity import Mask, Pixels
from tasks.cog_profiles import Resampling

Reducer = Callable[[Pixels, "Mask | None", float], Pixels]


def reducer(resampling: Resampling) -> Reducer:
    """The function that halves one band: (pixels, valid or None, fill) -> pixels."""
    return {"average": average, "mode": mode, "nearest": nearest}[resampling]


def quarters(band: Pixels) -> tuple[Pixels, Pixels, Pixels, Pixels]:
    """The four pixels of each 2 x 2 cell in reading order, each (h/2, w/2) rounded up."""
    height, width = band.shape
    if height % 2:
        band = np.concatenate([band, band[-1:]])
    if width % 2:
        band = np.concatenate([band, band[:, -1:]], axis=1)
    return band[::2, ::2], band[::2, 1::2], band[1::2, ::2], band[1::2, 1::2]


def halve_mask(valid: Mask, resampling: Resampling) -> Mask:
    """A mask, halved: a cell is valid where its nearest, or else any, pixel is."""
    if resampling == "nearest":
        return valid[::2, ::2]
    a, b, c, d = quarters(valid)
    return np.asarray(a | b | c | d, dtype=np.bool_)


def step_off_nodata(halved: Pixels, valid: Mask | None, nodata: float) -> None:
    """Move means that fell on the nodata value by accident to its neighbour, in place.

    `valid` is the halved mask. GDAL does the same (GDALGetNoDataReplacementValue).
    """
    fallen = halved == nodata
    if valid is not None:
        fallen &= valid
    if not fallen.any():
        return
    value = halved.dtype.type(nodata)
    if halved.dtype.kind == "f":
        halved[fallen] = np.nextafter(value, halved.dtype.type(np.inf))
    else:
        step = -1 if int(value) == np.iinfo(halved.dtype).max else 1
        halved[fallen] = int(value) + step


def nearest(band: Pixels, valid: Mask | None, fill: float) -> Pixels:
    """The upper left pixel of each cell, valid or not: bit flags must not be mixed."""
    return band[::2, ::2]


def mode(band: Pixels, valid: Mask | None, fill: float) -> Pixels:
    """The most frequent valid value; of equals the first to reach its count, as in GDAL."""
    a, b, c, d = quarters(band)
    if valid is None:
        result = np.where((d == a) | (d == b) | (d == c), d, a)
        result = np.where((c == a) | (c == b), c, result)
        return np.where(a == b, a, result)
    va, vb, vc, vd = quarters(valid)
    result = np.full(a.shape, fill, dtype=band.dtype)
    for value, is_valid in ((d, vd), (c, vc), (b, vb), (a, va)):
        np.copyto(result, value, where=is_valid)
    seen_d = vd & ((va & (d == a)) | (vb & (d == b)) | (vc & (d == c)))
    np.copyto(result, d, where=seen_d)
    np.copyto(result, c, where=vc & ((va & (c == a)) | (vb & (c == b))))
    np.copyto(result, a, where=va & vb & (a == b))
    return result


def average(band: Pixels, valid: Mask | None, fill: float) -> Pixels:
    """The mean of the valid pixels; integers are rounded, halves away from zero as in GDAL."""
    if valid is None and band.dtype.kind == "u" and band.dtype.itemsize <= 2:
        return _average_small_unsigned(band)
    if valid is None:
        a, b, c, d = (_widened(q) for q in quarters(band))
        return narrowed(((a + b) + (c + d)) * a.dtype.type(0.25), band.dtype)
    return _average_of_valid(band, valid, fill)


def _average_small_unsigned(band: Pixels) -> Pixels:
    wide = np.uint16 if band.dtype.itemsize == 1 else np.uint32
    a, b, c, d = quarters(band)
    total = np.add(a, b, dtype=wide)
    total += c
    total += d
    total += wide(2)
    total >>= wide(2)
    return total.astype(band.dtype)


def _average_of_valid(band: Pixels, valid: Mask, fill: float) -> Pixels:
    cells, masks = quarters(band), quarters(valid)
    count = np.zeros(masks[0].shape, dtype=np.uint8)
    total = np.zeros(masks[0].shape, dtype=wide_type(band.dtype))
    for cell, is_valid in zip(cells, masks, strict=True):
        count += is_valid
        np.add(total, _widened(cell), out=total, where=is_valid)
    weights = np.array([0, 1, 1 / 2, 1 / 3, 1 / 4], dtype=total.dtype)
    total *= weights[count]
    result = narrowed(total, band.dtype)
    result[count == 0] = fill
    return result


def wide_type(dtype: np.dtype[Any]) -> type[np.floating]:
    """A float type that holds sums of four exactly enough; float64 rounds beyond 2**53."""
    return np.float32 if dtype.itemsize <= 2 else np.float64


def _widened(cell: Pixels) -> Pixels:
    return cell.astype(wide_type(cell.dtype))


def narrowed(values: Pixels, dtype: np.dtype[Any]) -> Pixels:
    """Means in the band's own type; integers rounded, halves away from zero."""
    if dtype.kind == "f":
        return values.astype(dtype)
    rounded: Pixels = np.trunc(values + np.copysign(values.dtype.type(0.5), values))
    if dtype.itemsize < 8:
        return rounded.astype(dtype)
    limits = np.iinfo(dtype)
    beyond = rounded >= float(limits.max)
    result: Pixels = np.where(beyond, 0, rounded).astype(dtype)
    result[beyond] = limits.max
    return result
