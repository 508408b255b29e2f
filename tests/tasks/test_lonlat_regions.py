"""Regions that cross the antimeridian, against boxes whose answer is known."""

from __future__ import annotations

import pytest
from shapely.geometry import MultiPolygon, Point, Polygon, box

from tasks.lonlat_regions import MAX_VERTICES, bounds_wgs84, cut_at_antimeridian, tidy


@pytest.mark.parametrize(("left", "right", "expected"), [
    (10, 20, (10, 20)), (170, 190, (170, -170)), (190, 200, (-170, -160)),
    (-190, -170, (170, -170)), (-180, 180, (-180, 180)), (0, 360, (-180, 180)),
])  # fmt: skip
def test_bounds_lie_within_180_degrees(
    left: float, right: float, expected: tuple[float, float]
) -> None:
    bounds = bounds_wgs84(box(left, -5, right, 5))
    assert (bounds[0], bounds[2]) == expected


def test_a_region_over_the_antimeridian_is_cut_in_two() -> None:
    cut = cut_at_antimeridian(box(170, -5, 190, 5))
    assert cut.equals(MultiPolygon([box(170, -5, 180, 5), box(-180, -5, -170, 5)]))


def test_a_tidy_region_runs_counter_clockwise_and_has_few_vertices() -> None:
    circle = Polygon(list(Point(0, 0).buffer(10, quad_segs=2000).exterior.coords)[::-1])
    made = tidy(circle)
    assert made.exterior.is_ccw
    assert len(made.exterior.coords) <= MAX_VERTICES
    assert made.area == pytest.approx(circle.area, rel=1e-3)
