"""Finds when the values of an open raster hold: time coordinates of CF, valid times of GRIB."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import rasterio

_UNITS = re.compile(
    r"^\s*(second|sec|s|minute|min|hour|hr|h|day|d)s?\s+since\s+"
    r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ]+(\d{1,2}):(\d{1,2})(?::(\d{1,2}))?(?:\.\d*)?)?"
    r"\s*(?:Z|UTC|\+?00:?00)?\s*$",
    re.IGNORECASE,
)
"""CF Conventions 1.11, 4.4.1."""
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_CALENDARS = ("", "standard", "gregorian", "proleptic_gregorian")
"""Calendars without leap days name instants that never were."""
_EXTRA_DIMENSION = "NETCDF_DIM_"


def sensing_time(dataset: rasterio.DatasetReader) -> str | None:
    """The one instant of all bands (RFC 3339, UTC); None where there is none, or several."""
    common = dataset.tags()
    times = {tagged_time(dataset.tags(index), common) for index in dataset.indexes}
    return times.pop() if len(times) == 1 else None


def tagged_time(tags: Mapping[str, str], common: Mapping[str, str]) -> str | None:
    """The instant of a band, by its tags and those of the dataset (`common`)."""
    if "GRIB_VALID_TIME" in tags:
        match = re.match(r"\s*(-?\d+)", tags["GRIB_VALID_TIME"])
        return _instant(datetime(1970, 1, 1, tzinfo=UTC), int(match.group(1))) if match else None
    for key, value in tags.items():
        if key.startswith(_EXTRA_DIMENSION):
            name = key.removeprefix(_EXTRA_DIMENSION)
            if (instant := _cf_time(common, name, value)) is not None:
                return instant
    return None


def _cf_time(tags: Mapping[str, str], dimension: str, value: str) -> str | None:
    units = _attribute(tags, dimension, "units")
    match = _UNITS.match(units)
    if match is None or _attribute(tags, dimension, "calendar").lower() not in _CALENDARS:
        return None
    year, month, day, hour, minute, second = (int(n or 0) for n in match.groups()[1:])
    try:
        start = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        return _instant(start, float(value) * _SECONDS[match.group(1)[0].lower()])
    except ValueError:
        return None


def _attribute(tags: Mapping[str, str], name: str, attribute: str) -> str:
    """Of a coordinate variable, in whatever group it is."""
    wanted = f"{name}#{attribute}"
    return next((v for k, v in tags.items() if k == wanted or k.endswith(f"/{wanted}")), "")


def _instant(start: datetime, seconds: float) -> str | None:
    """Climatologies count from year 1 or lie far ahead: they are no time of sensing."""
    try:
        instant = start + timedelta(seconds=round(seconds))
    except (OverflowError, ValueError):
        return None
    return instant.isoformat().replace("+00:00", "Z") if 1800 <= instant.year <= 2200 else None
