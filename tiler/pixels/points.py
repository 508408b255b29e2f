"""The values of a raster at one place."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from repository.errors import BadRequest, NotFound
from tiler.pixels.asset_ref import AssetRef
from tiler.pixels.placement import place
from tiler.pixels.sampling import sample
from tiler.pixels.source_window import read_source, source_window

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
    placement = place(around, "OGC:CRS84", 1, 1, source_crs=ref.crs_wkt,
                      source_transform=ref.transform, source_size=(ref.width, ref.height))  # fmt: skip
    bands = ref.data_bands
    for turn in (0, -1, 1):
        columns = placement.columns + turn * placement.period
        window = source_window(ref, columns, placement.rows, 1.0)
        if window is not None:
            source = read_source(ref, window, bands, average=False)
            data = sample(source, columns, placement.rows, window.inside, smooth=False).data[
                :, 0, 0
            ]
            x = int((columns[0, 0] - source.column) / source.scale_x)
            y = int((placement.rows[0, 0] - source.row) / source.scale_y)
            valid = [True] * len(bands) if source.valid is None else source.valid[:, y, x]
            return [
                _scaled(ref, band, value, unscale) if ok else None
                for band, value, ok in zip(bands, data, valid, strict=True)
            ]
        if not placement.period:
            break
    raise NotFound(f"The point {longitude:g}, {latitude:g} lies outside {ref.title}.",
                   code="outside_raster")  # fmt: skip


def _scaled(ref: AssetRef, index: int, value: Any, unscale: bool) -> Any:
    band = ref.band(index)
    if isinstance(value, np.complexfloating):
        return str(value)
    if unscale and (band.scale, band.offset) != (1.0, 0.0):
        return float(value) * band.scale + band.offset
    number = value.item()
    return number if not isinstance(number, float) or math.isfinite(number) else None
