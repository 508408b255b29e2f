"""Source pixels to picture pixels: nearest, or bilinear over what is valid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiler.pixels.source_window import Source

Floats = NDArray[np.float64]
Indexes = NDArray[np.intp]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Samples:
    """One value for each pixel of the picture."""

    data: NDArray[Any]
    """(bands, height, width)"""
    mask: Mask
    """(height, width), True for valid."""
    alpha: NDArray[np.uint8] | None


def sample(source: Source, columns: Floats, rows: Floats, inside: Mask, *, smooth: bool) -> Samples:
    """Values at full-resolution positions `columns` and `rows`, which broadcast to `inside`.

    `inside` (height, width) is True where the position lies in the raster; elsewhere the
    position may be anything, NaN too.
    """
    height, width = source.data.shape[1:]
    if not inside.all():
        columns, rows = np.where(inside, columns, source.column), np.where(inside, rows, source.row)
    x, y = (columns - source.column) / source.scale_x, (rows - source.row) / source.scale_y
    nearest = np.minimum(y.astype(np.intp), height - 1) * width
    nearest = nearest + np.minimum(x.astype(np.intp), width - 1)
    mask = inside
    if source.valid is not None:
        any_band = source.valid[0] if len(source.valid) == 1 else source.valid.any(axis=0)
        mask = inside & any_band.reshape(-1).take(nearest, mode="clip")
    alpha = None if source.alpha is None else source.alpha.reshape(-1).take(nearest, mode="clip")
    if smooth and source.data.dtype.kind in "iuf":
        data = _bilinear(source, x, y, nearest)
    else:
        data = _gather(source.data, nearest)
    return Samples(data, mask, alpha)


def _index(position: Floats, size: int, stride: int) -> Indexes:
    """The whole number `position`, kept inside, times `stride`."""
    return np.minimum(np.maximum(position, 0), size - 1).astype(np.intp) * stride


def _gather(planes: NDArray[Any], index: Indexes) -> NDArray[Any]:
    """planes (bands, h, w) at flat positions (height, width): (bands, height, width)."""
    flat = np.ascontiguousarray(planes).reshape(planes.shape[0], -1)
    return flat.take(index, axis=1, mode="clip")


def _bilinear(source: Source, x: Floats, y: Floats, nearest: Indexes) -> NDArray[Any]:
    """The four pixels around, weighted; what is not valid weighs nothing."""
    bands, height, width = source.data.shape
    kind = _working_type(source.data.dtype)
    x0, y0 = np.floor(x - 0.5), np.floor(y - 0.5)
    fx, fy = (x - 0.5 - x0).astype(kind), (y - 0.5 - y0).astype(kind)
    planes, valid = source.data, source.valid
    if valid is not None:
        planes = np.where(valid, planes, np.zeros((), planes.dtype))
    total: Any = np.zeros((bands, *nearest.shape), kind)
    weight: Any = np.zeros_like(total) if valid is not None else None
    for dx, wx in ((0, 1 - fx), (1, fx)):
        for dy, wy in ((0, 1 - fy), (1, fy)):
            index = _index(x0 + dx, width, 1) + _index(y0 + dy, height, width)
            share: Any = wx * wy
            total += _gather(planes, index) * share
            if valid is not None:
                weight += _gather(valid, index) * share
    if valid is not None:
        # Where the nearest pixel is valid its weight is a quarter at least.
        np.divide(total, weight, out=total, where=weight > 0)
    return _as_stored(total, source.data.dtype)


def _working_type(dtype: np.dtype[Any]) -> Any:
    """A floating type that holds every value of `dtype` (64-bit integers nearly)."""
    return np.float32 if dtype.itemsize <= 2 or dtype == np.float32 else np.float64


def _as_stored(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Rounded to whole numbers where the file holds such."""
    if dtype.kind == "f":
        return values.astype(dtype, copy=False)
    return np.rint(values).astype(dtype)
