from __future__ import annotations

import pytest

from repository.names import (
    RESERVED,
    display_file_name,
    id_from_file_name,
    is_valid_id,
    title_from_file_name,
)


@pytest.mark.parametrize(
    ("file_name", "expected"),
    [
        ("DEM Alps.TIF", "dem-alps"),
        ("/tmp/x/Höhe_2024.tiff", "hohe_2024"),
        (r"C:\data\a.tif", "a"),
        ("a.b.tif", "a.b"),
        ("日本.tif", "raster"),
        (".tif", "raster"),
        ("map.tif", "raster-map"),
        ("-_.tif", "raster"),
        ("x" * 300 + ".tif", "x" * 80),
    ],
)
def test_an_id_is_made_from_the_file_name(file_name: str, expected: str) -> None:
    assert id_from_file_name(file_name) == expected


@pytest.mark.parametrize("word", [*sorted(RESERVED), "日本", "", "...", "\0", "a" * 500])
def test_every_id_made_from_a_file_name_is_valid(word: str) -> None:
    assert is_valid_id(id_from_file_name(f"{word}.tif"))


@pytest.mark.parametrize(
    "text", ["", "A", "-a", ".a", "a b", "a/b", "a\n", "é", "a" * 101, "1.0.0", "a\0", "api", "a@1"]
)
def test_an_id_that_would_break_an_address_is_refused(text: str) -> None:
    assert not is_valid_id(text)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("a\r\nSet-Cookie: b.tif", "aSet-Cookie: b.tif"),
        ("\u202egpj.tif", "gpj.tif"),
        ("\ud800.tif", ".tif"),
        ("\0", "upload"),
        ("x" * 400 + ".tif", "x" * 146 + ".tif"),
    ],
)
def test_a_file_name_is_made_fit_to_show(given: str, shown: str) -> None:
    assert display_file_name(given) == shown


@pytest.mark.parametrize(
    ("name", "title"),
    [("land_cover__2018.tif", "land cover 2018"), ("C:\\x\\dem.tiff", "dem"), (".tif", "Raster")],
)
def test_titles_are_for_people(name: str, title: str) -> None:
    assert title_from_file_name(name) == title
