"""The zoom levels at which a raster is worth asking for."""

from __future__ import annotations

import math

import numpy as np
from pyproj.exceptions import ProjError

from repository.raster_info import Affine6, Bounds
from tiler.pixels.placement import transformer_between
from tiler.pixels.tile_matrix_sets import (
    HALF_WORLD,
    MAX_ADVERTISED_ZOOM,
    MAX_LATITUDE,
    WEB_MERCATOR_QUAD,
)  # fmt: skip

SAMPLES = 5


def zoom_range(
    crs_wkt: str, transform: Affine6, width: int, height: int, bounds_wgs84: Bounds
) -> tuple[int, int]:
    """(least, greatest): the raster fills about one tile; a pixel of it fills one of a tile."""
    finest = _metres_a_pixel(crs_wkt, transform, width, height)
    greatest = _level_of(finest) if finest else MAX_ADVERTISED_ZOOM
    return min(_least(bounds_wgs84), greatest), greatest


def _least(bounds_wgs84: Bounds) -> int:
    left, bottom, right, top = bounds_wgs84
    degrees = (right - left) % 360 or 360.0 if right != left else 0.0
    extent = degrees / 360 * 2 * HALF_WORLD
    rows = [_mercator_y(latitude) for latitude in (bottom, top)]
    extent = max(extent, rows[1] - rows[0], 1e-3)
    return max(0, min(MAX_ADVERTISED_ZOOM, math.floor(math.log2(2 * HALF_WORLD / extent))))


def _mercator_y(latitude: float) -> float:
    """Metres from the equator on Web Mercator, within its square."""
    clipped = math.radians(min(MAX_LATITUDE, max(-MAX_LATITUDE, latitude)))
    return math.asinh(math.tan(clipped)) / math.pi * HALF_WORLD


def _level_of(metres: float) -> int:
    """The level whose pixels are at most a quarter larger than `metres`."""
    exact = math.log2(WEB_MERCATOR_QUAD.pixel_size(0) / metres)
    return max(0, min(MAX_ADVERTISED_ZOOM, math.ceil(exact - math.log2(1.25))))


def _metres_a_pixel(crs_wkt: str, transform: Affine6, width: int, height: int) -> float | None:
    """Finest size of the raster's pixels on Web Mercator over a few places of it."""
    a, b, c, d, e, f = transform
    columns, rows = np.meshgrid(
        *((np.arange(SAMPLES) + 0.5) * size / SAMPLES for size in (width, height))
    )
    moves = []
    try:
        for dx, dy in ((0, 0), (1, 0), (0, 1)):
            xs = a * (columns + dx) + b * (rows + dy) + c
            ys = d * (columns + dx) + e * (rows + dy) + f
            transformer = transformer_between(crs_wkt, WEB_MERCATOR_QUAD.crs)
            moves.append((xs, ys) if transformer is None else transformer.transform(xs, ys))
    except ProjError:
        return None
    with np.errstate(invalid="ignore"):
        sides = [np.hypot(m[0] - moves[0][0], m[1] - moves[0][1]) for m in moves[1:]]
        sizes = np.minimum(*sides)
        drawn = np.abs(moves[0][1]) < 1.1 * HALF_WORLD
        usable = drawn & (sizes > 0) & (sizes < HALF_WORLD)
    return float(np.median(sizes[usable])) if usable.any() else None
