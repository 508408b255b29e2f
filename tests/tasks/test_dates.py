from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tasks.dates import find_datetime

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("NDVI_2013-09-14.tif", "2013-09-14T00:00:00Z"),
        ("S1A__IW___A_20150309T173017_VV.tif", "2015-03-09T17:30:17Z"),
        ("s2_20240824.tif", "2024-08-24T00:00:00Z"),
        ("water_1993_01_05.tif", "1993-01-05T00:00:00Z"),
        ("2020.tif", None),
        ("x_20240101_20240131.tif", None),
        ("id_9920240824.tif", None),
        ("202408241.tif", None),
        ("20241399.tif", None),
        ("20991231.tif", None),
        ("19650101.tif", None),
    ],
)
def test_file_names(name: str, expected: str | None) -> None:
    assert find_datetime({}, name, now=NOW) == (expected, "filename" if expected else None)


def test_a_sensing_tag_wins_over_the_name() -> None:
    tags = {"NC_GLOBAL#time_coverage_start": "2021-05-25T18:10:26Z"}
    found = find_datetime(tags, "a_20200101.tif", now=NOW)
    assert found == ("2021-05-25T18:10:26Z", "metadata")


def test_the_time_of_writing_is_not_the_time_of_sensing() -> None:
    assert find_datetime({"TIFFTAG_DATETIME": "2022:02:05 00:00:20"}, "", now=NOW) == (None, None)
