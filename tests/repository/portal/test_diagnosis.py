"""Findings in words and pictures; nothing that a file says is trusted."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from repository.findings import BandFindings, FileFindings, Findings, RasterFindings
from repository.portal.diagnosis import RasterCard, diagnose

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n rest").decode()


def card(**facts: Any) -> RasterCard:
    return diagnose(Findings(rasters=(RasterFindings("dem.tif", **facts),))).rasters[0]


def test_a_raster_of_which_little_is_known_says_so() -> None:
    assert dict(card(width=10, height=20).facts) == {
        "Format": "not known", "Size": "10 × 20 pixels", "Coordinate system": "not stated",
        "Left, bottom, right, top": "not stated",
    }  # fmt: skip


def test_a_raster_shows_its_place_as_map_and_sentence() -> None:
    shown = card(bounds_wgs84=(10, 45, 11, 46), crs_name="WGS 84", crs_epsg=4326)
    assert "<svg" in shown.map
    assert shown.place == "It lies between 10° E and 11° E, 45° N and 46° N."
    assert dict(shown.facts)["Coordinate system"] == "WGS 84 (EPSG:4326)"


def test_a_band_shows_nodata_share_and_histogram() -> None:
    band = BandFindings(1, "float32", "nan", "height", "m", 0.125, -3.5, 1965.0, (1, 3), (0, 1, 2))
    shown = card(bands=(band,))
    row = shown.bands[0]
    assert (row.name, row.nodata, row.valid, row.lowest) == ("height", "nan", "12.5 %", "-3.5")
    assert (row.highest, row.unit) == ("1\u202f965", "m")
    assert "Histogram of height, from 0 to 2 m" in shown.pictures[0].svg


@pytest.mark.parametrize(
    ("share", "words"),
    [(None, "not read"), (0.0, "0.0 %"), (0.0001, "under 0.1 %"), (0.9999, "over 99.9 %"),
     (1.0, "100.0 %")],
)  # fmt: skip
def test_nearly_nothing_is_not_nothing(share: float | None, words: str) -> None:
    assert card(bands=(BandFindings(1, "uint8", valid_share=share),)).bands[0].valid == words


@pytest.mark.parametrize(
    ("picture", "shown"),
    [(PNG, f"data:image/png;base64,{PNG}"), ("", ""), ('"><script>', ""), ("AAAA", "")],
)
def test_a_quicklook_is_shown_only_where_it_is_a_png(picture: str, shown: str) -> None:
    assert card(quicklook_png=picture).quicklook == shown


def test_files_are_listed_with_what_became_of_them() -> None:
    files = (FileFindings("a.zip", 1000, "zip archive", "archive"),
             FileFindings("b.pdf", 20, role="attachment"))  # fmt: skip
    first, second = diagnose(Findings(files=files)).files
    assert (first.size, first.role) == ("1.0 kB", "archive, unpacked")
    assert (second.format, second.role) == ("not known", "kept beside the map")


def test_long_lists_are_cut_and_the_rest_is_counted() -> None:
    files = tuple(FileFindings(f"{n}.tif", 1) for n in range(250))
    found = diagnose(Findings(files=files))
    assert (len(found.files), found.more_files) == (200, 50)
