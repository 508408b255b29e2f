"""Which pixels carry a value, by the rules that GDAL's mask bands follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from repository.raster_info import BandInfo

Pixels = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Validity:
    """The validity rule of one raster's bands, in band order."""

    bands: tuple[BandInfo, ...]

    @property
    def has_dataset_mask(self) -> bool:
        """Whether a mask of the whole dataset must be read and written."""
        return any(band.mask == "per_dataset" for band in self.bands)

    @property
    def alpha_index(self) -> int | None:
        """Zero-based position of the alpha band, where there is one."""
        for position, band in enumerate(self.bands):
            if band.color_interpretation == "alpha":
                return position
        return None

    def of_band(self, position: int, pixels: Pixels, dataset_mask: Mask | None) -> Mask | None:
        """True where band `position` of `pixels` (bands, h, w) is valid; None where all is.

        `dataset_mask` is (h, w), True for valid.
        """
        band = self.bands[position]
        values = pixels[position]
        valid: Mask | None = None
        if band.mask == "nodata" and band.nodata is not None:
            valid = differs_from(values, band.nodata)
        elif band.mask == "alpha" and self.alpha_index is not None:
            valid = pixels[self.alpha_index] != 0
        elif band.mask == "per_dataset":
            valid = dataset_mask
        if values.dtype.kind == "f":
            finite = np.isfinite(values)
            valid = finite if valid is None else valid & finite
        return None if valid is None or valid.all() else valid

    def of_all(self, pixels: Pixels, dataset_mask: Mask | None) -> list[Mask | None]:
        """`of_band` for every band; bands that share a mask share the array."""
        return [self.of_band(i, pixels, dataset_mask) for i in range(len(self.bands))]


def differs_from(values: Pixels, nodata: float) -> Mask | None:
    """True where `values` are not the nodata value; None where they never can be.

    Floats compare within a few ulps, as GDAL's ARE_REAL_EQUAL does: nodata was often
    written as rounded text.
    """
    if np.isnan(nodata):
        return None if values.dtype.kind != "f" else ~np.isnan(values)
    if values.dtype.kind != "f":
        if not is_storable(nodata, values.dtype):
            return None
        result: Mask = values != values.dtype.type(int(nodata))
        return result
    with np.errstate(over="ignore", invalid="ignore"):
        value = values.dtype.type(nodata)
        if value == 0 or not np.isfinite(value):
            return np.asarray(values != value)
        tolerance = 4 * float(np.finfo(values.dtype).eps) * abs(float(value))
        return np.asarray(~(np.abs(values - value) <= values.dtype.type(tolerance)))


def fill_for(nodata: float | None, dtype: np.dtype[Any]) -> float:
    """What a pixel without any value holds in an overview."""
    if nodata is not None and dtype.kind == "f":
        return nodata
    if nodata is not None and is_storable(nodata, dtype):
        return int(nodata)
    return float("nan") if dtype.kind == "f" else 0


def is_storable(value: float, dtype: np.dtype[Any]) -> bool:
    """Whether an integer type holds exactly this value."""
    limits = np.iinfo(dtype)
    return limits.min <= value <= limits.max and value == int(value)
