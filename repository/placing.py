"""Where a raster would lie with a coordinate system that its file does not name.

A look before the answer is saved; the worker computes the footprint that is kept.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pyproj
from django.contrib.gis.geos import GEOSGeometry, MultiPolygon, Polygon

from repository.errors import BadRequest
from repository.raster_info import Affine6, Bounds

SIDE_POINTS = 32
"""Points along each edge: enough for a bow on a map of the world, and to tell on which side of
the antimeridian the next one lies."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Place:
    """A raster's place on Earth."""

    bounds_wgs84: Bounds
    """Left > right where it crosses the antimeridian (RFC 7946, 5.2)."""
    footprint_wgs84: dict[str, Any]
    """GeoJSON Polygon or MultiPolygon, cut at the antimeridian (RFC 7946, 3.1.9)."""
    warnings: tuple[tuple[str, str], ...] = ()
    """(code, sentence) pairs."""


def corners_of_bounds(bounds: Bounds) -> tuple[Point, ...]:
    """The four corners of left, bottom, right, top; from the upper left clockwise."""
    left, bottom, right, top = bounds
    return (left, top), (right, top), (right, bottom), (left, bottom)


def corners_of_grid(transform: Affine6, width: int, height: int) -> tuple[Point, ...]:
    """The outer corners of a grid of pixels, rotated ones too."""
    a, b, c, d, e, f = transform
    return tuple(
        (a * column + b * row + c, d * column + e * row + f)
        for column, row in ((0, 0), (width, 0), (width, height), (0, height))
    )


def place(crs: pyproj.CRS, corners: Sequence[Point]) -> Place:
    """The place of a raster whose corners lie there in `crs`.

    Raises BadRequest `invalid_answer` where no such place is on Earth.
    """
    flat = crs.to_2d() if crs.is_compound or len(crs.axis_info) > 2 else crs
    outline = _outline(corners)
    if flat.is_geographic:
        _check_degrees(flat, outline)
    to_lonlat = pyproj.Transformer.from_crs(flat, "OGC:CRS84", always_xy=True)
    xs, ys = zip(*outline, strict=True)
    lons, lats = to_lonlat.transform(xs, ys)
    if not all(math.isfinite(number) for number in (*lons, *lats)):
        raise _not_there(f"{flat.name} cannot describe places with these coordinates.")
    region = _region(continuous(list(zip(lons, lats, strict=True))))
    if region.empty or not region.area > 0:
        raise _not_there(f"In {flat.name} these coordinates have no area.")
    bounds = _bounds(region)
    shape = json.loads(_cut_at_antimeridian(region).geojson)
    return Place(bounds, shape, tuple(_outside_area_of_use(flat, bounds)))


def _outline(corners: Sequence[Point]) -> list[Point]:
    ring = []
    for (x0, y0), (x1, y1) in pairwise([*corners, corners[0]]):
        steps = (step / SIDE_POINTS for step in range(SIDE_POINTS))
        ring += [(x0 + (x1 - x0) * share, y0 + (y1 - y0) * share) for share in steps]
    return [*ring, ring[0]]


def _check_degrees(crs: pyproj.CRS, outline: list[Point]) -> None:
    degrees = math.degrees(crs.axis_info[0].unit_conversion_factor)
    xs, ys = ([point[axis] * degrees for point in outline] for axis in (0, 1))
    if max(map(abs, xs)) > 361 or max(map(abs, ys)) > 91:
        raise _not_there(
            f"{crs.name} counts in degrees, but these coordinates run from {min(xs):g} to "
            f"{max(xs):g} east and from {min(ys):g} to {max(ys):g} north. They look like metres: "
            "choose a projected system such as UTM."
        )


def continuous(ring: Sequence[Point]) -> list[Point]:
    """A closed ring whose longitudes run on past 180 degrees; round a pole it is closed there."""
    line = [ring[0]]
    for longitude, latitude in ring[1:]:
        before = line[-1][0]
        line.append((longitude - 360 * round((longitude - before) / 360), latitude))
    if abs(line[-1][0] - line[0][0]) < 180:
        return [*line[:-1], line[0]]
    pole = math.copysign(90.0, line[0][1])
    return [*line, (line[-1][0], pole), (line[0][0], pole), line[0]]


def _region(ring: list[Point]) -> GEOSGeometry:
    region = Polygon([(longitude, max(-90.0, min(90.0, lat))) for longitude, lat in ring])
    return region if region.valid else region.make_valid()


def _bounds(region: GEOSGeometry) -> Bounds:
    left, bottom, right, top = region.extent
    if right - left >= 360 - 1e-5:
        return -180.0, bottom, 180.0, top
    shift = 360 * math.floor((left + 180) / 360)
    left, right = left - shift, right - shift
    return left, bottom, right - 360 if right > 180 + 1e-6 else min(right, 180.0), top


def _cut_at_antimeridian(region: GEOSGeometry) -> GEOSGeometry:
    left, _, right, _ = region.extent
    first, last = math.floor((left + 180) / 360), math.floor((right + 180 - 1e-6) / 360)
    parts: GEOSGeometry | None = None
    for lap in range(first, last + 1):
        west = 360.0 * lap - 180
        part = region.intersection(Polygon.from_bbox((west, -90.0, west + 360, 90.0)))
        part = _moved(part, -360.0 * lap)
        parts = part if parts is None else parts.union(part)
    assert parts is not None, "a region has at least one lap"
    return parts


def _moved(shape: GEOSGeometry, degrees: float) -> GEOSGeometry:
    if not degrees:
        return shape
    polygons = [shape] if isinstance(shape, Polygon) else [p for p in shape if p.area > 0]  # type: ignore[attr-defined]
    moved = [Polygon(*([(x + degrees, y) for x, y in ring] for ring in p)) for p in polygons]
    return moved[0] if len(moved) == 1 else MultiPolygon(moved)


def _outside_area_of_use(crs: pyproj.CRS, bounds: Bounds) -> list[tuple[str, str]]:
    area = crs.area_of_use
    if area is None:
        return []
    plain = area.west <= area.east and bounds[0] <= bounds[2]
    apart = plain and (bounds[0] > area.east or bounds[2] < area.west)
    if not apart and bounds[1] <= area.north and bounds[3] >= area.south:
        return []
    sentence = f"This lies outside the area for which {crs.name} is meant ({area.name})."
    return [("outside_area_of_use", sentence)]


def _not_there(detail: str) -> BadRequest:
    return BadRequest(detail, code="invalid_answer",
                      hint="Check the coordinate system and the edges.")  # fmt: skip
