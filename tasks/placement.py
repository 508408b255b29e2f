"""Where the pixels of a raster lie that has no north-up grid, and the grid that would suit them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyproj
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError
from rasterio.control import GroundControlPoint
from rasterio.errors import RasterioError, TransformError
from rasterio.rpc import RPC
from rasterio.transform import GCPTransformer, RPCTransformer

from repository.errors import Rejected
from tasks.raster_source import Warp, WarpReason

SPLINE_POINTS = 10
"""From here on a thin plate spline goes through all points; fewer define a polynomial."""
MOST_POINTS = 300
"""Of more points an even selection is taken: a spline costs their number for each position."""

GROWTH = 4
"""The grid may have so many times the pixels of the source; at 45 degrees it has twice as many."""
_SMALL_GRID = 65_536
_EDGE_STEPS = 21
_POLAR_LATITUDE = 80.0
_POLAR_NORTH, _POLAR_SOUTH = 3995, 3031

Positions = NDArray[np.float64]


@dataclass(frozen=True)
class Placement:
    """Positions of pixels in `crs`, by one of an affine matrix, control points and RPCs."""

    reason: WarpReason
    crs: rasterio.CRS
    """Of the positions, and of the grid that they are brought to."""
    source_crs: rasterio.CRS
    """Of the control points as the file has them; else `crs`."""
    matrix: Affine | None = None
    points: tuple[GroundControlPoint, ...] = ()
    rpcs: RPC | None = None

    @property
    def method(self) -> str:
        """What was computed, for the owner: `its 210 control points (thin plate spline)`."""
        if self.points:
            return f"{len(self.points)} ground control points ({self._model})"
        if self.rpcs:
            height = self.rpcs.height_off
            return f"rational polynomials (RPC), at {height:g} m everywhere, without terrain"
        return "a rotated grid"

    @property
    def _model(self) -> str:
        if self._is_spline:
            return "thin plate spline"
        return f"polynomial of order {2 if len(self.points) >= 6 else 1}"

    @property
    def _is_spline(self) -> bool:
        return len(self.points) >= SPLINE_POINTS

    def warp_options(self) -> dict[str, Any]:
        """Options of GDAL's transformer for a dataset that carries this placement."""
        if self.points:
            return {"METHOD": "GCP_TPS" if self._is_spline else "GCP_POLYNOMIAL"}
        if self.rpcs:
            return {"rpcs": self.rpcs, "METHOD": "RPC", "RPC_HEIGHT": str(self.rpcs.height_off)}
        return {}

    def positions(self, rows: Positions, columns: Positions) -> tuple[Positions, Positions]:
        """x and y in `crs` of pixel corners. Raises Rejected where the model gives none."""
        try:
            x, y = self._computed(rows, columns)
        except (CPLE_BaseError, RasterioError, TransformError, ValueError) as error:
            raise _unusable(f"they are degenerate ({str(error)[:80]})") from error
        x, y = np.asarray(x, "f8"), np.asarray(y, "f8")
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            raise _unusable("some pixels get no position")
        return x, y

    def _computed(self, rows: Positions, columns: Positions) -> tuple[Any, Any]:
        if self.matrix is not None:
            a, b, c, d, e, f = self.matrix[:6]
            return a * columns + b * rows + c, d * columns + e * rows + f
        if self.points:
            with GCPTransformer(self.points, tps=self._is_spline) as transformer:
                return transformer.xy(list(rows), list(columns), offset="ul")
        height = str(self.rpcs.height_off) if self.rpcs else "0"
        with RPCTransformer(self.rpcs, RPC_HEIGHT=height) as transformer:
            return transformer.xy(list(rows), list(columns), offset="ul")


@dataclass(frozen=True)
class Grid:
    """A north-up grid."""

    transform: Affine
    width: int
    height: int


def by_matrix(matrix: Affine, crs: rasterio.CRS) -> Placement:
    """The placement of a grid that is rotated or sheared against its CRS."""
    return Placement("rotated", crs, crs, matrix=matrix)


def by_points(points: Sequence[GroundControlPoint], crs: rasterio.CRS) -> Placement:
    """The placement by control points in `crs`.

    Longitudes are made continuous across the antimeridian; points near a pole move to a
    polar projection, as longitude and latitude are no grid there. Raises Rejected
    `bad_control_points` where they define no place.
    """
    kept = _distinct([point for point in points if _is_finite(point)])
    if len(kept) < 3:
        raise _unusable(f"only {len(kept)} of {len(points)} can be used")
    target = crs
    if crs.is_geographic:
        latitudes = [point.y for point in kept]
        if min(latitudes) < -90 or max(latitudes) > 90:
            raise _unusable("their latitudes lie beyond the poles")
        if max(map(abs, latitudes)) > _POLAR_LATITUDE:
            pole = _POLAR_NORTH if sum(latitudes) > 0 else _POLAR_SOUTH
            target = rasterio.CRS.from_epsg(pole)
            kept = _moved(kept, crs, target)
        else:
            kept = _continuous(kept)
    return Placement("gcps", target, crs, points=tuple(_spread(kept)))


