"""A bounded look at a raster's pixels, long before all of them are read."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Interleaving
from rasterio.errors import RasterioError
from rasterio.windows import Window

from repository.raster_info import BandInfo
from tasks.band_facts import fits

log = logging.getLogger("rastrum.pixels")

LONGEST_SIDE = 320
"""Pixels of the small picture."""

MAX_BANDS = 8
BUDGET_BYTES = 64 * 2**20
"""Decoded bytes that a sample may cost, and the most that one block may have."""

SPREAD = 8
"""Blocks along each axis where the whole raster costs too much."""

_READ_WHOLE_BYTES = 8 * 2**20
_READ_LEVEL_BYTES = 32 * 2**20
_WINDOW_SIDE = 256
_STRIP_ROWS = 64


@dataclass(frozen=True)
class Sample:
    """Pixels of the first bands, unscaled."""

    pixels: NDArray[np.generic]
    """Shape (bands, height, width)."""
    valid: NDArray[np.bool_]
    """The same shape, True for pixels that carry a finite value."""
    border: NDArray[np.bool_]
    """Shape (height, width), True for pixels at the edges or corners of the raster."""
    is_picture: bool
    """It shows the whole raster, made small; otherwise blocks of it in a row."""


def read_sample(dataset: rasterio.DatasetReader, bands: Sequence[BandInfo]) -> Sample | None:
    """The sample of an open dataset whose bands are as `bands` say.

    None where it would cost too much, where pixels cannot be read (the conversion will say
    so) or are complex numbers. Never raises for the file's faults.
    """
    if any(dtype.startswith("complex") for dtype in dataset.dtypes):
        return None
    try:
        if _cost_of_picture(dataset) <= BUDGET_BYTES:
            return _picture(dataset, bands)
        return _blocks(dataset, bands)
    except (RasterioError, ValueError, OverflowError, MemoryError, OSError) as error:
        log.info("no sample could be read: %s", error)
        return None


def _cost_of_picture(dataset: rasterio.DatasetReader) -> float:
    """Bytes that are decoded to make the raster small, over its overviews where it has some."""
    height, width = _small_shape(dataset)
    usable = [f for f in dataset.overviews(1) if dataset.width / f >= width]
    factor = max(usable, default=1)
    block_height, block_width = dataset.block_shapes[0]
    down = -(-dataset.height // factor // block_height) or 1
    across = -(-dataset.width // factor // block_width) or 1
    # GDAL takes the nearest pixel of each place: between two of them blocks may be left out.
    return min(down, height) * min(across, width) * _block_bytes(dataset)


def _block_bytes(dataset: rasterio.DatasetReader) -> int:
    height, width = dataset.block_shapes[0]
    together = dataset.count if dataset.interleaving == Interleaving.pixel else 1
    taken = max(1, min(dataset.count, MAX_BANDS) // together)
    return int(height * width * np.dtype(dataset.dtypes[0]).itemsize * together * taken)


def _item_bytes(dataset: rasterio.DatasetReader) -> int:
    """Of one pixel in all bands that are looked at."""
    return sum(np.dtype(dtype).itemsize for dtype in dataset.dtypes[:MAX_BANDS])


def _small_shape(dataset: rasterio.DatasetReader) -> tuple[int, int]:
    shrink = max(1.0, max(dataset.height, dataset.width) / LONGEST_SIDE)
    return max(1, round(dataset.height / shrink)), max(1, round(dataset.width / shrink))


def _shape_to_read_whole(
    dataset: rasterio.DatasetReader, least: tuple[int, int]
) -> tuple[int, int] | None:
    """The size of the raster, or of an overview of a JPEG 2000, to read without resampling.

    A JPEG 2000 of one tile is decoded anew for each band and block at any other size: a
    picture of 5000 x 5000 then takes 90 seconds. None where nothing of the kind is small enough.
    """
    usable = [f for f in dataset.overviews(1) if dataset.width / f >= least[1]]
    factor, most_bytes = 1, _READ_WHOLE_BYTES
    pixels = dataset.width * dataset.height
    if dataset.driver == "JP2OpenJPEG" and usable and pixels * _item_bytes(dataset) > most_bytes:
        factor, most_bytes = max(usable), _READ_LEVEL_BYTES
    shape = -(-dataset.height // factor), -(-dataset.width // factor)
    return shape if shape[0] * shape[1] * _item_bytes(dataset) <= most_bytes else None


def _picture(dataset: rasterio.DatasetReader, bands: Sequence[BandInfo]) -> Sample:
    shape = _small_shape(dataset)
    full = _shape_to_read_whole(dataset, shape)
    if full is not None:
        pixels, valid = _read(dataset, bands, None, full, together=True)
        down = np.linspace(0, full[0] - 1, shape[0]).astype(int)[:, None]
        across = np.linspace(0, full[1] - 1, shape[1]).astype(int)
        pixels, valid = pixels[:, down, across], valid[:, down, across]
    else:
        pixels, valid = _read(dataset, bands, None, shape)
    border = np.ones(shape, bool)
    border[1:-1, 1:-1] = False
    return Sample(pixels, valid, border, is_picture=True)


def _blocks(dataset: rasterio.DatasetReader, bands: Sequence[BandInfo]) -> Sample | None:
    """Blocks spread over the raster, its corners among them."""
    block_height, block_width = dataset.block_shapes[0]
    high = min(dataset.height, max(block_height, -(-_STRIP_ROWS // block_height) * block_height))
    cost = _block_bytes(dataset) * (high // block_height or 1)
    along = min(SPREAD, int((BUDGET_BYTES / max(cost, 1)) ** 0.5))
    if along < 2:
        return None
    rows = _spread(dataset.height, high, along)
    columns = _spread(dataset.width, block_width, along)
    parts = []
    for row in rows:
        for column in columns:
            window = Window(
                column, row,
                min(block_width, _WINDOW_SIDE, dataset.width - column),
                min(high, _WINDOW_SIDE, dataset.height - row),
            )  # fmt: skip
            pixels, valid = _read(dataset, bands, window, None)
            corner = row in (rows[0], rows[-1]) and column in (columns[0], columns[-1])
            parts.append((_in_a_row(pixels), _in_a_row(valid), corner))
    border = np.concatenate([np.full(pixels.shape[1:], corner) for pixels, _, corner in parts], 1)
    return Sample(
        np.concatenate([pixels for pixels, _, _ in parts], axis=2),
        np.concatenate([valid for _, valid, _ in parts], axis=2),
        border,
        is_picture=False,
    )


def _spread(size: int, block: int, count: int) -> list[int]:
    """Offsets of at most `count` blocks from the first to the last."""
    last = (size - 1) // block
    return sorted({round(i * last / (count - 1)) * block for i in range(count)})


def _in_a_row(pixels: NDArray[np.generic]) -> NDArray[np.generic]:
    return pixels.reshape(pixels.shape[0], 1, -1)


def _read(
    dataset: rasterio.DatasetReader,
    bands: Sequence[BandInfo],
    window: Window | None,
    shape: tuple[int, int] | None,
    *,
    together: bool = False,
) -> tuple[NDArray[np.generic], NDArray[np.bool_]]:
    taken = list(range(1, min(dataset.count, MAX_BANDS) + 1))
    if shape is None or together:
        full = None if shape is None else (len(taken), *shape)
        pixels = dataset.read(taken, window=window, out_shape=full)
    else:  # Band by band: GDAL shrinks several bands at once a hundred times slower.
        pixels = np.stack([dataset.read(i, window=window, out_shape=shape) for i in taken])
    valid = np.stack([_valid(pixels[i], bands[i]) for i in range(len(taken))])
    if any(band.mask in ("per_dataset", "alpha") for band in bands):
        valid &= dataset.dataset_mask(window=window, out_shape=shape) > 0
    return pixels, valid


def _valid(pixels: NDArray[np.generic], band: BandInfo) -> NDArray[np.bool_]:
    valid = np.isfinite(pixels)
    if band.nodata is not None and fits(band.nodata, pixels.dtype.name):
        valid &= pixels != pixels.dtype.type(band.nodata)
    return valid
