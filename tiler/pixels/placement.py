"""Where each pixel of a picture lies in a raster: reprojection by an exact grid, interpolated.

PROJ is asked for a coarse grid of points. Whether interpolation between every second of
them gives the others is checked, and the grid made finer until it does to a tenth of a
pixel: a tile in UTM costs 289 exact points in place of 65,536.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from repository.raster_info import Affine6, Bounds

Floats = NDArray[np.float64]

TOLERANCE_PIXELS = 0.1
"""Largest error of the interpolated position, in pixels of the picture. GDAL allows 0.125."""
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


def place(
    bounds: Bounds, crs: str, width: int, height: int,
    *, source_crs: str, source_transform: Affine6, source_size: tuple[int, int],
) -> Placement:  # fmt: skip
    """Place a picture of `bounds` in `crs` (EPSG code or WKT) in a raster of (width, height)."""
    to_source = _to_pixels(crs, source_crs, source_transform)
    period = _period(source_crs) / abs(source_transform[0]) if source_transform[0] else 0.0
    size = max(width, height)
    for nodes in (17, 33, 65, 129):
        if nodes >= size:
            break
        grid = _Grid(bounds, width, height, nodes, to_source)
        if grid.is_exact_enough(source_size, period):
            return Placement(grid.columns, grid.rows, grid.resolution, period)
    xs, ys = _centres(bounds, width, height)
    columns, rows = to_source(*np.meshgrid(xs, ys))
    return Placement(columns, rows, _resolution(columns, rows, 1.0, 1.0), period)


class _Grid:
    """`nodes` (odd) by `nodes` exact points from the first pixel's centre to the last one's."""

    def __init__(self, bounds: Bounds, width: int, height: int, nodes: int, to_source: Any) -> None:
        left, bottom, right, top = bounds
        half_x, half_y = (right - left) / width / 2, (top - bottom) / height / 2
        xs = np.linspace(left + half_x, right - half_x, nodes)
        ys = np.linspace(top - half_y, bottom + half_y, nodes)
        self.columns, self.rows = to_source(*np.meshgrid(xs, ys))
        self.resolution = _resolution(
            self.columns, self.rows, (width - 1) / (nodes - 1), (height - 1) / (nodes - 1)
        )

    def is_exact_enough(self, source_size: tuple[int, int], period: float) -> bool:
        """Whether interpolating every second node gives the others near the raster.

        Asked at the middles of cells and of their sides: between conformal projections both
        coordinates are harmonic, and then interpolation errs at the sides alone.
        """
        with np.errstate(invalid="ignore"):
            near = _near(self.rows, source_size[1])
            if not period:
                near &= _near(self.columns, source_size[0])
            error = np.maximum(_cell_errors(self.columns), _cell_errors(self.rows))
            # NaN is no small error: a cell that is partly nowhere asks for a finer grid.
            return bool(np.all(~near | (error <= TOLERANCE_PIXELS * self.resolution)))


def _to_pixels(crs: str, source_crs: str, transform: Affine6) -> Any:
    """A function from coordinates in `crs` to (columns, rows) of the source."""
    a, b, c, d, e, f = transform
    determinant = a * e - b * d
    transformer = transformer_between(crs, source_crs)

    def to_pixels(xs: Floats, ys: Floats) -> tuple[Any, Any]:
        if transformer is not None:
            xs, ys = transformer.transform(xs, ys)
        with np.errstate(invalid="ignore"):
            dx, dy = np.asarray(xs) - c, np.asarray(ys) - f
            columns, rows = (e * dx - b * dy) / determinant, (a * dy - d * dx) / determinant
        nowhere = ~(np.isfinite(columns) & np.isfinite(rows))
        if nowhere.any():
            columns[nowhere] = rows[nowhere] = np.nan
        return columns, rows

    return to_pixels


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


def _centres(bounds: Bounds, width: int, height: int) -> tuple[Floats, Floats]:
    left, bottom, right, top = bounds
    xs = left + (np.arange(width, dtype=np.float64) + 0.5) * ((right - left) / width)
    ys = top - (np.arange(height, dtype=np.float64) + 0.5) * ((top - bottom) / height)
    return xs, ys


def _cell_errors(values: Floats) -> Floats:
    """Of cells two nodes wide: how far their middle and the middles of their sides lie from where
    interpolation between the corners puts them; the largest of each cell."""
    coarse = values[::2, ::2]
    across = np.abs(values[::2, 1::2] - (coarse[:, :-1] + coarse[:, 1:]) / 2)
    down = np.abs(values[1::2, ::2] - (coarse[:-1] + coarse[1:]) / 2)
    middle = np.abs(values[1::2, 1::2] - (values[1::2, :-1:2] + values[1::2, 2::2]) / 2)
    left_and_right = np.maximum(down[:, :-1], down[:, 1:])
    # The middle lies between two points of the sides, so it errs with them.
    worst: Floats = np.maximum(
        np.maximum(across[:-1], across[1:]), np.maximum(left_and_right, middle + left_and_right)
    )
    return worst


def _near(values: Floats, size: int) -> NDArray[np.bool_]:
    """Cells two nodes wide that may touch 0 to `size`: their extent, half as large again,
    overlaps it."""
    points = np.stack([
        values[i : values.shape[0] - 2 + i : 2, j : values.shape[1] - 2 + j : 2]
        for i in range(3) for j in range(3)
    ])  # fmt: skip
    low = np.where(np.isnan(points), np.inf, points).min(axis=0)
    high = np.where(np.isnan(points), -np.inf, points).max(axis=0)
    margin = (high - low) / 2
    near: NDArray[np.bool_] = (high + margin >= 0) & (low - margin <= size)
    return near & (high >= low)


def _resolution(columns: Floats, rows: Floats, step_x: float, step_y: float) -> float:
    """Median source pixels a picture pixel, of the finer of the two axes."""
    sides = []
    for axis, step in ((1, step_x), (0, step_y)):
        if columns.shape[axis] > 1 and step > 0:
            length = np.hypot(np.diff(columns, axis=axis), np.diff(rows, axis=axis)) / step
            length = length[np.isfinite(length)]
            if length.size:
                sides.append(float(np.median(length)))
    return min(sides, default=1.0)
