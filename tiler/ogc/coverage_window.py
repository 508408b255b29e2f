"""From a coverage request to pixels: which of them, and how many of them come back."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from affine import Affine
from pyproj import CRS
from pyproj.exceptions import ProjError

from repository.errors import BadRequest
from repository.raster_info import Bounds, RasterInfo
from tiler.ogc.coverage_request import CoverageRequest, Interval
from tiler.ogc.crs_uris import CRS84, parse_crs, transformer, y_comes_first

EDGE = 1e-6
"""Of a pixel: what rounding of coordinates may lose without a further pixel being read."""

LEAST = 1e-9
"""Of a scale factor: it is refused as too large, and a smaller one would overflow before."""

MAX_UNEVENNESS = 16.0
"""How much stronger one axis may be reduced than the other: beyond it no overview helps."""


@dataclass(frozen=True)
class PixelWindow:
    """Whole pixels of the stored raster, and the size that they are brought to."""

    column: int
    row: int
    width: int
    height: int
    out_width: int
    out_height: int

    def transform(self, raster: RasterInfo) -> Affine:
        """The georeference of the answer: exactly the window's edges, whatever its size."""
        stored = Affine(*raster.transform)
        scale = Affine.scale(self.width / self.out_width, self.height / self.out_height)
        return stored @ Affine.translation(self.column, self.row) @ scale

    @property
    def is_reduced(self) -> bool:
        """Whether fewer cells come back than are stored."""
        return self.out_width < self.width or self.out_height < self.height


Cells = tuple[float, float, float, float]
"""Columns and rows: left, top, right, bottom."""


def choose_window(raster: RasterInfo, request: CoverageRequest) -> PixelWindow:
    """The pixels that the request asks for. Raises BadRequest.

    Every pixel that is touched belongs to it, so edges lie on the stored grid.
    """
    parts: list[Cells] = [(0.0, 0.0, float(raster.width), float(raster.height))]
    for boxes in _wanted_boxes(raster, request):
        cells = [_cells_of(raster, box) for box in boxes]
        parts = [both for part in parts for c in cells if (both := _overlap(part, c))]
    if not parts:
        raise BadRequest("The coverage has no data in that part.", code="outside_raster",
                         hint="Its extent is at the collection's address.")  # fmt: skip
    left, top, right, bottom = _around(parts)
    column, width = _whole(left, right, raster.width)
    row, height = _whole(top, bottom, raster.height)
    return PixelWindow(column, row, width, height, *_out_size(request, width, height))


def _wanted_boxes(raster: RasterInfo, request: CoverageRequest) -> list[list[Bounds]]:
    """Each constraint as boxes in the raster's CRS, of which any may hold."""
    wanted = []
    if request.bbox is not None:
        crs = parse_crs(request.bbox_crs or CRS84)
        box = request.bbox
        if request.bbox_crs and y_comes_first(crs):
            box = (box[1], box[0], box[3], box[2])
        wanted.append(_boxes_in_crs_of(raster, box, request.bbox_crs or CRS84))
    subset = request.subset
    if "x" in subset or "y" in subset:
        wanted.append([_filled(raster.bounds, subset.get("x"), subset.get("y"))])
    if "lon" in subset or "lat" in subset:
        left, bottom, right, top = raster.bounds_wgs84
        limits = (left, bottom, right, top) if left <= right else (-180.0, bottom, 180.0, top)
        box = _filled(limits, subset.get("lon"), subset.get("lat"), around=360.0)
        wanted.append(_boxes_in_crs_of(raster, box, CRS84))
    return wanted


def _filled(
    limits: Bounds, x: Interval | None, y: Interval | None, around: float = math.inf
) -> Bounds:
    """A box of two intervals; open ends reach to the limits and a little beyond.

    `around` is the length of a closed axis: beyond it the box would meet itself.
    """
    left, bottom, right, top = limits
    more_x = min((right - left) * 0.01, (around - right + left) / 2)
    more_y = (top - bottom) * 0.01
    x, y = x or Interval(None, None), y or Interval(None, None)
    return (
        left - more_x if x.low is None else x.low,
        bottom - more_y if y.low is None else y.low,
        right + more_x if x.high is None else x.high,
        top + more_y if y.high is None else y.high,
    )


