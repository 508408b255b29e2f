"""Coordinate systems by code, by WKT and by words."""

from __future__ import annotations

import pyproj
import pytest

from repository.coordinate_systems import COMMON, normalised, parse_crs, search_crs
from repository.errors import BadRequest


@pytest.mark.parametrize("text", ["EPSG:32633", "epsg:32633", " 32633 ", "OGC:CRS84"])
def test_a_code_is_taken_as_people_write_it(text: str) -> None:
    assert parse_crs(text).name


def test_wkt_is_taken() -> None:
    wkt = pyproj.CRS.from_epsg(5514).to_wkt()
    assert parse_crs(wkt).to_epsg() == 5514


@pytest.mark.parametrize(
    "text",
    ["", "EPSG:999999", "/etc/passwd", "https://epsg.org/4326", "+proj=utm", "Moon", "x" * 30_000],
)
def test_what_is_no_coordinate_system_is_refused(text: str) -> None:
    with pytest.raises(BadRequest) as caught:
        parse_crs(text)
    assert caught.value.code == "invalid_answer"


def test_another_body_is_refused() -> None:
    with pytest.raises(BadRequest, match="another body"):
        parse_crs("IAU_2015:30100")


def test_digits_alone_are_a_code() -> None:
    assert normalised("5514") == "EPSG:5514"


def test_a_code_is_found_before_names() -> None:
    assert search_crs("5514")[0].code == "EPSG:5514"
    assert search_crs("EPSG:3263")[0].code.startswith("EPSG:3263")


def test_words_of_the_name_find_the_usual_one_first() -> None:
    assert search_crs("utm zone 33n")[0].code == "EPSG:32633"
    assert "EPSG:5514" in [known.code for known in search_crs("krovak")]


def test_nothing_typed_finds_nothing() -> None:
    assert search_crs("  ") == []


def test_all_that_is_offered_is_known() -> None:
    assert all(parse_crs(code).name for code, _ in COMMON)
