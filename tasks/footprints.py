"""Where on Earth a raster lies: its outline in WGS 84, safe at the antimeridian, poles and limb."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyproj
from affine import Affine
from numpy.typing import NDArray
from shapely import make_valid
from shapely.geometry import MultiPoint, Polygon, box, mapping
from shapely.geometry.base import BaseGeometry

from repository.errors import Rejected
from repository.raster_info import Bounds
from tasks.lonlat_regions import bounds_wgs84, cut_at_antimeridian, tidy

Points = NDArray[np.float64]
"""Shape (n, 2): longitude, latitude in degrees, or x, y of the raster's CRS."""

SIDE_POINTS = 64
"""Points along each edge of the raster; the bow between two is far below a pixel."""

GRID_POINTS = 65
"""Points along each axis where the outline alone does not do (rasters that look past the limb)."""


@dataclass(frozen=True)
class Footprint:
    """A raster's place on Earth."""

    bounds_wgs84: Bounds
    """Left > right where it crosses the antimeridian (RFC 7946, 5.2)."""
    geometry: dict[str, Any]
    """GeoJSON Polygon or MultiPolygon, counter-clockwise, cut at the antimeridian."""
    warnings: tuple[tuple[str, str], ...] = ()


def find_footprint(crs: pyproj.CRS, transform: Affine, width: int, height: int) -> Footprint:
    """The outline of a raster's pixels in WGS 84 longitude and latitude.

    Raises Rejected `impossible_coordinates` where no pixel can lie on Earth.
    """
    flat = crs.to_2d() if len(crs.axis_info) > 2 or crs.is_compound else crs
    to_lonlat = pyproj.Transformer.from_crs(flat, "OGC:CRS84", always_xy=True)
    warnings: list[tuple[str, str]] = []
    if flat.is_geographic:
        region = _geographic_region(flat, to_lonlat, transform, width, height, warnings)
    else:
        region = _projected_region(to_lonlat, transform, width, height)
    if region.is_empty or not region.area > 0:
        raise _impossible("No pixel of the raster can be placed on Earth.")
    bounds = bounds_wgs84(region)
    _warn_outside_area_of_use(flat, bounds, warnings)
    return Footprint(bounds, mapping(tidy(cut_at_antimeridian(region))), tuple(warnings))


def _geographic_region(
    crs: pyproj.CRS,
    to_lonlat: pyproj.Transformer,
    transform: Affine,
    width: int,
    height: int,
    warnings: list[tuple[str, str]],
) -> Polygon:
    outline = _outline(transform, width, height)
    degrees = math.degrees(crs.axis_info[0].unit_conversion_factor)
    lon, lat = outline[:, 0] * degrees, outline[:, 1] * degrees
    _check_degrees(lon, lat, abs(transform.a) * degrees, abs(transform.e) * degrees)
    if lon.max() > 180 + abs(transform.a) * degrees:
        warnings.append(
            (
                "longitudes_wrapped",
                f"Longitudes run from {lon.min():g} to {lon.max():g}; "
                "on maps those beyond 180 are shown at their place west of Greenwich.",
            )
        )
    limit = 90 / degrees
    out_lon, out_lat = to_lonlat.transform(outline[:, 0], np.clip(outline[:, 1], -limit, limit))
    # PROJ wraps longitudes to +-180; the raster's own say on which lap they are.
    lap = np.round((lon + _prime_meridian(crs) - out_lon) / 360)
    points = np.column_stack([out_lon + 360 * lap, out_lat])
    if not np.isfinite(points).all():
        raise _impossible("Its coordinates cannot be converted to WGS 84.")
    return Polygon(points)


def _prime_meridian(crs: pyproj.CRS) -> float:
    meridian = crs.prime_meridian
    if meridian is None:
        return 0.0
    return float(math.degrees(float(meridian.longitude) * float(meridian.unit_conversion_factor)))


def _check_degrees(lon: Points, lat: Points, pixel_lon: float, pixel_lat: float) -> None:
    """Half a pixel past a pole is usual in grids of cell centres; more is a mistake."""
    if np.abs(lat).max() > 90 + pixel_lat or np.abs(lon).max() > 360 + pixel_lon:
        metres = np.abs(lon).max() > 1000 or np.abs(lat).max() > 1000
        raise _impossible(
            f"The CRS counts in degrees, but the raster spans {lon.min():g} to {lon.max():g} "
            f"east and {lat.min():g} to {lat.max():g} north.",
            hint="These look like metres: the CRS is probably a projected one such as UTM. "
            "Set the right one with `gdal_edit.py -a_srs`."
            if metres
            else "Latitudes end at 90 and longitudes at 360. Correct the geotransform.",
        )


def _projected_region(
    to_lonlat: pyproj.Transformer, transform: Affine, width: int, height: int
) -> Polygon:
    outline = _outline(transform, width, height)
    points, sound = _to_lonlat(to_lonlat, outline)
    pole = _pole_inside(to_lonlat, transform, width, height)
    if sound.all():
        return _ring_region(points, pole)
    return _scattered_region(to_lonlat, transform, width, height, pole)


