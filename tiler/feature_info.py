"""What lies under one pixel of a tile, for WMTS GetFeatureInfo."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from itertools import islice
from typing import Any

from repository.errors import NotFound
from tiler.pixels.asset_ref import AssetRef
from tiler.pixels.points import point_values
from tiler.pixels.tile_matrix_sets import HALF_WORLD, TILE_SIZE, TileMatrixSet

MAX_ASKED = 30
"""Products of a mosaic whose values are looked up."""


def feature_info(
    ref: AssetRef, tms: TileMatrixSet, z: int, x: int, y: int, pixel: tuple[int, int],
    media_type: str,
) -> str:  # fmt: skip
    """The bands' values as text or as a GeoJSON feature collection, empty outside the raster.

    `pixel` is I, J: column and row within a tile of 256 pixels.
    """
    longitude, latitude = pixel_centre(tms, z, x, y, pixel)
    try:
        values = point_values(ref, longitude, latitude)
    except NotFound:
        values = []
    names = [ref.band(i).name for i in ref.data_bands]
    found = dict(zip(names, values, strict=False))
    if media_type == "text/plain":
        return "".join(f"{name}: {value}\n" for name, value in found.items()) or "outside the map\n"
    feature: dict[str, Any] = {
        "type": "Feature", "id": ref.layer, "properties": found,
        "geometry": {"type": "Point", "coordinates": [longitude, latitude]},
    }  # fmt: skip
    return json.dumps({"type": "FeatureCollection", "features": [feature] if values else []})


def mosaic_info(
    refs: Iterable[AssetRef], tms: TileMatrixSet, tile: tuple[int, int, int],
    pixel: tuple[int, int], media_type: str,
) -> str:  # fmt: skip
    """As `feature_info`, of the uppermost product that has a value there."""
    longitude, latitude = pixel_centre(tms, *tile, pixel)
    for ref in islice(refs, MAX_ASKED):
        try:
            values = point_values(ref, longitude, latitude)
        except NotFound:
            continue
        if any(value is not None for value in values):
            return feature_info(ref, tms, *tile, pixel, media_type)
    if media_type == "text/plain":
        return "outside the map\n"
    return json.dumps({"type": "FeatureCollection", "features": []})


def pixel_centre(
    tms: TileMatrixSet, z: int, x: int, y: int, pixel: tuple[int, int]
) -> tuple[float, float]:
    """Longitude and latitude of the middle of a pixel (spherical Web Mercator)."""
    left, bottom, right, top = tms.bounds(z, x, y)
    across = left + (pixel[0] + 0.5) / TILE_SIZE * (right - left)
    up = top - (pixel[1] + 0.5) / TILE_SIZE * (top - bottom)
    latitude = math.degrees(math.atan(math.sinh(up / HALF_WORLD * math.pi)))
    return across / HALF_WORLD * 180, latitude
