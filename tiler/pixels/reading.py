"""From a raster to the pixels of a tile or of any window: the one place where pixels are read.

Nearest takes the source pixel that holds the centre of the picture's pixel. Bilinear
weighs the four around it, leaving out what is not valid. Either way a pixel is valid
where its nearest source pixel is: data neither grows nor shrinks at its edges.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from repository.errors import BadRequest
from repository.raster_info import BandInfo, Bounds
from repository.rendering_style import Resampling
from tiler.pixels.asset_ref import AssetRef
from tiler.pixels.nodata import representable
from tiler.pixels.placement import Placement, place
from tiler.pixels.sampling import Samples, sample
from tiler.pixels.source_window import read_source, source_window
from tiler.pixels.tile_matrix_sets import TileMatrixSet

Mask = NDArray[np.bool_]

BLOCK = 1024
"""Larger pictures are read in squares of this side: positions alone take 16 bytes a pixel."""
MAX_PIXELS = 25_000_000
"""Of one window, over all bands: a tile of values of hundreds of bands would take a gigabyte."""


@dataclass(frozen=True)
class Pixels:
    """What was read: values as stored, and where they are valid."""

    data: NDArray[Any]
    """(bands, height, width) in the file's data type; 0 or nodata where not valid."""
    mask: Mask
    """(height, width), True for valid: at least one of the bands has a value there."""
    alpha: NDArray[np.uint8] | None = None
    """(height, width), 0 to 255, where the raster has an alpha band."""
    bounds: Bounds = (0.0, 0.0, 0.0, 0.0)
    crs: str = ""
    valid_count: int | None = None
    """How many pixels are valid, where that was counted."""
    bands: tuple[BandInfo, ...] = ()
    """What is known of each plane's band, where it comes from a raster."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all is valid."""
        return not (self.mask.any() if self.valid_count is None else self.valid_count)

    @property
    def is_full(self) -> bool:
        """Whether every pixel is valid."""
        whole = self.mask.size
        return (int(self.mask.sum()) if self.valid_count is None else self.valid_count) == whole


def read_tile(
    ref: AssetRef, tms: TileMatrixSet, z: int, x: int, y: int,
    size: int = 256, bands: Sequence[int] = (), resampling: Resampling = "nearest",
) -> Pixels:  # fmt: skip
    """The pixels of one tile, `size` by `size`; `bands` from 1, none for all but alpha.

    Raises BadRequest for a tile or band that does not exist, Unavailable where the
    store does not answer.
    """
    tms.check(z, x, y)
    return read_window(
        ref, tms.bounds(z, x, y), tms.crs, size, size, bands=bands, resampling=resampling
    )


def read_window(
    ref: AssetRef, bounds: Bounds, crs: str, width: int, height: int,
    *, bands: Sequence[int] = (), resampling: Resampling = "nearest",
) -> Pixels:  # fmt: skip
    """The pixels of any rectangle, north up, read from the overview that fits.

    `bounds` are left, bottom, right, top in `crs` (an EPSG code or WKT, x before y);
    what lies outside the raster is not valid. In the raster's own CRS and aligned with
    its pixels the result is exact. Raises as `read_tile` does; above MAX_PIXELS, or for
    an empty rectangle, BadRequest.
    """
    indexes = _checked_bands(ref, bands)
    _check_size(bounds, width, height, len(indexes))
    dtype = np.result_type(*(ref.band(i).dtype for i in indexes))
    parts = list(_blocks(bounds, width, height))
    if len(parts) == 1:
        found = list(_read_block(ref, bounds, crs, height, width, indexes, resampling))
        if len(found) == 1 and found[0].data.dtype == dtype:
            return _finished(ref, found[0], indexes, bounds, crs)
    data = np.zeros((height, width, len(indexes)), dtype)
    mask = np.zeros((height, width), bool)
    alpha = np.zeros((height, width), np.uint8) if ref.alpha_band else None
    for rows, columns, part in parts:
        found = list(_read_block(ref, part, crs, rows.stop - rows.start,
                                 columns.stop - columns.start, indexes, resampling))  # fmt: skip
        for samples in found:
            free = samples.mask & ~mask[rows, columns]
            np.copyto(data[rows, columns], samples.data, where=free[..., None])
            if alpha is not None and samples.alpha is not None:
                np.copyto(alpha[rows, columns], samples.alpha, where=free)
            mask[rows, columns] |= free
    return _finished(ref, Samples(data, mask, alpha, int(mask.sum())), indexes, bounds, crs)


