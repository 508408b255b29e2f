"""The part of a raster that a picture needs: which overview, which window, what is valid in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.enums import Resampling as Method
from rasterio.windows import Window

from tiler.pixels.asset_ref import AssetRef
from tiler.pixels.datasets import borrowed_dataset
from tiler.pixels.nodata import representable

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

SLACK = 1.01
"""An overview 1 % coarser than asked for still counts as fine enough: sizes are rounded up."""


@dataclass(frozen=True)
class SourceWindow:
    """A window in pixels of the full resolution, and the overview to read it from."""

    level: int
    """-1 for full resolution, else the overview's number from 0."""
    resolution: float
    """Full-resolution pixels a pixel of the picture."""
    columns: tuple[float, float]
    rows: tuple[float, float]
    inside: Mask
    """(height, width) of the picture, True where a pixel's centre lies in the raster."""


@dataclass(frozen=True)
class Source:
    """Pixels as stored, with their place in the raster."""

    data: NDArray[Any]
    """(bands, height, width)"""
    valid: Mask | None
    """(bands, height, width); None where every pixel is valid."""
    alpha: NDArray[np.uint8] | None
    column: float
    row: float
    """Full-resolution position of the window's first corner."""
    scale_x: float
    scale_y: float
    """Full-resolution pixels a pixel of `data`."""


def source_window(
    ref: AssetRef, columns: Floats, rows: Floats, resolution: float
) -> SourceWindow | None:
    """The window that holds the positions; None where all lie outside the raster."""
    extents = []
    # Comparisons with NaN are False: what has no place lies outside.
    inside = (columns >= 0) & (columns < ref.width) & ((rows >= 0) & (rows < ref.height))
    if not inside.any():
        return None
    whole = bool(inside.all())
    for positions in (columns, rows):
        chosen = positions if whole else np.broadcast_to(positions, inside.shape)[inside]
        extents.append((float(chosen.min()), float(chosen.max())))
    level = _level(ref.overviews, resolution)
    return SourceWindow(level, resolution, extents[0], extents[1], inside)


def read_source(
    ref: AssetRef, window: SourceWindow, bands: Sequence[int], *, average: bool
) -> Source:
    """Read the window with a pixel's margin, decimated only where no overview comes close."""
    with borrowed_dataset(ref, window.level) as dataset:
        scale_x, scale_y = ref.width / dataset.width, ref.height / dataset.height
        first_column, width = _span(window.columns, scale_x, dataset.width)
        first_row, height = _span(window.rows, scale_y, dataset.height)
        part = Window(first_column, first_row, width, height)
        excess = max(1, int(window.resolution / max(scale_x, scale_y) + 0.01))
        shape = (-(-height // excess), -(-width // excess))
        method = Method.average if average else Method.nearest
        reading = {"window": part, "out_shape": shape, "resampling": method}
        if excess == 1:
            reading = {"window": part}
        indexes = [*bands, ref.alpha_band] if ref.alpha_band else list(bands)
        data = dataset.read(indexes, **reading)
        mask = _dataset_mask(ref, dataset, bands, reading)
    alpha = None
    if ref.alpha_band:
        data, alpha = data[:-1], _as_bytes(data[-1])
        mask = alpha > 0
    valid = _validity(ref, data, bands, mask)
    return Source(
        data, valid, alpha, first_column * scale_x, first_row * scale_y,
        width / shape[1] * scale_x, height / shape[0] * scale_y,
    )  # fmt: skip


def _level(overviews: tuple[int, ...], resolution: float) -> int:
    """The coarsest overview that is not coarser than the picture."""
    fitting = [i for i, factor in enumerate(overviews) if factor <= resolution * SLACK]
    return fitting[-1] if fitting else -1


def _span(extent: tuple[float, float], scale: float, size: int) -> tuple[int, int]:
    """First pixel and number of pixels of a level, with a margin for bilinear."""
    first = max(0, int(extent[0] / scale) - 1)
    last = min(size - 1, int(extent[1] / scale) + 1)
    return first, last - first + 1


def _dataset_mask(
    ref: AssetRef, dataset: Any, bands: Sequence[int], reading: dict[str, Any]
) -> Mask | None:
    """The mask band of the file, True for valid; None where it has none."""
    if not any(ref.band(i).mask == "per_dataset" for i in bands):
        return None
    reading = {**reading, "resampling": Method.nearest}
    mask: Mask = dataset.read_masks(bands[0], **reading) > 0
    return mask


def _validity(
    ref: AssetRef, data: NDArray[Any], bands: Sequence[int], mask: Mask | None
) -> Mask | None:
    """Each band's valid pixels by nodata, NaN, mask or alpha; None where all are."""
    valid: Mask | None = None
    for plane, (values, index) in enumerate(zip(data, bands, strict=True)):
        found = _plane_validity(values, representable(ref.band(index), values.dtype))
        if found is not None:
            valid = np.ones(data.shape, bool) if valid is None else valid
            valid[plane] = found
    if mask is not None and not mask.all():
        valid = np.broadcast_to(mask, data.shape) if valid is None else valid & mask
    return valid


def _plane_validity(values: NDArray[Any], nodata: Any | None) -> Mask | None:
    valid: Mask | None = None
    if values.dtype.kind in "fc":
        finite: Mask = ~np.isnan(values)
        valid = None if finite.all() else finite
    if nodata is not None and nodata == nodata:
        differs: Mask = values != nodata
        if not differs.all():
            valid = differs if valid is None else valid & differs
    return valid


def _as_bytes(alpha: NDArray[Any]) -> NDArray[np.uint8]:
    """Alpha of any data type as 0 to 255."""
    if alpha.dtype == np.uint8:
        return alpha
    full = 65535 if alpha.dtype == np.uint16 else 1 if alpha.dtype.kind == "f" else 255
    scaled = np.clip(np.ceil(alpha.astype(np.float64) * (255 / full)), 0, 255)
    return np.nan_to_num(scaled).astype(np.uint8)
