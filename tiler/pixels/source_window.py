"""The part of a raster that a picture needs: which overview, which window, what is valid in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.enums import Resampling as Method
from rasterio.windows import Window

from repository.errors import Unavailable
from tiler.pixels.asset_ref import AssetRef
from tiler.pixels.blocks import Box, open_cog
from tiler.pixels.datasets import borrowed_dataset

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

SLACK = 1.01
"""An overview 1 % coarser than asked for still counts as fine enough: sizes are rounded up."""
MOST_WHOLE = 1 << 20
"""Pixels of a window that is read as it is though no overview comes close; larger ones are
decimated on the way."""


@dataclass(frozen=True)
class SourceWindow:
    """A window in pixels of the full resolution, and the overview to read it from."""

    level: int
    """-1 for full resolution, else the overview's number from 0."""
    resolution: float
    """Full-resolution pixels a pixel of the picture."""
    columns: tuple[float, float]
    rows: tuple[float, float]
    reach: tuple[float, float]
    """Columns and rows around these that pixels of the picture may cover."""


@dataclass(frozen=True)
class Source:
    """Pixels as stored, with their place in the raster."""

    data: NDArray[Any]
    """(height, width, samples): the bands asked for, then alpha where the raster has it."""
    mask: Mask | None
    """(height, width), True for valid; None where the file has no mask."""
    alpha: int
    """The number of the sample that is alpha; -1 for none."""
    column: float
    row: float
    """Full-resolution position of the window's first corner."""
    scale_x: float
    scale_y: float
    """Full-resolution pixels a pixel of `data`."""


def source_window(
    ref: AssetRef, columns: Floats, rows: Floats, resolution: float,
    reach: tuple[float, float] = (0.0, 0.0),
) -> SourceWindow | None:  # fmt: skip
    """The window that holds the positions and `reach` columns and rows around them; None where
    all positions lie outside the raster."""
    extents = []
    for positions, size in ((columns, ref.width), (rows, ref.height)):
        low, high = (float(ufunc.reduce(positions, axis=None)) for ufunc in (np.fmin, np.fmax))
        # What is no number lies nowhere: then both are NaN and the comparison is False.
        if not (low < size and high >= 0):
            return None
        extents.append((max(low, 0.0), min(high, size - 1e-9)))
    level = _level(ref.overviews, resolution)
    return SourceWindow(level, resolution, extents[0], extents[1], reach)


def read_source(
    ref: AssetRef, window: SourceWindow, bands: Sequence[int], *, average: bool
) -> Source:
    """Read the window with a pixel's margin, decimated only where no overview comes close.

    Raises Unavailable where the store does not answer or the object cannot be read.
    """
    return _read_blocks(ref, window, bands) or _read_by_gdal(ref, window, bands, average)


def _read_blocks(ref: AssetRef, window: SourceWindow, bands: Sequence[int]) -> Source | None:
    """From our own cache of decoded blocks; None where the file is not one for it."""
    try:
        cog = open_cog(ref)
        if cog is None or len(cog.header.levels) <= window.level + 1:
            return None
        level = cog.header.levels[window.level + 1]
        scale_x, scale_y = ref.width / level.width, ref.height / level.height
        column, width = _span(window.columns, window.reach[0], scale_x, level.width)
        row, height = _span(window.rows, window.reach[1], scale_y, level.height)
        excess = int(window.resolution / max(scale_x, scale_y) + 0.01)
        if excess > 1 and width * height > MOST_WHOLE:
            return None
        samples = [i - 1 for i in _with_alpha(ref, bands)]
        data, mask = cog.read(
            window.level + 1, Box(column, row, width, height), samples,
            with_mask=_has_mask(ref, bands) and bool(cog.header.masks),
        )  # fmt: skip
    except (OSError, ValueError, RuntimeError) as error:
        raise Unavailable(
            f"The pixels of {ref.title} cannot be read right now.", code="pixels_unavailable"
        ) from error
    return Source(
        data, mask, len(bands) if ref.alpha_band else -1,
        column * scale_x, row * scale_y, scale_x, scale_y,
    )  # fmt: skip


def _read_by_gdal(
    ref: AssetRef, window: SourceWindow, bands: Sequence[int], average: bool
) -> Source:
    with borrowed_dataset(ref, window.level) as dataset:
        scale_x, scale_y = ref.width / dataset.width, ref.height / dataset.height
        across, down = window.reach
        first_column, width = _span(window.columns, across, scale_x, dataset.width)
        first_row, height = _span(window.rows, down, scale_y, dataset.height)
        part = Window(first_column, first_row, width, height)
        excess = max(1, int(window.resolution / max(scale_x, scale_y) + 0.01))
        if width * height <= MOST_WHOLE:
            excess = 1
        shape = (-(-height // excess), -(-width // excess))
        method = Method.average if average else Method.nearest
        reading = {"window": part, "out_shape": shape, "resampling": method}
        if excess == 1:
            reading = {"window": part}
        data = dataset.read(_with_alpha(ref, bands), **reading)
        mask = None
        if _has_mask(ref, bands):
            nearest = {**reading, "resampling": Method.nearest}
            mask = np.asarray(dataset.read_masks(bands[0], **nearest) > 0)
    return Source(
        np.ascontiguousarray(data.transpose(1, 2, 0)), mask,
        len(bands) if ref.alpha_band else -1,
        first_column * scale_x, first_row * scale_y,
        width / shape[1] * scale_x, height / shape[0] * scale_y,
    )  # fmt: skip


def _with_alpha(ref: AssetRef, bands: Sequence[int]) -> list[int]:
    return [*bands, ref.alpha_band] if ref.alpha_band else list(bands)


def _has_mask(ref: AssetRef, bands: Sequence[int]) -> bool:
    return any(ref.band(i).mask == "per_dataset" for i in bands)


def _level(overviews: tuple[int, ...], resolution: float) -> int:
    """The coarsest overview that is not coarser than the picture."""
    fitting = [i for i, factor in enumerate(overviews) if factor <= resolution * SLACK]
    return fitting[-1] if fitting else -1


def _span(extent: tuple[float, float], reach: float, scale: float, size: int) -> tuple[int, int]:
    """First pixel and number of pixels of a level, with a margin for bilinear, or for all that
    is covered."""
    low, high = extent[0] / scale, extent[1] / scale
    far = reach / scale
    first = max(0, min(int(low) - 1, int(low - far + 1e-6)))
    last = min(size - 1, max(int(high) + 1, int(high + far - 1e-6)))
    return first, last - first + 1