def by_rpcs(rpcs: RPC) -> Placement:
    """The placement by rational polynomials, which are defined in WGS 84."""
    crs = rasterio.CRS.from_epsg(4326)
    return Placement("rpcs", crs, crs, rpcs=rpcs)


def placement_of(dataset: rasterio.DatasetReader, warp: Warp) -> Placement:
    """The placement that led to `warp`, found again in the open source."""
    if warp.reason == "rotated":
        return by_matrix(dataset.transform, rasterio.CRS.from_wkt(warp.crs_wkt))
    if warp.reason == "gcps":
        points, _ = dataset.gcps
        return by_points(points, rasterio.CRS.from_wkt(warp.source_crs_wkt or warp.crs_wkt))
    assert dataset.rpcs is not None, f"a warp by {warp.reason}"
    return by_rpcs(dataset.rpcs)


def suggested_grid(placement: Placement, width: int, height: int) -> Grid:
    """The grid that GDAL would suggest for a source of width x height pixels.

    Square pixels around the positions of the edges (GDALSuggestedWarpOutput2; its caller in
    rasterio needs the VRT driver, which is off here). Coarser where it would have more than
    GROWTH times the source's pixels. Raises Rejected `bad_control_points` where there is none.
    """
    share = np.linspace(0, 1, _EDGE_STEPS)
    zero, one = np.zeros(_EDGE_STEPS), np.ones(_EDGE_STEPS)
    rows = np.concatenate([zero, one, share, share]) * height
    columns = np.concatenate([share, share, zero, one]) * width
    x, y = placement.positions(rows, columns)
    left, right, bottom, top = (float(edge) for edge in (x.min(), x.max(), y.min(), y.max()))
    side = suggested_side(placement, width, height)
    pixels = max(1.0, (right - left) / side) * max(1.0, (top - bottom) / side)
    allowed = max(GROWTH * width * height, _SMALL_GRID)
    if pixels > allowed:
        side *= _coarsening(right - left, top - bottom, side, allowed)
    across = max(1, int((right - left) / side + 0.5))
    down = max(1, int((top - bottom) / side + 0.5))
    return Grid(Affine(side, 0.0, left, 0.0, -side, top), across, down)


def suggested_side(placement: Placement, width: int, height: int) -> float:
    """The side of a square pixel, in units of the CRS, that keeps the length of the diagonal."""
    x, y = placement.positions(np.array([0.0, height]), np.array([0.0, width]))
    side = math.hypot(x[1] - x[0], y[1] - y[0]) / math.hypot(width, height)
    if not side > 0 or not math.isfinite(side):
        raise _unusable("opposite corners fall on one place")
    return side


def _coarsening(wide: float, high: float, side: float, allowed: int) -> float:
    """By how much pixels must grow so that `allowed` cover wide x high; a line stays a line."""
    thin = min(wide, high) / side
    both = math.sqrt(wide / side * high / side / allowed)
    return both if thin / both >= 1 else max(wide, high) / side / allowed


def _is_finite(point: GroundControlPoint) -> bool:
    return all(math.isfinite(number) for number in (point.row, point.col, point.x, point.y))


def _distinct(points: Sequence[GroundControlPoint]) -> list[GroundControlPoint]:
    """One point a pixel and one a place: two of either make the equations singular."""
    by_pixel = {(point.row, point.col): point for point in reversed(points)}
    return list({(point.x, point.y): point for point in reversed(by_pixel.values())}.values())


def _spread(points: list[GroundControlPoint]) -> list[GroundControlPoint]:
    step = max(1.0, len(points) / MOST_POINTS)
    return [points[int(number * step)] for number in range(int(len(points) / step))]


def _continuous(points: list[GroundControlPoint]) -> list[GroundControlPoint]:
    longitudes = [point.x for point in points]
    if max(longitudes) - min(longitudes) <= 180:
        return points
    return [_at(point, point.x + 360 if point.x < 0 else point.x, point.y) for point in points]


def _moved(
    points: list[GroundControlPoint], source: rasterio.CRS, target: rasterio.CRS
) -> list[GroundControlPoint]:
    transformer = pyproj.Transformer.from_crs(source.to_wkt(), target.to_wkt(), always_xy=True)
    x, y = transformer.transform([point.x for point in points], [point.y for point in points])
    return [_at(*moved) for moved in zip(points, x, y, strict=True)]


def _at(point: GroundControlPoint, x: float, y: float) -> GroundControlPoint:
    return GroundControlPoint(row=point.row, col=point.col, x=x, y=y, z=point.z or 0.0)


def _unusable(reason: str) -> Rejected:
    return Rejected(
        f"The points that place the raster cannot be used: {reason}.",
        code="bad_control_points",
        hint="Correct them, or warp the raster yourself: `gdalwarp -tps in.tif out.tif`.",
    )
