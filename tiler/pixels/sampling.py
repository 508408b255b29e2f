"""Source pixels to picture pixels: nearest, or bilinear over what is valid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiler.pixels.asset_ref import AssetRef
from tiler.pixels.kernels import resample
from tiler.pixels.nodata import representable
from tiler.pixels.placement import Placement
from tiler.pixels.source_window import Source

Mask = NDArray[np.bool_]
_NO_MASK = np.empty((0, 0), np.bool_)


@dataclass(frozen=True)
class Samples:
    """One value for each pixel of the picture."""

    data: NDArray[Any]
    """(height, width, bands); 0 where not valid."""
    mask: Mask
    """(height, width), True for valid."""
    alpha: NDArray[np.uint8] | None
    valid_count: int


def sample(
    ref: AssetRef, source: Source, bands: Sequence[int], placement: Placement, turn: int,
    height: int, width: int, *, smooth: bool,
) -> Samples:  # fmt: skip
    """The picture's pixels, `turn` periods beside the raster's own numbering of columns."""
    window = source.data
    data = np.zeros((height, width, len(bands)), window.dtype)
    mask = np.zeros((height, width), np.bool_)
    opacity = np.zeros((height, width) if source.alpha >= 0 else (0, 0), window.dtype)
    nodata, has_nodata = nodata_of(ref, bands, window.dtype)
    frame = np.array([ref.width, ref.height, source.column, source.row,
                      source.scale_x, source.scale_y])  # fmt: skip
    columns, rows = (np.ascontiguousarray(n) for n in (placement.columns, placement.rows))
    count = resample(
        window, _NO_MASK if source.mask is None else source.mask, nodata, has_nodata,
        source.alpha, columns, rows, float(turn * placement.period), frame,
        smooth, window.dtype.kind != "f", data, mask, opacity,
    )  # fmt: skip
    return Samples(data, mask, _as_bytes(opacity) if source.alpha >= 0 else None, count)


def nodata_of(
    ref: AssetRef, bands: Sequence[int], dtype: np.dtype[Any]
) -> tuple[NDArray[Any], Mask]:
    """Each band's nodata value in the pixels' type, and whether it has one that they can hold."""
    values, known = np.zeros(len(bands), dtype), np.zeros(len(bands), np.bool_)
    for k, index in enumerate(bands):
        band = ref.band(index)
        # A mask or an alpha band says all: GDAL combines neither with nodata.
        value = representable(band, dtype) if band.mask == "nodata" else None
        if value is not None and value == value:  # NaN is never valid, declared or not
            values[k], known[k] = value, True
    return values, known


def _as_bytes(alpha: NDArray[Any]) -> NDArray[np.uint8]:
    """Alpha of any data type as 0 to 255."""
    if alpha.dtype == np.uint8:
        return alpha
    full = 65535 if alpha.dtype == np.uint16 else 1 if alpha.dtype.kind == "f" else 255
    scaled = np.clip(np.ceil(alpha.astype(np.float64) * (255 / full)), 0, 255)
    return np.nan_to_num(scaled).astype(np.uint8)
