"""Regions of longitudes that run on past 180 degrees, brought to what GeoJSON allows."""

from __future__ import annotations

import math

from shapely import affinity, make_valid, set_precision, simplify
from shapely.geometry import MultiPolygon, Polygon, box
from shapely.geometry.base import BaseGeometry
from shapely.geometry.polygon import orient

from repository.raster_info import Bounds

MAX_VERTICES = 480
COORDINATE_STEP = 1e-7
"""Degrees, about a centimetre: RFC 7946, 11.2 advises against more digits."""


def bounds_wgs84(region: BaseGeometry) -> Bounds:
    """Left, bottom, right, top within -180 to 180; left > right across the antimeridian."""
    left, bottom, right, top = region.bounds
    bottom, top = max(bottom, -90.0), min(top, 90.0)
    if right - left >= 360 - 1e-5:
        return -180.0, bottom, 180.0, top
    shift = 360 * math.floor((left + 180) / 360)
    left, right = left - shift, right - shift
    if left > 180 - 1e-9:
        left, right = left - 360, right - 360
    return left, bottom, right - 360 if right > 180 + 1e-6 else min(right, 180.0), top


def cut_at_antimeridian(region: BaseGeometry) -> BaseGeometry:
    """The region within -180 to 180, in parts where it crosses (RFC 7946, 3.1.9)."""
    left, _, right, _ = region.bounds
    if right - left >= 360 - 1e-5:
        # One full lap: start it at -180, or slivers appear where the ends meet.
        region = _one_lap(region)
        left, _, right, _ = region.bounds
    parts: list[BaseGeometry] = []
    first, last = math.floor((left + 180 + 1e-6) / 360), math.floor((right + 180 - 1e-6) / 360)
    for lap in range(first, last + 1):
        here = affinity.translate(region, -360.0 * lap) if lap else region
        parts.append(here.intersection(box(-180, -90, 180, 90)))
    merged = parts[0]
    for part in parts[1:]:
        merged = merged.union(part)
    return merged


def _one_lap(region: BaseGeometry) -> BaseGeometry:
    left, bottom, right, top = region.bounds
    if abs(region.area - (right - left) * (top - bottom)) < 1e-3:
        return box(-180, max(bottom, -90), 180, min(top, 90))
    return region


def tidy(region: BaseGeometry) -> BaseGeometry:
    """Rounded, simple, few vertices, exterior rings counter-clockwise (RFC 7946, 3.1.6)."""
    left, bottom, right, top = region.bounds
    tolerance = 1e-6 * max(right - left, top - bottom)
    result = _areas(simplify(region, tolerance))
    while _vertices(result) > MAX_VERTICES:
        tolerance *= 4
        result = _areas(simplify(region, tolerance))
    rounded = _areas(set_precision(result, COORDINATE_STEP))
    result = result if rounded.is_empty else rounded
    polygons = [orient(polygon, 1.0) for polygon in result.geoms]
    return polygons[0] if len(polygons) == 1 else MultiPolygon(polygons)


def _areas(region: BaseGeometry) -> MultiPolygon:
    """Only the parts that have an area: cuts can leave lines and points behind."""
    parts = list(getattr(make_valid(region), "geoms", [make_valid(region)]))
    flat = [p for part in parts for p in getattr(part, "geoms", [part])]
    return MultiPolygon([p for p in flat if isinstance(p, Polygon) and p.area > 0])


def _vertices(region: MultiPolygon) -> int:
    return sum(
        len(ring.coords) for part in region.geoms for ring in (part.exterior, *part.interiors)
    )
