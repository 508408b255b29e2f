"""Reading a source in order: opened safely, read in strips, its faults named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window

from repository.errors import Rejected
from repository.raster_info import RasterInfo
from tasks.cog.validity import Mask, Pixels

OPEN_OPTIONS = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": "{none}",
    "GDAL_PAM_ENABLED": "NO",
}
"""A source is one file: GDAL looks at no neighbours, at no network, at no side files."""

TRUNCATED = re.compile(
    r"got \d+ bytes, expected|past end of file|beyond end of file|unexpected end|"
    r"seek error|read error|cannot read (offset|\d+ bytes)|truncated|premature|not enough data",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Source:
    """An open raster with, where its validity comes from one, the dataset of its mask."""

    dataset: DatasetReader
    mask_dataset: DatasetReader | None
    interleaved: bool
    """Arrays are laid out in memory with the bands of a pixel side by side."""

    def read(self, window: Window, dtype: np.dtype[Any]) -> Pixels:
        """Pixels (bands, height, width) of a window. Raises Rejected where they cannot be read."""
        height, width, bands = int(window.height), int(window.width), self.dataset.count
        if self.interleaved:
            pixels = np.empty((height, width, bands), dtype).transpose(2, 0, 1)
        else:
            pixels = np.empty((bands, height, width), dtype)
        with naming_faults(window, self.dataset):
            self.dataset.read(window=window, out=pixels)
        return pixels

    def read_mask(self, window: Window) -> Mask | None:
        """The dataset's mask (height, width), True for valid; None where it has none."""
        if self.mask_dataset is None:
            return None
        with naming_faults(window, self.dataset):
            if self.mask_dataset is self.dataset:
                return np.asarray(self.dataset.read_masks(1, window=window) != 0)
            return np.asarray(self.mask_dataset.read(1, window=window) != 0)


@contextmanager
def open_source(
    path: Path, info: RasterInfo, *, interleaved: bool, needs_mask: bool, threads: int
) -> Iterator[Source]:
    """Open `path` with the one driver that inspection named."""
    options = {"NUM_THREADS": threads} if info.driver == "GTiff" else {}
    with ExitStack() as stack:
        try:
            dataset = stack.enter_context(rasterio.open(path, driver=info.driver, **options))
            mask_path = path.with_name(path.name + ".msk")
            mask_dataset = None
            if needs_mask and mask_path.exists():
                mask_dataset = stack.enter_context(rasterio.open(mask_path, driver="GTiff"))
            elif needs_mask:
                mask_dataset = dataset
        except RasterioError as error:
            raise Rejected(
                f"The file cannot be opened as {info.driver}: {_deepest(error)}",
                hint="Check that it opens in QGIS or with gdalinfo, then upload it again.",
                code="unreadable_pixels",
            ) from error
        yield Source(dataset, mask_dataset, interleaved)


@contextmanager
def naming_faults(window: Window, dataset: DatasetReader) -> Iterator[None]:
    """Turn GDAL's read errors into a rejection that says where and what."""
    try:
        yield
    except RasterioError as error:
        found = _deepest(error)
        last_row = int(window.row_off + window.height) - 1
        place = f"rows {int(window.row_off)} to {last_row} of {dataset.height}"
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
