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
        ("S1A_20150309173017.tif", "2015-03-09T17:30:17Z"),
        ("LT52240631988227CUB02_B4.TIF", "1988-08-14T00:00:00Z"),
        ("LC80140352013209LGN00.tif", "2013-07-28T00:00:00Z"),
        ("MOD13Q1.A2016123.h18v04.061.2021345123456.hdf", "2016-05-02T00:00:00Z"),
        ("scene_2016123101112_made_2021345123456.tif", None),
        ("MOD13Q1.A2016123.h18v04.061.hdf", "2016-05-02T00:00:00Z"),
        ("NDVI_doy2016123_aid0001.tif", "2016-05-02T00:00:00Z"),
        ("OR_ABI-L2-CMIPM1_G16_s20211451810267_DQF.tif", "2021-05-25T18:10:26Z"),
        ("O_L2_0001_SNS_2017104102450_v1.0.nc", "2017-04-14T10:24:50Z"),
        ("LT52240631988367CUB02.tif", None),
        ("LT52240631989366CUB02.tif", None),
        ("LT52240631988000CUB02.tif", None),
        ("ndvi_2016123.tif", None),
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


@pytest.mark.parametrize(
    "value", ["yesterday", "9999-99-99", "0000-00-00", "\x00", "2024-13-45T99:99:99Z", "1" * 5000]
)
def test_a_tag_that_is_no_date_is_passed_over(value: str) -> None:
    tags = {"ACQUISITION_DATE": value}
    assert find_datetime(tags, "a_20200101.tif", now=NOW)[1] == "filename"
