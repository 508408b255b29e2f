"""Finds when a raster was sensed, only where tags or the file name say it unmistakably."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal

from repository.errors import BadRequest

Found = tuple[str | None, Literal["metadata", "filename"] | None]
"""An RFC 3339 instant in UTC and where it comes from."""

_SENSING_TAGS = (
    "ACQUISITIONDATETIME", "ACQUISITIONDATE", "DATEACQUIRED", "SENSINGTIME", "SENSINGSTART",
    "DATATAKESENSINGSTART", "STARTSENSINGTIME", "PRODUCTSTARTTIME", "TIMECOVERAGESTART",
    "SCENECENTERTIME", "IMAGINGTIME", "IMAGEDATETIME", "OBSERVATIONDATE",
)  # fmt: skip
"""Tag names without case, separators and prefixes (`NC_GLOBAL#`). TIFFTAG_DATETIME is not among
them: it tells when the file was written (TIFF 6.0, tag 306)."""

_DATE = r"(?P<year>19[7-9]\d|20\d\d)(?P<dash>[-_.]?)(?P<month>\d\d)(?P=dash)(?P<day>\d\d)"
_TIME = r"(?:[T_ -](?P<hour>[01]\d|2[0-3]):?(?P<minute>[0-5]\d):?(?P<second>[0-5]\d))?"
_IN_NAME = re.compile(rf"(?<!\d){_DATE}{_TIME}(?!\d)")


def find_datetime(tags: Mapping[str, str], file_name: str, *, now: datetime | None = None) -> Found:
    """The time of sensing from dataset tags, else from the file name, else (None, None).

    Two different dates in a name say nothing certain: such a name is not used.
    """
    latest = (now or datetime.now(UTC)) + timedelta(days=366)
    for name in _SENSING_TAGS:
        for tag, value in tags.items():
            if _plain(tag) == name and (instant := _instant(value, latest)) is not None:
                return instant, "metadata"
    found = {instant for match in _IN_NAME.finditer(file_name) if (instant := _read(match, latest))}
    days = {instant[:10] for instant in found}
    if len(days) == 1:
        return max(found), "filename"
    return None, None


def parse_answer(answer: object) -> str:
    """An owner's RFC 3339 instant as we keep it. Raises BadRequest `invalid_answer`."""
    try:
        if not isinstance(answer, str):
            raise ValueError(answer)
        instant = datetime.fromisoformat(answer.strip().replace("Z", "+00:00"))
    except ValueError as error:
        raise BadRequest(
            "The answer `datetime` is not valid.",
            code="invalid_answer",
            hint="Write it as 2024-08-24T10:30:00Z (RFC 3339).",
        ) from error
    return _rfc3339(instant)


def _plain(tag: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", tag.rsplit("#", 1)[-1].upper()).removeprefix("TIFFTAG")


def _instant(value: str, latest: datetime) -> str | None:
    try:
        instant = datetime.fromisoformat(value.strip().strip('"').replace("Z", "+00:00"))
    except ValueError:
        match = _IN_NAME.search(value.strip())
        return _read(match, latest) if match else None
    instant = instant.replace(tzinfo=instant.tzinfo or UTC)
    return _rfc3339(instant) if datetime(1970, 1, 1, tzinfo=UTC) <= instant <= latest else None


def _read(match: re.Match[str], latest: datetime) -> str | None:
    parts = match.groupdict(default="0")
    numbers = (parts[n] for n in ("year", "month", "day", "hour", "minute", "second"))
    try:
        instant = datetime(*(int(number) for number in numbers), tzinfo=UTC)  # type: ignore[misc, arg-type]
    except ValueError:
        return None
    return _rfc3339(instant) if instant <= latest else None


def _rfc3339(instant: datetime) -> str:
    """Without an offset the time is taken as UTC, as satellite products write it."""
    instant = instant.replace(tzinfo=instant.tzinfo or UTC).astimezone(UTC)
    return instant.isoformat().replace("+00:00", "Z")
