"""A small map that shows where a raster lies, as a picture (SVG) and as a sentence.

Drawn on the server: it needs no script, and a page may hold several.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from repository.portal.world import Land, lands
from repository.raster_info import Bounds

WIDTH, HEIGHT = 352, 220
LEAST_DEGREES = 10.0
"""The land is too coarse to be looked at more closely."""
STEPS = (1, 2, 5, 10, 15, 30, 60)
DOT_BELOW_PIXELS = 8
MARGIN = 10
"""Pixels round the picture in which lines may still run."""
LAPS = (-360.0, 0.0, 360.0)

Ring = Sequence[Sequence[float]]


@dataclass(frozen=True)
class View:
    """The part of the world that is shown; longitudes may run on past 180."""

    left: float
    top: float
    degrees_across: float
    stretch: float
    """Of latitudes: how many times a degree north is longer than one east."""

    @property
    def scale(self) -> float:
        """Pixels of a degree of longitude."""
        return WIDTH / self.degrees_across

    @property
    def right(self) -> float:
        """The longitude of the right edge."""
        return self.left + self.degrees_across

    @property
    def bottom(self) -> float:
        """The latitude of the lower edge."""
        return self.top - HEIGHT / self.scale / self.stretch

    def at(self, longitude: float, latitude: float) -> tuple[float, float]:
        """The pixel of a place."""
        return (longitude - self.left) * self.scale, (
            self.top - latitude
        ) * self.scale * self.stretch


def svg(bounds: Bounds, footprint: dict[str, Any] | None) -> SafeString:
    """The picture; colours come from the page's style sheet by class."""
    view = view_of(bounds)
    return format_html(
        '<svg class="locator" viewBox="0 0 {} {}" role="img" aria-label="{}">'
        '<path class="land" d="{}"/><path class="graticule" d="{}"/><path class="extent" d="{}"/>'
        "{}<g>{}</g></svg>",
        WIDTH, HEIGHT, f"Map. {sentence(bounds)}", _land(view), _graticule(view),
        _path(view, _rings(bounds, footprint)), _dot(view, bounds), _labels(view),
    )  # fmt: skip


def sentence(bounds: Bounds) -> str:
    """Where that is, in words."""
    left, bottom, right, top = bounds
    return f"It lies between {_east(left)} and {_east(right)}, {_north(bottom)} and {_north(top)}."


def view_of(bounds: Bounds) -> View:
    """A view three times as wide and high as the raster, within the world."""
    left, bottom, right, top = bounds
    right = right + 360 if right < left else right
    middle = max(-75.0, min(75.0, (bottom + top) / 2))
    stretch = 1 / math.cos(math.radians(middle))
    high = (top - bottom) * stretch * WIDTH / HEIGHT
    across = min(360.0, max(LEAST_DEGREES, 3 * (right - left), 3 * high))
    tall = across * HEIGHT / WIDTH / stretch
    if tall >= 180:  # a world that is as high as it is wide would be squeezed out of shape
        stretch, tall = across * HEIGHT / WIDTH / 180, 180.0
    upper = max(-90 + tall, min(90.0, (bottom + top) / 2 + tall / 2))
    return View((left + right) / 2 - across / 2, upper, across, stretch)


def _rings(bounds: Bounds, footprint: dict[str, Any] | None) -> list[Ring]:
    if footprint:
        parts = footprint["coordinates"]
        polygons = [parts] if footprint["type"] == "Polygon" else parts
        return [ring for polygon in polygons for ring in polygon]
    left, bottom, right, top = bounds
    right = right + 360 if right < left else right
    return [[(left, top), (right, top), (right, bottom), (left, bottom)]]


def _land(view: View) -> str:
    return _path(view, [land.ring for land in lands() if _may_show(view, land)])


def _may_show(view: View, land: Land) -> bool:
    beside = all(land.right + lap < view.left or land.left + lap > view.right for lap in LAPS)
    return not beside and land.top >= view.bottom and land.bottom <= view.top


def _path(view: View, rings: Sequence[Ring]) -> str:
    """Each ring in every lap of the world that the view shows."""
    return "".join(part for ring in rings for lap in LAPS for part in _shape(view, ring, lap))


def _shape(view: View, ring: Ring, lap: float) -> Iterator[str]:
    xs = [point[0] + lap for point in ring]
    if max(xs) < view.left or min(xs) > view.right:
        return
    points = [_beside(view.at(x, point[1])) for x, point in zip(xs, ring, strict=True)]
    kept = points[:1]
    for point in points[1:]:
        if math.dist(point, kept[-1]) >= 1.5:  # what is nearer cannot be seen
            kept.append(point)
    if len(kept) > 2:
        yield "M" + "L".join(f"{x:.0f} {y:.0f}" for x, y in kept) + "Z"


def _beside(point: tuple[float, float]) -> tuple[float, float]:
    """What lies far outside is drawn just outside: most of its points are then one."""
    x, y = point
    return max(-MARGIN, min(WIDTH + MARGIN, x)), max(-MARGIN, min(HEIGHT + MARGIN, y))


def _dot(view: View, bounds: Bounds) -> SafeString:
    """A ring round a raster that is too small to be seen."""
    left, bottom, right, top = bounds
    right = right + 360 if right < left else right
    (x0, y0), (x1, y1) = view.at(left, top), view.at(right, bottom)
    if max(x1 - x0, y1 - y0) >= DOT_BELOW_PIXELS:
        return SafeString("")
    return format_html(
        '<circle class="extent" cx="{}" cy="{}" r="6"/>',
        f"{(x0 + x1) / 2:.1f}",
        f"{(y0 + y1) / 2:.1f}",
    )


def _step(view: View) -> int:
    return next((step for step in STEPS if view.degrees_across / step <= 6), STEPS[-1])


def _lines(view: View) -> tuple[list[int], list[int]]:
    """Meridians and parallels of the view."""
    step = _step(view)
    meridians = range(math.ceil(view.left / step) * step, math.floor(view.right) + 1, step)
    parallels = range(math.ceil(view.bottom / step) * step, math.floor(view.top) + 1, step)
    return list(meridians), list(parallels)


def _graticule(view: View) -> str:
    meridians, parallels = _lines(view)
    upright = (f"M{view.at(longitude, 0)[0]:.1f} 0V{HEIGHT}" for longitude in meridians)
    level = (f"M0 {view.at(0, latitude)[1]:.1f}H{WIDTH}" for latitude in parallels)
    return "".join((*upright, *level))


def _labels(view: View) -> SafeString:
    meridians, parallels = _lines(view)
    marks = [(view.at(lon, 0)[0] + 3, HEIGHT - 5.0, _east(lon)) for lon in meridians]
    heights = [(view.at(0, lat)[1] - 4, _north(lat)) for lat in parallels]
    marks += [(4.0, y, word) for y, word in heights if 10 < y < HEIGHT - 18]
    inside = [(x, y, word) for x, y, word in marks if x < WIDTH - 24]
    return format_html_join(
        "", '<text x="{}" y="{}">{}</text>', ((f"{x:.1f}", f"{y:.1f}", w) for x, y, w in inside)
    )


def _east(longitude: float) -> str:
    turned = (longitude + 180) % 360 - 180 if not -180 <= longitude <= 180 else longitude
    return f"{_degrees(turned)} {'W' if turned < 0 else 'E'}"


def _north(latitude: float) -> str:
    return f"{_degrees(latitude)} {'S' if latitude < 0 else 'N'}"


def _degrees(value: float) -> str:
    return f"{abs(value):.4f}".rstrip("0").rstrip(".") + "°"
