"""Bounding boxes as text."""

from __future__ import annotations

import pytest

from repository.boxes import parse_box
from repository.errors import BadRequest


def test_a_box_may_be_in_metres() -> None:
    assert parse_box("500000,5400000,-501000.5,5401000") == (500000, 5400000, -501000.5, 5401000)


def test_heights_are_ignored() -> None:
    assert parse_box("1,2,-100,3,4,9000") == (1, 2, 3, 4)


@pytest.mark.parametrize("text", ["", "1,2,3", "a,b,c,d", "0,nan,1,1", "0,0,inf,1", "0,2,1,1"])
def test_what_is_no_box_is_refused(text: str) -> None:
    with pytest.raises(BadRequest) as caught:
        parse_box(text)
    assert caught.value.code == "invalid_bbox"
