"""Nodata as a value of a data type: what a band says may not fit what it holds."""

from __future__ import annotations

from typing import Any

import numpy as np

from repository.raster_info import BandInfo


def representable(band: BandInfo, dtype: np.dtype[Any]) -> Any | None:
    """The band's nodata as a value of `dtype`; None where it has none or it does not fit."""
    if band.nodata is None:
        return None
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        if band.nodata != band.nodata or not limits.min <= band.nodata <= limits.max:
            return None
        return dtype.type(int(band.nodata)) if float(band.nodata).is_integer() else None
    with np.errstate(over="ignore"):
        return dtype.type(band.nodata)
