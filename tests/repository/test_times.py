from __future__ import annotations

from datetime import UTC, datetime

import pytest

from repository.errors import BadRequest
from repository.times import parse_instant, parse_interval, parse_range


@pytest.mark.parametrize(
    "text",
    [
        "2024-08-24T10:15:00Z",
        "2024-08-24T12:15:00+02:00",
        "2024-08-24T12:15:00 02:00",
        "2024-08-24T10:15:00",
        " 2024-08-24 10:15:00Z ",
    ],
)
def test_an_instant_is_read_in_utc(text: str) -> None:
    assert parse_instant(text) == datetime(2024, 8, 24, 10, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2024-13-01",
        "2024-02-30T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "\0",
        "99999-01-01",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(BadRequest) as refused:
        parse_instant(text)
    assert refused.value.code == "invalid_datetime"


def test_a_date_asks_for_its_whole_day() -> None:
    start, end = parse_range("2024-08-24")
    assert start == datetime(2024, 8, 24, tzinfo=UTC)
    assert end == datetime(2024, 8, 24, 23, 59, 59, 999999, tzinfo=UTC)


@pytest.mark.parametrize("text", ["../2024-08-24", "/2024-08-24"])
def test_a_range_may_be_open_at_its_start(text: str) -> None:
    assert parse_range(text)[0] is None


def test_a_range_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(BadRequest, match="ends before"):
        parse_range("2024-08-25/2024-08-24")


@pytest.mark.parametrize("text", ["../2024-08-24", "2024-08-24/..", "../..", "a/b/c"])
def test_a_products_interval_must_be_closed(text: str) -> None:
    with pytest.raises(BadRequest):
        parse_interval(text)


def test_a_products_date_is_its_midnight() -> None:
    assert parse_interval("2024-08-24") == ("2024-08-24T00:00:00Z",) * 2
