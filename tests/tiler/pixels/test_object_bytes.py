"""How ranges become requests: few, and none that costs more than it saves."""

from __future__ import annotations

import pytest

from tiler.pixels.object_bytes import MAX_REQUEST_BYTES, NEAR_BYTES, spans_of

MB = 2**20


@pytest.mark.parametrize(("ranges", "spans"), [
    ([(100, 10)], [(100, 10)]),
    ([(100, 10), (110, 10), (120, 5)], [(100, 25)]),
    ([(120, 5), (100, 10), (110, 10)], [(100, 25)]),
    ([(0, 10), (10 + NEAR_BYTES, 10)], [(0, 20 + NEAR_BYTES)]),
    ([(0, 10), (11 + NEAR_BYTES, 10)], [(0, 10), (11 + NEAR_BYTES, 10)]),
    ([(0, 10), (0, 10)], [(0, 10)]),
], ids=str)  # fmt: skip
def test_neighbours_are_one_request(ranges: list, spans: list) -> None:
    assert spans_of(ranges) == spans


def test_of_three_rows_the_nearer_two_are_one_request() -> None:
    assert spans_of([(0, 10), (3 * MB, 10), (5 * MB, 10)]) == [(0, 10), (3 * MB, 2 * MB + 10)]


def test_what_would_be_too_much_stays_apart() -> None:
    ranges = [(row * MAX_REQUEST_BYTES, 1000) for row in range(4)]
    assert spans_of(ranges) == ranges


def test_many_distant_ranges_bring_nothing_along() -> None:
    ranges = [(row * MB, 1000) for row in range(40)]
    assert spans_of(ranges) == ranges


def test_a_request_has_a_greatest_size() -> None:
    ranges = [(n * MB, MB) for n in range(20)]
    assert spans_of(ranges) == [(0, 8 * MB), (8 * MB, 8 * MB), (16 * MB, 4 * MB)]