def _boxes_in_crs_of(raster: RasterInfo, box: Bounds, crs_name: str) -> list[Bounds]:
    source, target = parse_crs(crs_name), parse_crs(raster.crs_wkt)
    if source.is_geographic:
        parts = _within_degrees(box, raster.bounds_wgs84)
    elif box[0] > box[2]:
        raise BadRequest("bbox ends before it starts.", code="invalid_bbox")
    else:
        parts = [box]
    boxes: list[Bounds] = []
    for part in parts:
        left, bottom, right, top = _moved(part, source, target)
        if not all(math.isfinite(n) for n in (left, bottom, right, top)):
            raise BadRequest("That part cannot be expressed in the coverage's CRS.",
                             code="invalid_bbox", hint="Ask for a smaller one.")  # fmt: skip
        if target.is_geographic and left > right:
            right += 360
        turns = (-360.0, 0.0, 360.0) if target.is_geographic else (0.0,)
        boxes += [(left + turn, bottom, right + turn, top) for turn in turns]
    return boxes


def _moved(box: Bounds, source: CRS, target: CRS) -> Bounds:
    if source == target:
        return box
    try:
        moved: Bounds = transformer(source, target).transform_bounds(*box, densify_pts=21)
    except ProjError:  # the Moon's, for example
        raise BadRequest("No way leads from bbox-crs to the coverage's CRS.",
                         code="unknown_crs") from None  # fmt: skip
    return moved


def _within_degrees(box: Bounds, limits: Bounds) -> list[Bounds]:
    """The parts of a box within limits that are a little wider than given.

    A box around the whole Earth has no bounds in most projections, so it is
    cut before it is transformed. Left > right crosses the antimeridian.
    """
    left, bottom, right, top = box
    first, low, last, high = limits
    right += 360 if left > right else 0
    last += 360 if first > last else 0
    more_x, more_y = (last - first) * 0.02 + 1e-9, (high - low) * 0.02 + 1e-9
    low, high = max(low - more_y, -90.0), min(high + more_y, 90.0)
    parts = []
    for turn in (-360.0, 0.0, 360.0):
        part = (
            max(left + turn, first - more_x), max(bottom, low),
            min(right + turn, last + more_x), min(top, high),
        )  # fmt: skip
        if part[0] <= part[2] and part[1] <= part[3]:
            parts.append(part)
    return parts


def _cells_of(raster: RasterInfo, box: Bounds) -> Cells:
    """Around the box in columns and rows; south-up and rotated rasters alike."""
    to_cells = ~Affine(*raster.transform)
    left, bottom, right, top = box
    corners = [to_cells @ (x, y) for x in (left, right) for y in (bottom, top)]
    columns, rows = [c for c, _ in corners], [r for _, r in corners]
    return min(columns), min(rows), max(columns), max(rows)


def _overlap(a: Cells, b: Cells) -> Cells | None:
    """What both have; edges that only touch are no overlap, but a point or a line inside is."""
    left, top = max(a[0], b[0]), max(a[1], b[1])
    right, bottom = min(a[2], b[2]), min(a[3], b[3])
    inside_x = right - left > EDGE or (b[0] == b[2] and a[0] <= b[0] <= a[2])
    inside_y = bottom - top > EDGE or (b[1] == b[3] and a[1] <= b[1] <= a[3])
    return (left, top, right, bottom) if inside_x and inside_y else None


def _around(parts: list[Cells]) -> Cells:
    """Around parts that touch. Raises BadRequest where a gap lies between them."""
    ordered = sorted(set(parts))
    for one, next_one in itertools.pairwise(ordered):
        if next_one[0] > one[2] + 1:
            raise BadRequest(
                "That part has two pieces, at both edges of this coverage.",
                code="bbox_crosses_antimeridian", hint="Ask for each side of 180 degrees alone.",
            )  # fmt: skip
    return (
        min(p[0] for p in parts), min(p[1] for p in parts),
        max(p[2] for p in parts), max(p[3] for p in parts),
    )  # fmt: skip


def _whole(low: float, high: float, size: int) -> tuple[int, int]:
    """First whole pixel and their number, at least one."""
    first = min(math.floor(low + EDGE), size - 1)
    last = max(math.ceil(high - EDGE), first + 1)
    return first, min(last, size) - first


def _out_size(request: CoverageRequest, width: int, height: int) -> tuple[int, int]:
    factors, sizes = request.factors, request.sizes
    out_width = int(sizes.get("x", max(1, round(width / max(factors.get("x", 1.0), LEAST)))))
    out_height = int(sizes.get("y", max(1, round(height / max(factors.get("y", 1.0), LEAST)))))
    uneven = (width / out_width) / (height / out_height)
    if max(uneven, 1 / uneven) > MAX_UNEVENNESS and max(width, height) > 1000:
        raise BadRequest("The two axes are scaled too differently.", code="scale_too_uneven",
                         hint=f"Keep them within a factor of {MAX_UNEVENNESS:.0f}.")  # fmt: skip
    return out_width, out_height
