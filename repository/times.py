"""Times as users and protocols write them: RFC 3339 instants, dates and intervals."""

from __future__ import annotations

from datetime import UTC, datetime, time

from django.utils.dateparse import parse_date, parse_datetime

from repository.errors import BadRequest


def parse_instant(text: str, *, end_of_day: bool = False) -> datetime:
    """An aware UTC time from RFC 3339 text or a date. Raises BadRequest `invalid_datetime`."""
    try:
        # In a query string an unquoted + of a UTC offset has become a space.
        text = text.strip().replace(" ", "+") if "T" in text else text.strip()
        # The date first: from Python 3.11 on parse_datetime reads it too, as its midnight.
        date = parse_date(text)
        instant = parse_datetime(text) if date is None else None
        if instant is not None:
            instant = _in_utc(instant)
    except (ValueError, OverflowError):  # such as an offset that leaves the year 1
        instant = date = None
    if instant is None and date is not None:
        instant = datetime.combine(date, time.max if end_of_day else time.min, UTC)
    if instant is None:
        raise BadRequest(
            f"{text[:60]!r} is no date or time.",
            code="invalid_datetime",
            hint="Write 2024-08-24 or 2024-08-24T10:15:00Z; an interval as start/end.",
        )
    return instant


def parse_interval(text: str) -> tuple[str, str]:
    """Start and end of an instant or a closed interval, as RFC 3339 text.

    A date alone is its midnight: a product's time is a point unless an interval is given.
    """
    if "/" not in text:
        instant = format_instant(parse_instant(text))
        return instant, instant
    start, end = parse_range(text)
    if start is None or end is None:
        raise BadRequest("A product's time must have a start and an end.", code="invalid_datetime")
    return format_instant(start), format_instant(end)


def parse_range(text: str) -> tuple[datetime | None, datetime | None]:
    """Start and end of `datetime=` (OGC API Features, 7.15.4); None is open.

    A single date means that whole day.
    """
    first, separator, second = text.partition("/")
    if not separator:
        return parse_instant(first), parse_instant(first, end_of_day=True)
    start = None if first in ("", "..") else parse_instant(first)
    end = None if second in ("", "..") else parse_instant(second, end_of_day=True)
    if start is not None and end is not None and start > end:
        raise BadRequest("The interval ends before it starts.", code="invalid_datetime")
    return start, end


def _in_utc(instant: datetime) -> datetime:
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def format_instant(instant: datetime) -> str:
    """RFC 3339 in UTC with a Z; fractions only where there are any."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
