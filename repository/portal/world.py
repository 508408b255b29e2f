"""Land and borders of the bundled base map, for maps that the server draws."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any

from django.contrib.staticfiles import finders

from repository.placing import Point, continuous

FILE_NAME = "world-110m.json"


@dataclass(frozen=True)
class Land:
    """One ring of a country's outline, in degrees of longitude and latitude."""

    ring: tuple[Point, ...]
    left: float
    bottom: float
    right: float
    top: float


@lru_cache(maxsize=1)
def lands() -> tuple[Land, ...]:
    """Every country's rings; none where the front end is not built."""
    path = finders.find(FILE_NAME)
    return tuple(read_topology(json.loads(Path(path).read_text()))) if path else ()


def read_topology(topology: dict[str, Any]) -> list[Land]:
    """The rings of a quantised TopoJSON's `countries` (TopoJSON 1.0, 2.1.3 and 2.1.4)."""
    arcs = [_decoded(arc, topology["transform"]) for arc in topology["arcs"]]
    result = []
    for country in topology["objects"]["countries"]["geometries"]:
        polygons = [country["arcs"]] if country["type"] == "Polygon" else country["arcs"]
        result += [_land(ring, arcs) for polygon in polygons for ring in polygon]
    return result


def _decoded(arc: list[list[int]], transform: dict[str, list[float]]) -> list[Point]:
    """Steps from point to point, in whole numbers, as longitudes and latitudes."""
    (scale_x, scale_y), (left, bottom) = transform["scale"], transform["translate"]
    xs, ys = accumulate(step[0] for step in arc), accumulate(step[1] for step in arc)
    return [(x * scale_x + left, y * scale_y + bottom) for x, y in zip(xs, ys, strict=True)]


def _land(indexes: list[int], arcs: list[list[Point]]) -> Land:
    ring: list[Point] = []
    for index in indexes:
        # One's complement: the arc is walked backwards.
        arc = arcs[index] if index >= 0 else arcs[~index][::-1]
        ring += arc[1:] if ring else arc
    ring = continuous(ring)
    xs, ys = zip(*ring, strict=True)
    return Land(tuple(ring), min(xs), min(ys), max(xs), max(ys))
