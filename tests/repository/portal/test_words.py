"""Numbers, sizes and times as people read them."""

from datetime import UTC, datetime

import pytest

from repository.portal import words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1965, "1\u202f965"),
        (1965.0, "1\u202f965"),
        (0.123456, "0.1235"),
        (-3.5, "-3.5"),
        (1e-7, "1e-07"),
        (123456.78, "123\u202f457"),
        (float("nan"), "NaN"),
        (None, "none"),
    ],
)
def test_numbers_have_few_digits_and_narrow_spaces(value: float | None, text: str) -> None:
    assert words.number(value) == text


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(374, "374 bytes"), (1_960_000, "2.0 MB"), (19_100, "19 kB"), (50 * 10**9, "50 GB")],
)
def test_sizes_are_decimal(size_bytes: int, text: str) -> None:
    assert words.size(size_bytes) == text


def test_midnight_is_a_date_alone() -> None:
    assert words.day(datetime(2000, 2, 11, tzinfo=UTC)) == "11 Feb 2000"
    assert words.day(datetime(2000, 2, 11, 9, 5, tzinfo=UTC)) == "11 Feb 2000, 09:05 UTC"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.42, "0.4 s"), (59.6, "1 min"), (200, "3 min 20 s"), (7500, "2 h 5 min")],
)
def test_durations_have_two_units_at_most(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text
