"""Reads a window of a coverage, from the overview that fits its scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import rasterio
from affine import Affine
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.windows import Window

from repository.errors import Unavailable
from tiler.ogc.coverage_window import PixelWindow
from tiler.ogc.records import CoverageRecord
from tiler.pixels.datasets import gdal_environment


@dataclass(frozen=True)
class CoveragePixels:
    """Stored values of some bands in a window, unscaled, and which of them are valid."""

    values: np.ndarray
    """(bands, height, width) in the raster's own type."""
    valid: np.ndarray
    """(bands, height, width), True where there is a value. NaN is none."""
    transform: Affine
    bands: tuple[int, ...]
    """Numbers from 1, in the order asked for."""


def read_pixels(
    record: CoverageRecord, window: PixelWindow, bands: tuple[int, ...]
) -> CoveragePixels:
    """The window at its wanted size. GDAL takes the nearest finer overview by itself.

    Raises Unavailable where the store does not answer or the object cannot be read.
    """
    place = Window(window.column, window.row, window.width, window.height)
    shape = (len(bands), window.out_height, window.out_width)
    try:
        with (
            gdal_environment(record.gdal_environment),
            rasterio.open(record.gdal_path, driver="GTiff") as dataset,
        ):
            values = dataset.read(
                list(bands), window=place, out_shape=shape, resampling=_resampling(record, window)
            )
            valid = dataset.read_masks(list(bands), window=place, out_shape=shape) > 0
    except RasterioError as error:
        raise Unavailable(
            f"The pixels of {record.title} cannot be read right now.", code="pixels_unavailable"
        ) from error
    if np.issubdtype(values.dtype, np.floating):
        valid &= ~np.isnan(values)
    return CoveragePixels(values, valid, window.transform(record.raster), bands)


def _resampling(record: CoverageRecord, window: PixelWindow) -> Resampling:
    """Class codes have no average, and enlarging invents nothing."""
    if record.raster.kind in ("classes", "bits") or not window.is_reduced:
        return Resampling.nearest
    return Resampling.average
