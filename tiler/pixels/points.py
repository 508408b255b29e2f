"""The values of a raster at one place."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from repository.errors import BadRequest, NotFound
from tiler.pixels.asset_ref import AssetRef
from tiler.pixels.placement import place
from tiler.pixels.sampling import nodata_of
from tiler.pixels.source_window import SourceWindow, read_source, source_window

TINY_DEGREES = 1e-12


def point_values(
    ref: AssetRef, longitude: float, latitude: float, *, unscale: bool = False
) -> list[Any]:
    """The value of each data band at a place, None where it is not valid.

    As stored, or with `unscale` times the band's scale plus its offset. Raises NotFound
    `outside_raster`, BadRequest for a place that is not on Earth.
    """
    if not (math.isfinite(longitude) and abs(longitude) <= 360 and abs(latitude) <= 90):
        raise BadRequest("Give longitude and latitude in degrees.", code="invalid_point",
                         hint="For example point/14.4,50.1")  # fmt: skip
    around = (longitude - TINY_DEGREES, latitude - TINY_DEGREES,
              longitude + TINY_DEGREES, latitude + TINY_DEGREES)  # fmt: skip
    placement = place(
        around, "OGC:CRS84", 1, 1,
        source_crs=ref.crs_wkt, source_transform=ref.transform, source_size=(ref.width, ref.height),
    )  # fmt: skip
    for turn in (0, -1, 1) if placement.period else (0,):
        columns = placement.columns + turn * placement.period
        window = source_window(ref, columns, placement.rows, 1.0)
        if window is not None:
            values = _read(ref, window, float(columns[0, 0]), float(placement.rows[0, 0]))
            return [
                _scaled(ref, i, v, unscale) for i, v in zip(ref.data_bands, values, strict=True)
            ]
    raise NotFound(f"The point {longitude:g}, {latitude:g} lies outside {ref.title}.",
                   code="outside_raster")  # fmt: skip


def _read(ref: AssetRef, window: SourceWindow, column: float, row: float) -> list[Any]:
    """Each data band's value in the pixel at (column, row), None where it is not valid."""
    source = read_source(ref, window, ref.data_bands, average=False)
    x = int((column - source.column) / source.scale_x)
    y = int((row - source.row) / source.scale_y)
    values = source.data[y, x]
    is_masked = source.mask is not None and not source.mask[y, x]
    if is_masked or (source.alpha >= 0 and not values[source.alpha]):
        return [None] * len(ref.data_bands)
    nodata, has_nodata = nodata_of(ref, ref.data_bands, values.dtype)
    known = (values[: len(nodata)] == values[: len(nodata)]) & ~(
        has_nodata & (values[: len(nodata)] == nodata)
    )
    return [v if ok else None for v, ok in zip(values, known, strict=False)]


def _scaled(ref: AssetRef, index: int, value: Any, unscale: bool) -> Any:
    if value is None:
        return None
    band = ref.band(index)
    if isinstance(value, np.complexfloating):
        return str(value)
    if unscale and (band.scale, band.offset) != (1.0, 0.0):
        return float(value) * band.scale + band.offset
    number = value.item()
    return number if not isinstance(number, float) or math.isfinite(number) else None
