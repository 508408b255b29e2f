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
_CLOCK = r"(?P<hour>[01]\d|2[0-3]):?(?P<minute>[0-5]\d):?(?P<second>[0-5]\d)"
_IN_NAME = re.compile(rf"(?<!\d){_DATE}(?:[T_ -]?{_CLOCK})?(?!\d)")

_DAY_OF_YEAR = r"(?P<year>19[7-9]\d|20\d\d)(?P<day>[0-3]\d\d)"
_OF_SENSING = (
    # Landsat scene id: sensor, satellite, path, row, year, day, station, version.
    re.compile(rf"(?<![A-Z0-9])L[CEMOT]\d\d{{6}}{_DAY_OF_YEAR}[A-Z]{{3}}\d\d(?!\d)"),
    # MODIS and VIIRS: MOD13Q1.A2016123.h18v04; AppEEARS: doy2016123.
    re.compile(rf"(?:(?<=\.A)|(?<=[._-]doy)){_DAY_OF_YEAR}(?!\d)"),
    # GOES: start of the scan, to tenths of a second.
    re.compile(rf"(?<=_s){_DAY_OF_YEAR}{_CLOCK}\d(?!\d)"),
)
"""Names of missions that say which of their times is the sensing; the others are of making."""

_SECONDS_BY_DAY_OF_YEAR = re.compile(rf"(?<!\d){_DAY_OF_YEAR}{_CLOCK}(?!\d)")
"""Thirteen digits cannot be anything else; seven (2016123) can: 3 December."""


def find_datetime(tags: Mapping[str, str], file_name: str, *, now: datetime | None = None) -> Found:
    """The time of sensing from dataset tags, else from the file name, else (None, None).

    Two different days in a name say nothing certain: such a name is not used. Never raises.
    """
    latest = (now or datetime.now(UTC)) + timedelta(days=366)
    for name in _SENSING_TAGS:
        for tag, value in tags.items():
            if _plain(tag) == name and (instant := _instant(value, latest)) is not None:
                return instant, "metadata"
    instant = date_in_name(file_name, latest)
    return instant, "filename" if instant else None


def date_in_name(file_name: str, latest: datetime) -> str | None:
    """The one instant up to `latest` that a name tells (RFC 3339); None where it tells none."""
    sensed = {
        _read_day_of_year(match, latest)
        for pattern in _OF_SENSING
        for match in pattern.finditer(file_name)
    }
    if instant := _the_one_day(sensed):
        return instant
    found = {_read(match, latest) for match in _IN_NAME.finditer(file_name)}
    by_day = _SECONDS_BY_DAY_OF_YEAR.finditer(file_name)
    return _the_one_day(found | {_read_day_of_year(match, latest) for match in by_day})


def _the_one_day(instants: set[str | None]) -> str | None:
    """The most exact of instants that are all of one day; None where they are not."""
    sound = sorted(instant for instant in instants if instant)
    return sound[-1] if len({instant[:10] for instant in sound}) == 1 else None


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


def _read_day_of_year(match: re.Match[str], latest: datetime) -> str | None:
    parts = {name: int(text) for name, text in match.groupdict(default="0").items()}
    clock = {name: parts.get(name, 0) for name in ("hour", "minute", "second")}
    instant = datetime(parts["year"], 1, 1, tzinfo=UTC) + timedelta(days=parts["day"] - 1)
    if instant.year != parts["year"] or instant.replace(**clock) > latest:  # type: ignore[arg-type]
        return None
    return _rfc3339(instant.replace(**clock))  # type: ignore[arg-type]


def _rfc3339(instant: datetime) -> str:
    """Without an offset the time is taken as UTC, as satellite products write it."""
    instant = instant.replace(tzinfo=instant.tzinfo or UTC).astimezone(UTC)
    return instant.isoformat().replace("+00:00", "Z")
