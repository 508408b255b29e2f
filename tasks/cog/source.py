"""Reading a source in order: opened safely, read in strips, its faults named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window

from repository.errors import Rejected
from tasks.cog.halving import Strip
from tasks.cog.validity import Mask, Pixels
from tasks.formats.opening import open_raster
from tasks.raster_source import RasterSource

TRUNCATED = re.compile(
    r"got \d+ bytes, expected|past end of file|beyond end of file|unexpected end|"
    r"seek error|read error|cannot read (offset|\d+ bytes)|truncated|premature|not enough data",
    re.IGNORECASE,
)


class StripReader(Protocol):
    """What the conversion needs of a source, be it read as it lies or warped."""

    def read_strip(self, window: Window, dtype: np.dtype[Any]) -> Strip:
        """Pixels and mask of a window. Raises Rejected where they cannot be read."""

    def tags(self, band: int = 0) -> dict[str, str]:
        """The tags of a band of the result, from 1; those of the dataset for 0."""


@dataclass(frozen=True)
class OpenRaster:
    """An open raster, the bands that are taken, and where its mask comes from."""

    dataset: DatasetReader
    bands: tuple[int, ...]
    mask_dataset: DatasetReader | None
    """None: there is no mask of the dataset, or it is not asked for."""


@dataclass(frozen=True)
class Source:
    """A raster whose pixels are read as they lie."""

    raster: OpenRaster
    interleaved: bool
    """Arrays are laid out in memory with the bands of a pixel side by side."""
    copied_from: Source | None = None
    """What speaks for a copy: its tags are the original's."""

    def read_strip(self, window: Window, dtype: np.dtype[Any]) -> Strip:
        """See StripReader."""
        return Strip(self._read(window, dtype), self._read_mask(window))

    def tags(self, band: int = 0) -> dict[str, str]:
        """See StripReader."""
        if self.copied_from is not None:
            return self.copied_from.tags(band)
        return self.raster.dataset.tags(self.raster.bands[band - 1] if band else 0)

    def _read(self, window: Window, dtype: np.dtype[Any]) -> Pixels:
        height, width, bands = int(window.height), int(window.width), len(self.raster.bands)
        if self.interleaved:
            pixels = np.empty((height, width, bands), dtype).transpose(2, 0, 1)
        else:
            pixels = np.empty((bands, height, width), dtype)
        with naming_faults(window, self.raster.dataset.height):
            self.raster.dataset.read(list(self.raster.bands), window=window, out=pixels)
        return pixels

    def _read_mask(self, window: Window) -> Mask | None:
        dataset, mask = self.raster.dataset, self.raster.mask_dataset
        if mask is None:
            return None
        with naming_faults(window, dataset.height):
            if mask is dataset:
                return np.asarray(dataset.read_masks(self.raster.bands[0], window=window) != 0)
            return np.asarray(mask.read(1, window=window) != 0)


@contextmanager
def open_source(
    source: RasterSource, *, needs_mask: bool, threads: int, **options: Any
) -> Iterator[OpenRaster]:
    """`source` open by its one driver, with the mask that was handed in with it.

    Raises Rejected where either cannot be opened, or the mask has another size.
    """
    if source.driver == "GTiff":
        options["NUM_THREADS"] = str(threads)
    with ExitStack() as stack:
        dataset = stack.enter_context(open_raster(source, name=source.name, **options))
        mask_dataset = dataset if needs_mask else None
        if needs_mask and source.mask_path:
            mask = RasterSource(f"The mask of {source.name}", source.mask_path, "GTiff")
            mask_dataset = stack.enter_context(open_raster(mask, name=mask.name))
            if mask_dataset.shape != dataset.shape:
                raise Rejected(
                    f"The mask has {mask_dataset.width} x {mask_dataset.height} pixels, the "
                    f"raster {dataset.width} x {dataset.height}.",
                    code="mask_does_not_fit",
                    hint="Hand in a mask of the same size, or none.",
                )
        bands = source.bands or tuple(dataset.indexes)
        yield OpenRaster(dataset, bands, mask_dataset)


@contextmanager
def naming_faults(window: Window, height: int) -> Iterator[None]:
    """Turn GDAL's read errors into a rejection that says where and what."""
    try:
        yield
    except (CPLE_BaseError, RasterioError) as error:
        found = _deepest(error)
        last_row = int(window.row_off + window.height) - 1
        place = f"rows {int(window.row_off)} to {last_row} of {height}"
        if TRUNCATED.search(found):
            raise Rejected(
                f"The file ends too early: {place} are missing or incomplete ({found}).",
                hint="The copy was probably cut off. Compare its size with the original "
                "and upload it again.",
                code="truncated",
            ) from error
        raise Rejected(
            f"The pixels of {place} cannot be decoded ({found}).",
            hint="The file is damaged. Write it again with the software that made it.",
            code="unreadable_pixels",
        ) from error


def _deepest(error: BaseException) -> str:
    """The first message of a chain, shortened: GDAL's own words without our path."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = re.sub(r"(/[^\s:,]+/)+", "", str(error)).strip().rstrip(".")
    return text[:200]
