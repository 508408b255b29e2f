"""Where each pixel of a picture lies in a raster: reprojection by an exact grid, interpolated.

PROJ is asked for a coarse grid of points. Whether interpolation between every second of
them gives the others is checked, and the grid made finer until it does to a fortieth of a
pixel: a tile in UTM costs 25 exact points in place of 65,536.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from repository.raster_info import Affine6, Bounds
from tiler.pixels.node_grids import (
    is_exact_enough,
    node_coordinates,
    reach,
    resolution,
    to_pixels,
)

Floats = NDArray[np.float64]

TOLERANCE_PIXELS = 0.025
"""Largest error of positions interpolated between every second node, in pixels of the picture;
between all of them it is about a quarter. GDAL allows 0.125. At 0.1 some tiles differed from an
exact one in 1 % of their pixels, where whole rows of source pixels lie along rows of the tile."""
SMALL_METRES = 650_000.0
"""Of Web Mercator: below, the grid begins with 5 nodes a side; above, where a raster may hide
between them and projections bend, with 17."""
KEPT = 2048
"""Placements by at most 17 nodes a side that a process keeps: 4.6 kB each, 400 bytes mostly."""
MOST_STRETCHED = 8.0
"""Times the finest of a picture's pixels that others may cover, to be read for."""
CYLINDRICAL = ("mercator", "equidistant cyl", "plate carr", "cylindrical equal", "miller")
"""In the names of methods whose x is proportional to longitude, so that it repeats."""


@dataclass(frozen=True)
class Placement:
    """Full-resolution pixel coordinates of the source at nodes of the picture.

    `columns` and `rows` (nodes, nodes) lie evenly from the centre of the picture's first pixel to
    that of its last one, and positions between them are interpolated; or they hold every
    pixel (height, width) where that would not be exact enough. NaN: no such place.
    """

    columns: Floats
    rows: Floats
    resolution: float
    """Source pixels a picture pixel, along the finer axis; 0 where nothing is placed."""
    period: float
    """Columns after which the Earth repeats; 0 where it does not."""
    reach: tuple[float, float] = (0.0, 0.0)
    """Columns and rows from a pixel's middle to the end of what it covers, at most."""


def place(
    bounds: Bounds, crs: str, width: int, height: int,
    *, source_crs: str, source_transform: Affine6, source_size: tuple[int, int],
) -> Placement:  # fmt: skip
    """Place a picture of `bounds` in `crs` (EPSG code or WKT) in a raster of (width, height)."""
    if max(width, height) > 17:
        placed = _placed_coarsely(
            bounds, crs, width, height, source_crs, source_transform, source_size
        )
        if placed is not None:
            return placed
    where = _Where(bounds, crs, width, height, source_crs, source_transform, source_size)
    for nodes in (33, 65, 129):
        if nodes < max(width, height):
            placed = where.by_grid(nodes)
            if placed is not None:
                return placed
    return where.by_every_pixel()


@lru_cache(maxsize=KEPT)
def _placed_coarsely(
    bounds: Bounds, crs: str, width: int, height: int,
    source_crs: str, source_transform: Affine6, source_size: tuple[int, int],
) -> Placement | None:  # fmt: skip
    """By the fewest nodes; None where they are not exact enough. Kept: maps ask again."""
    where = _Where(bounds, crs, width, height, source_crs, source_transform, source_size)
    is_small = crs == "EPSG:3857" and bounds[2] - bounds[0] < SMALL_METRES
    for nodes in (5, 9, 17) if is_small else (17,):
        if nodes < max(width, height):
            placed = where.by_grid(nodes)
            if placed is not None:
                return placed
    return None


class _Where:
    """A picture and a raster, to be placed in it."""

    def __init__(
        self, bounds: Bounds, crs: str, width: int, height: int,
        source_crs: str, source_transform: Affine6, source_size: tuple[int, int],
    ) -> None:  # fmt: skip
        self.bounds, self.width, self.height = np.array(bounds, np.float64), width, height
        self.transform = np.array(source_transform, np.float64)
        self.source_width, self.source_height = source_size
        self.transformer = transformer_between(crs, source_crs)
        across = abs(source_transform[0])
        self.period = _period(source_crs) / across if across else 0.0

    def by_grid(self, nodes: int) -> Placement | None:
        """By `nodes` (odd) by `nodes` exact points; None where these are too few."""
        columns, rows = self._exact(*node_coordinates(self.bounds, self.width, self.height, nodes))
        steps = (self.width - 1) / (nodes - 1), (self.height - 1) / (nodes - 1)
        finest = resolution(columns, rows, *steps)
        is_enough = is_exact_enough(
            columns, rows, self.source_width, self.source_height, self.period > 0,
            TOLERANCE_PIXELS * finest,
        )  # fmt: skip
        return self._placed(columns, rows, finest, steps) if is_enough else None

    def by_every_pixel(self) -> Placement:
        """By as many exact points as the picture has pixels."""
        left, bottom, right, top = self.bounds
        xs = left + (np.arange(self.width) + 0.5) * ((right - left) / self.width)
        ys = top - (np.arange(self.height) + 0.5) * ((top - bottom) / self.height)
        columns, rows = self._exact(*(c.copy() for c in np.meshgrid(xs, ys)))
        return self._placed(columns, rows, resolution(columns, rows, 1.0, 1.0), (1.0, 1.0))

    def _placed(
        self, columns: Floats, rows: Floats, finest: float, steps: tuple[float, float]
    ) -> Placement:
        far_x, far_y = reach(columns, rows, *steps)
        most = MOST_STRETCHED * finest  # towards the limb of a globe pixels grow without end
        return Placement(columns, rows, finest, self.period, (min(far_x, most), min(far_y, most)))

    def _exact(self, xs: Floats, ys: Floats) -> tuple[Floats, Floats]:
        if self.transformer is not None:
            xs, ys = self.transformer.transform(xs, ys)
        to_pixels(xs, ys, self.transform)
        return xs, ys


@lru_cache(maxsize=512)
def transformer_between(crs: str, source_crs: str) -> Transformer | None:
    """From `crs` to `source_crs`, x before y; None where they are the same. Thread-safe."""
    one, other = CRS.from_user_input(crs), CRS.from_user_input(source_crs)
    if one.equals(other, ignore_axis_order=True):
        return None
    return Transformer.from_crs(one, other, always_xy=True)


@lru_cache(maxsize=512)
def _period(source_crs: str) -> float:
    """Distance in x after which the CRS comes round the Earth; 0 where it does not."""
    crs = CRS.from_user_input(source_crs)
    if crs.is_geographic:
        return 360.0 * np.pi / 180 / crs.axis_info[0].unit_conversion_factor
    operation = crs.coordinate_operation if crs.is_projected else None
    name = operation.method_name.lower() if operation else ""
    if not any(word in name for word in CYLINDRICAL) or "transverse" in name or "oblique" in name:
        return 0.0
    transformer = Transformer.from_crs(crs.geodetic_crs or 4326, crs, always_xy=True)
    (start, end), _ = transformer.transform([1.0, 2.0], [0.0, 0.0])
    return abs(end - start) * 360.0