def _outline(transform: Affine, width: int, height: int) -> Points:
    """Points along the four edges, in the raster's CRS, not closed."""
    across = np.linspace(0, width, SIDE_POINTS + 1)[:-1]
    down = np.linspace(0, height, SIDE_POINTS + 1)[:-1]
    columns = np.concatenate([across, np.full_like(down, width), width - across, 0 * down])
    rows = np.concatenate([0 * across, down, np.full_like(across, height), height - down])
    x, y = _on_grid(transform, columns, rows)
    return np.column_stack([x, y])


def _on_grid(grid: Affine, columns: Any, rows: Any) -> tuple[Any, Any]:
    """`grid` applied to arrays, which affine's own operator does not take."""
    return grid.a * columns + grid.b * rows + grid.c, grid.d * columns + grid.e * rows + grid.f


def _to_lonlat(to_lonlat: pyproj.Transformer, points: Points) -> tuple[Points, NDArray[np.bool_]]:
    """Longitudes and latitudes, and which of them project back to where they came from.

    Off the limb of a disk PROJ answers inf; off the edge of an oval world map it
    may answer a point on the other side of the Earth, which only the way back shows.
    """
    lon, lat = to_lonlat.transform(points[:, 0], points[:, 1])
    x, y = to_lonlat.transform(lon, lat, direction="INVERSE")
    span = max(float(np.ptp(points, axis=0).max()), 1e-9)
    with np.errstate(invalid="ignore"):
        error = np.hypot(x - points[:, 0], y - points[:, 1])
        sound = np.isfinite(lon) & np.isfinite(lat) & (error < max(0.01 * span, 1.0))
    return np.column_stack([lon, lat]), sound


def _pole_inside(
    to_lonlat: pyproj.Transformer, transform: Affine, width: int, height: int
) -> float | None:
    """The latitude of the pole that lies strictly inside the raster, if one does."""
    for latitude in (90.0, -90.0):
        x, y = to_lonlat.transform(0.0, latitude, direction="INVERSE")
        if not (math.isfinite(x) and math.isfinite(y)):
            continue
        column, row = _on_grid(~transform, x, y)
        if 0 < column < width and 0 < row < height:
            lon_there, lat_there = to_lonlat.transform(x, y)
            if abs(lat_there - latitude) < 1e-6 and math.isfinite(lon_there):
                return latitude
    return None


def _ring_region(points: Points, pole: float | None) -> BaseGeometry:
    """The polygon inside a ring of longitudes and latitudes, unwrapped past +-180."""
    points = _pole_as_edge(points)
    lon = np.unwrap(np.append(points[:, 0], points[0, 0]), period=360)
    lat = np.append(points[:, 1], points[0, 1])
    laps = round((lon[-1] - lon[0]) / 360)
    ring = np.column_stack([lon, lat])
    if laps == 0 or pole is None:
        return make_valid(Polygon(ring[:-1]))
    cap = np.array([[lon[-1], pole], [lon[0], pole]])
    return make_valid(Polygon(np.concatenate([ring, cap])))


def _pole_as_edge(points: Points) -> Points:
    """A pole on the ring has every longitude: replace it by its neighbours' two."""
    parts: list[Points] = []
    count = len(points)
    for i, (_, lat) in enumerate(points):
        if abs(lat) < 90 - 1e-6:
            parts.append(points[i : i + 1])
            continue
        before, after = points[i - 1, 0], points[(i + 1) % count, 0]
        parts.append(np.array([[before, lat], [after, lat]]))
    return np.concatenate(parts)


def _scattered_region(
    to_lonlat: pyproj.Transformer, transform: Affine, width: int, height: int, pole: float | None
) -> BaseGeometry:
    """The convex hull of those pixels that do lie on Earth: larger than the truth, never smaller
    than what a grid of points sees."""
    inset = 1e-6
    columns, rows = np.meshgrid(
        np.linspace(inset, 1 - inset, GRID_POINTS) * width,
        np.linspace(inset, 1 - inset, GRID_POINTS) * height,
    )
    x, y = _on_grid(transform, columns.ravel(), rows.ravel())
    points, sound = _to_lonlat(to_lonlat, np.column_stack([x, y]))
    points = points[sound]
    if len(points) < 3:
        raise _impossible("Its coordinates lie outside the area that its CRS can describe.")
    if pole is not None:
        nearest = points[:, 1].min() if pole > 0 else points[:, 1].max()
        return box(-180, min(pole, nearest), 180, max(pole, nearest))
    middle = math.degrees(np.angle(np.exp(1j * np.radians(points[:, 0])).sum()))
    points[:, 0] = middle + (points[:, 0] - middle + 180) % 360 - 180
    return MultiPoint(points).convex_hull


def _warn_outside_area_of_use(
    crs: pyproj.CRS, bounds: Bounds, warnings: list[tuple[str, str]]
) -> None:
    area = crs.area_of_use
    if area is None:
        return
    lon_apart = (
        area.west <= area.east
        and bounds[0] <= bounds[2]
        and (bounds[0] > area.east or bounds[2] < area.west)
    )
    if lon_apart or bounds[1] > area.north or bounds[3] < area.south:
        warnings.append(
            (
                "outside_area_of_use",
                f"The raster lies outside the area for which {crs.name} is meant ({area.name}). "
                "Check that the CRS is the right one.",
            )
        )


def _impossible(sentence: str, hint: str = "") -> Rejected:
    return Rejected(
        sentence,
        code="impossible_coordinates",
        hint=hint or "Check the CRS and the geotransform with gdalinfo.",
    )