def _finished(
    ref: AssetRef, samples: Samples, bands: tuple[int, ...], bounds: Bounds, crs: str
) -> Pixels:
    """Pixels with each band's nodata where nothing is valid, so that raw values say so too."""
    data = samples.data.transpose(2, 0, 1)
    if samples.valid_count < samples.mask.size:
        for plane, index in zip(data, bands, strict=True):
            nodata = representable(ref.band(index), data.dtype)
            if nodata is not None:
                plane[~samples.mask] = nodata
    facts = tuple(ref.band(index) for index in bands)
    return Pixels(data, samples.mask, samples.alpha, bounds, crs, samples.valid_count, facts)


def _read_block(
    ref: AssetRef, bounds: Bounds, crs: str, height: int, width: int,
    bands: tuple[int, ...], resampling: Resampling,
) -> Iterator[Samples]:  # fmt: skip
    """Samples for each turn round the Earth at which the raster shows in the block: mostly one."""
    placement = place(
        bounds, crs, width, height,
        source_crs=ref.crs_wkt, source_transform=ref.transform, source_size=(ref.width, ref.height),
    )  # fmt: skip
    for turn in turns(ref, placement):
        columns = placement.columns + turn * placement.period if turn else placement.columns
        window = source_window(ref, columns, placement.rows, placement.resolution, placement.reach)
        if window is not None:
            source = read_source(ref, window, bands, average=resampling not in ("nearest", "mode"))
            yield sample(ref, source, bands, placement, turn, height, width, resampling=resampling)


def turns(ref: AssetRef, placement: Placement) -> list[int]:
    """By how many periods the picture may lie beside the raster's own numbering of columns."""
    if not placement.period:
        return [0]
    low, high = np.nanmin(placement.columns), np.nanmax(placement.columns)
    if not (np.isfinite(low) and np.isfinite(high)):
        return []
    first = int(np.ceil((0 - high) / placement.period))
    last = int(np.floor((ref.width - low) / placement.period))
    return sorted(range(first, min(last, first + 3) + 1), key=abs)


def _blocks(bounds: Bounds, width: int, height: int) -> Iterator[tuple[slice, slice, Bounds]]:
    """Rows, columns and bounds of the squares that a picture is read in."""
    left, bottom, right, top = bounds
    dx, dy = (right - left) / width, (top - bottom) / height
    for row in range(0, height, BLOCK):
        for column in range(0, width, BLOCK):
            rows = slice(row, min(row + BLOCK, height))
            columns = slice(column, min(column + BLOCK, width))
            yield rows, columns, (
                left + columns.start * dx, top - rows.stop * dy,
                left + columns.stop * dx, top - rows.start * dy,
            )  # fmt: skip


def _checked_bands(ref: AssetRef, bands: Sequence[int]) -> tuple[int, ...]:
    chosen = tuple(bands) or ref.data_bands or tuple(b.index for b in ref.bands)
    for index in chosen:
        if not 1 <= index <= len(ref.bands):
            raise BadRequest(
                f"There is no band {index}: {ref.title} has bands 1 to {len(ref.bands)}.",
                code="unknown_band",
            )
    return chosen


def _check_size(bounds: Bounds, width: int, height: int, bands: int) -> None:
    left, bottom, right, top = bounds
    if not (left < right and bottom < top and np.isfinite(bounds).all()):
        raise BadRequest("The rectangle is empty.", code="invalid_bounds",
                         hint="Give left, bottom, right, top.")  # fmt: skip
    if width < 1 or height < 1 or width * height * bands > MAX_PIXELS:
        raise BadRequest(
            f"{width} x {height} pixels of {bands} bands is outside 1 to {MAX_PIXELS:,} values.",
            code="invalid_size",
        )
