"""Where the rasters of an upload would lie with answers that are not saved."""

from __future__ import annotations

from typing import Any

import pytest

from repository.answers import InvalidAnswer
from repository.findings import Findings, RasterFindings
from repository.previewing import preview

GRID = (30.0, 0.0, 458000.0, 0.0, -30.0, 5550000.0)


def found(**facts: Any) -> Findings:
    return Findings(rasters=(RasterFindings("scan.tif", width=100, height=100, **facts),))


def test_a_grid_without_a_system_is_placed_by_the_answer() -> None:
    result = preview(found(transform=GRID), {"crs": "EPSG:32633"})
    assert (result.crs_epsg, result.rasters[0].name) == (32633, "scan.tif")
    assert result.rasters[0].place.bounds_wgs84[0] == pytest.approx(14.414, abs=0.01)


def test_a_system_without_a_grid_is_placed_by_the_answered_bounds() -> None:
    result = preview(found(crs_epsg=4326), {"bounds": [10.0, 45.0, 11.0, 46.0]})
    assert result.rasters[0].place.bounds_wgs84 == pytest.approx((10, 45, 11, 46))


@pytest.mark.parametrize(
    ("facts", "answers", "field"),
    [
        ({}, {"crs": "EPSG:4326"}, "bounds"),
        ({"transform": GRID}, {"nodata": 0}, "crs"),
        ({"transform": GRID}, {"crs": "EPSG:4326"}, "crs"),
    ],
)
def test_what_is_missing_or_wrong_is_named(
    facts: dict[str, Any], answers: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidAnswer) as caught:
        preview(found(**facts), answers)
    assert caught.value.field == field


def test_an_upload_of_which_nothing_is_known_needs_system_and_bounds() -> None:
    answers = {"crs": "EPSG:4326", "bounds": [10.0, 45.0, 11.0, 46.0]}
    assert len(preview(Findings(), answers).rasters) == 1
