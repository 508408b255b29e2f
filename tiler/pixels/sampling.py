"""Source pixels to picture pixels: nearest, bilinear, average or mode of what is valid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from repository.rendering_style import Resampling
from tiler.pixels.asset_ref import AssetRef
from tiler.pixels.kernels import resample
from tiler.pixels.nodata import representable
from tiler.pixels.placement import Placement
from tiler.pixels.row_runs import Layout
from tiler.pixels.source_values import AVERAGE, BILINEAR, MODE, NEAREST
from tiler.pixels.source_window import Source

Mask = NDArray[np.bool_]
NO_MASK = np.empty((0, 0), np.bool_)

COARSE = 1.99
"""Source pixels a picture pixel from which on bilinear would leave some out: only beyond the
coarsest overview. There it weighs all that a pixel covers, as average does."""
_METHODS = {"nearest": NEAREST, "bilinear": BILINEAR, "average": AVERAGE, "mode": MODE}


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
    height: int, width: int, *, resampling: Resampling,
) -> Samples:  # fmt: skip
    """The picture's pixels, `turn` periods beside the raster's own numbering of columns."""
    window = source.data
    if window.dtype.kind == "c":
        return _complex(ref, source, bands, placement, turn, height, width, resampling)
    if window.dtype == np.float16:  # Numba has none
        window = window.astype(np.float32)
    data = np.zeros((height, width, len(bands)), window.dtype)
    mask = np.zeros((height, width), np.bool_)
    opacity = np.zeros((height, width) if source.alpha >= 0 else (0, 0), window.dtype)
    nodata, has_nodata = nodata_of(ref, bands, window.dtype)
    flat, layout = flat_window(window)
    count = resample(
        flat, layout, NO_MASK if source.mask is None else source.mask, nodata, has_nodata,
        source.alpha, placement.columns, placement.rows, float(turn * placement.period),
        frame_of(ref, source), method_of(resampling, source, placement), window.dtype.kind != "f",
        data, mask, opacity,
    )  # fmt: skip
    if data.dtype != source.data.dtype:
        data = data.astype(source.data.dtype)
    return Samples(data, mask, as_bytes(opacity) if source.alpha >= 0 else None, count)


def method_of(resampling: Resampling, source: Source, placement: Placement) -> int:
    """The number of the method for the compiled loops."""
    coarse = placement.resolution >= COARSE * max(source.scale_x, source.scale_y)
    return AVERAGE if resampling == "bilinear" and coarse else _METHODS[resampling]


def frame_of(ref: AssetRef, source: Source) -> NDArray[np.float64]:
    """Where the window lies in the raster, for the compiled loops."""
    return np.array([ref.width, ref.height, source.column, source.row,
                     source.scale_x, source.scale_y])  # fmt: skip


def flat_window(window: NDArray[Any]) -> tuple[NDArray[Any], Layout]:
    """A window (height, width, samples) of any layout as the compiled loops read it."""
    height, width, _ = window.shape
    size = window.itemsize
    steps = [stride // size for stride in window.strides]
    if window.flags.c_contiguous:
        return window.reshape(-1), (steps[0], steps[1], steps[2], 0, height, width)
    ends = [step * (n - 1) for step, n in zip(steps, window.shape, strict=True)]
    lowest = window[tuple(slice(n - 1, n) if end < 0 else slice(0, 1)
                          for end, n in zip(ends, window.shape, strict=True))]  # fmt: skip
    flat = as_strided(lowest, (1 + sum(map(abs, ends)),), (size,))
    start = -sum(end for end in ends if end < 0)
    return flat, (steps[0], steps[1], steps[2], start, height, width)


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


def as_bytes(alpha: NDArray[Any]) -> NDArray[np.uint8]:
    """Alpha of any data type as 0 to 255."""
    if alpha.dtype == np.uint8:
        return alpha
    scaled = np.clip(np.ceil(alpha.astype(np.float64) * alpha_scale(alpha.dtype)), 0, 255)
    return np.nan_to_num(scaled).astype(np.uint8)


def alpha_scale(dtype: np.dtype[Any]) -> float:
    """What turns alpha of a data type into 0 to 255."""
    return 255 / 65535 if dtype == np.uint16 else 255.0 if dtype.kind == "f" else 1.0


def _complex(
    ref: AssetRef, source: Source, bands: Sequence[int], placement: Placement, turn: int,
    height: int, width: int, resampling: Resampling,
) -> Samples:  # fmt: skip
    """Complex numbers (radar) as pairs of reals; their nodata is looked for before."""
    window = np.ascontiguousarray(source.data)
    nodata, has_nodata = nodata_of(ref, bands, window.dtype)
    void = has_nodata & (window[..., : len(bands)] == nodata)
    parts = window.view(window.real.dtype).copy()
    parts[np.repeat(void, 2, axis=2)] = np.nan
    real = Source(parts, source.mask, -1, source.column, source.row, source.scale_x, source.scale_y)
    doubled = [band for band in bands for _ in range(2)]
    found = sample(ref, real, doubled, placement, turn, height, width, resampling=resampling)
    return Samples(found.data.view(window.dtype), found.mask, None, found.valid_count)
