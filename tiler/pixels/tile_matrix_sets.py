"""The one tile matrix set, by both of its names: squares of Web Mercator (OGC 17-083r4, D.1)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from repository.errors import BadRequest, NotFound
from repository.raster_info import Bounds

HALF_WORLD = math.pi * 6378137.0
"""Metres from the middle of Web Mercator to its edge."""
MAX_LATITUDE = 85.0511287798066
TILE_SIZE = 256
MAX_ADVERTISED_ZOOM = 24
MAX_ZOOM = 30
"""Beyond, a pixel is below a hair's breadth and tile numbers leave 32 bits."""
SCALE_DENOMINATOR_0 = 559082264.0287178
"""Of level 0 at 0.28 mm a pixel (OGC 07-057r7, annex E.4)."""


@dataclass(frozen=True)
class TileMatrixSet:
    """A quad tree of square tiles; level z has 2**z by 2**z of them, from the top left."""

    name: str
    crs: str = "EPSG:3857"

    def check(self, z: int, x: int, y: int) -> None:
        """Raise BadRequest unless level z has the tile in column x and row y."""
        if not 0 <= z <= MAX_ZOOM:
            raise BadRequest(f"Zoom {z} lies outside 0 to {MAX_ZOOM}.", code="invalid_tile")
        if not (0 <= x < 2**z and 0 <= y < 2**z):
            raise BadRequest(
                f"Zoom {z} has columns and rows 0 to {2**z - 1}, not column {x}, row {y}.",
                code="invalid_tile",
            )

    def bounds(self, z: int, x: int, y: int) -> Bounds:
        """Metres of EPSG:3857: left, bottom, right, top."""
        side = 2 * HALF_WORLD / 2**z
        left, top = x * side - HALF_WORLD, HALF_WORLD - y * side
        return left, top - side, left + side, top

    def pixel_size(self, z: int) -> float:
        """Metres of EPSG:3857 a pixel of a 256-pixel tile."""
        return 2 * HALF_WORLD / TILE_SIZE / 2**z

    def tiles_over(self, bounds_wgs84: Bounds, z: int) -> tuple[int, int, int, int]:
        """First column, first row, last column, last row that touch the bounds at level z."""
        left, bottom, right, top = bounds_wgs84
        if left > right:
            left, right = -180.0, 180.0
        first_column, last_column = _span(_fraction_x(left), _fraction_x(right), 2**z)
        first_row, last_row = _span(_fraction_y(top), _fraction_y(bottom), 2**z)
        return first_column, first_row, last_column, last_row


WEB_MERCATOR_QUAD = TileMatrixSet("WebMercatorQuad")
GOOGLE_MAPS_COMPATIBLE = TileMatrixSet("GoogleMapsCompatible")
_BY_NAME = {tms.name: tms for tms in (WEB_MERCATOR_QUAD, GOOGLE_MAPS_COMPATIBLE)}


def tile_matrix_set(name: str) -> TileMatrixSet:
    """The set of that name. Raises NotFound `unknown_tile_matrix_set`."""
    if name not in _BY_NAME:
        raise NotFound(
            f"There is no tile matrix set {name[:50]!r}.",
            code="unknown_tile_matrix_set",
            hint=f"Use {' or '.join(_BY_NAME)}.",
        )
    return _BY_NAME[name]


def _span(start: float, end: float, count: int) -> tuple[int, int]:
    """First and last of `count` tiles between two fractions of the world."""
    first = min(count - 1, max(0, math.floor(start * count + 1e-9)))
    last = min(count - 1, max(0, math.ceil(end * count - 1e-9) - 1))
    return first, max(first, last)


def _fraction_x(longitude: float) -> float:
    return (longitude + 180) / 360


def _fraction_y(latitude: float) -> float:
    clipped = math.radians(min(MAX_LATITUDE, max(-MAX_LATITUDE, latitude)))
    return (1 - math.asinh(math.tan(clipped)) / math.pi) / 2
