"""Numbers, times and sizes in words that people read."""

from __future__ import annotations

import math
from datetime import datetime

THIN_SPACE = "\u202f"
SIZE_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def number(value: float | int | None, digits: int = 4) -> str:
    """`digits` significant digits, thousands set apart by a narrow space: 1 965."""
    if value is None:
        return "none"
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("infinity" if value > 0 else "-infinity")
    if isinstance(value, int) or (float(value).is_integer() and abs(value) < 1e15):
        return f"{int(value):,}".replace(",", THIN_SPACE)
    if not 1e-4 <= abs(value) < 1e9:
        return f"{value:.{digits}g}"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace(",", THIN_SPACE)


def size(size_bytes: int) -> str:
    """A file's size in decimal units: 2.0 MB."""
    value, unit = float(size_bytes), SIZE_UNITS[0]
    for unit in SIZE_UNITS:
        if value < 1000 or unit == SIZE_UNITS[-1]:
            break
        value /= 1000
    return f"{value:.0f} {unit}" if value >= 10 or unit == "bytes" else f"{value:.1f} {unit}"


def day(instant: datetime) -> str:
    """11 Feb 2000; with the time of day where it is not midnight, in UTC."""
    text = f"{instant.day} {instant:%b %Y}"
    if (instant.hour, instant.minute, instant.second) in ((0, 0, 0), (23, 59, 59)):
        return text
    return f"{text}, {instant:%H:%M} UTC"


def period(start: datetime | None, end: datetime | None) -> str:
    """A product's time: an instant, or from one to another."""
    if start is None:
        return ""
    if end is None or end == start:
        return day(start)
    return f"{day(start)} to {day(end)}"


def duration(seconds: float) -> str:
    """0.4 s, 12 s, 3 min 20 s, 2 h 5 min."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def with_unit(value: float | int | None, unit: str) -> str:
    """1 965 m."""
    return f"{number(value)} {unit}".strip() if value is not None else "none"
