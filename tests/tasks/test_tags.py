from __future__ import annotations

import pytest

from tasks.tags import (
    MAX_CHARACTERS,
    MAX_KEY_CHARACTERS,
    MAX_TAGS,
    MAX_VALUE_CHARACTERS,
    kept_tags,
    plain_text,
)


def test_the_words_of_the_uploader_are_kept() -> None:
    tags = {"TITLE": "Alps", "NC_GLOBAL#history": "made\nby hand", "TIFFTAG_ARTIST": "Ötzi"}
    assert kept_tags(tags) == tags


@pytest.mark.parametrize(
    "key", ["OVERVIEW_FILE", "STATISTICS_MAXIMUM", "AREA_OR_POINT", "x_dataset", "t#DIMENSION_LIST"]
)
def test_notes_of_gdal_are_not_kept(key: str) -> None:
    assert kept_tags({key: "1"}) == {}


def test_tags_are_bounded_in_number_and_length() -> None:
    many = kept_tags({f"k{i}": "v" for i in range(100_000)})
    assert len(many) == MAX_TAGS
    long = kept_tags({"k" * 5000: "v" * 5_000_000})
    ((key, value),) = long.items()
    assert (len(key), len(value)) == (MAX_KEY_CHARACTERS, MAX_VALUE_CHARACTERS)
    total = kept_tags({f"k{i}": "v" * 1000 for i in range(MAX_TAGS)})
    assert sum(len(k) + len(v) for k, v in total.items()) <= MAX_CHARACTERS


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("bell\x07 esc\x1b[31m nul\0", "bell esc[31m nul"),
        ("right\u202efit.exe.tif", "rightfit.exe.tif"),
        ("\udcff broken", "? broken"),
        ("line\nand\ttab", "line\nand\ttab"),
        ("  edges  ", "edges"),
        ("x" * 11, "xxxxxxxxx…"),
    ],
)
def test_text_is_made_plain(text: str, plain: str) -> None:
    assert plain_text(text, 10 if text.startswith("x") else 100) == plain
