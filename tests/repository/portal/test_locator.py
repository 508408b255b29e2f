"""The small map that the server draws, and its sentence."""

from __future__ import annotations

import re

import pytest

from repository.portal import locator, world
from repository.raster_info import Bounds

SQUARE = {
    # One country, 0 to 10 degrees east and 40 to 50 north, as steps from its first point.
    "transform": {"scale": [0.01, 0.01], "translate": [0, 40]},
    "arcs": [[[0, 0], [1000, 0], [0, 1000]], [[0, 0], [0, 1000], [1000, 0]]],
    "objects": {"countries": {"geometries": [{"type": "Polygon", "arcs": [[0, -2]]}]}},
}


def paths(svg: str, name: str) -> list[str]:
    found = re.search(rf'class="{name}" d="([^"]*)"', svg)
    assert found
    return [part for part in found[1].split("M") if part]


def test_a_topology_is_read_step_by_step_and_backwards() -> None:
    (land,) = world.read_topology(SQUARE)
    assert land.ring == ((0, 40), (10, 40), (10, 50), (0, 50), (0, 40))
    assert (land.left, land.bottom, land.right, land.top) == (0, 40, 10, 50)


def test_the_land_that_the_view_shows_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locator, "lands", lambda: tuple(world.read_topology(SQUARE)))
    assert len(paths(locator.svg((4, 44, 6, 46), None), "land")) == 1
    assert paths(locator.svg((94, 44, 96, 46), None), "land") == []


def test_the_raster_lies_in_the_middle_third() -> None:
    (ring,) = paths(locator.svg((10, 45, 20, 48), None), "extent")
    xs = [float(pair.split()[0]) for pair in ring.strip("Z").split("L")]
    assert min(xs) == pytest.approx(locator.WIDTH / 3, abs=2)
    assert max(xs) == pytest.approx(locator.WIDTH * 2 / 3, abs=2)


@pytest.mark.parametrize(
    "bounds", [(170, -20, -170, -10), (-180, -90, 180, 90), (14.4, 50, 14.5, 50.1), (0, 89, 1, 90)]
)
def test_every_place_can_be_drawn(bounds: Bounds) -> None:
    svg = locator.svg(bounds, None)
    assert svg.count("<svg") == svg.count("</svg>") == 1
    assert "nan" not in svg
    assert paths(svg, "extent")


def test_a_raster_too_small_to_be_seen_gets_a_ring() -> None:
    assert "<circle" in locator.svg((14.4, 50, 14.41, 50.01), None)
    assert "<circle" not in locator.svg((10, 45, 20, 50), None)


def test_the_sentence_names_the_hemispheres() -> None:
    assert locator.sentence((-10.5, -20, 5, 30.25)) == (
        "It lies between 10.5° W and 5° E, 20° S and 30.25° N."
    )
