"""The owner's answers to what a file did not say: checked before the work goes on."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from repository.coordinate_systems import normalised, parse_crs
from repository.errors import BadRequest
from repository.findings import Findings
from repository.times import format_instant, parse_instant

QUESTIONS = {
    "crs_missing": ("crs",),
    "bounds_missing": ("bounds",),
    "choose_subdatasets": ("subdatasets",),
}
"""What each question asks for."""
FIELDS = ("subdatasets", "crs", "bounds", "nodata", "datetime")
EVERYTHING = "*"
"""The one choice that names all."""


class InvalidAnswer(BadRequest):
    """An answer that cannot be used; `field` says which."""

    code = "invalid_answer"

    def __init__(self, field: str, detail: str, *, hint: str = "") -> None:
        super().__init__(detail, hint=hint)
        self.field = field


def checked(answers: dict[str, Any], found: Findings | None = None) -> dict[str, Any]:
    """The answers, normalised: crs as code or WKT, datetime in UTC, nodata as number or "nan".

    Raises BadRequest `empty_answer` for none at all, InvalidAnswer, or `invalid_datetime`.
    `found` tells what may be chosen.
    """
    if not answers:
        raise BadRequest("The answer is empty.", code="empty_answer",
                         hint=f"Send one or more of {', '.join(FIELDS)}.")  # fmt: skip
    result = dict(answers)
    if "crs" in result:
        result["crs"] = _crs(result["crs"])
    if "bounds" in result:
        result["bounds"] = _bounds(result["bounds"])
    if "nodata" in result:
        result["nodata"] = parse_nodata(result["nodata"])
    if "datetime" in result:
        result["datetime"] = format_instant(parse_instant(result["datetime"]))
    if "subdatasets" in result:
        result["subdatasets"] = _choice(result["subdatasets"], found or Findings())
    return result


def asked_fields(error: dict[str, Any] | None, answers: dict[str, Any]) -> set[str]:
    """Which answers a job with this error waits for, where `answers` have been given before.

    A file without any georeference needs the bounds, too, which its hint says; an answer that
    could not be used is asked for again.
    """
    error = error or {}
    code = str(error.get("code", ""))
    if code == "invalid_answer":
        named = refused_field(error)
        return {named} if named else set(answers) & set(FIELDS) or {"crs"}
    asked = set(QUESTIONS.get(code, ()))
    if "crs" in asked and "bounds" not in answers and "bounds" in str(error.get("hint", "")):
        asked.add("bounds")
    return asked


def refused_field(error: dict[str, Any]) -> str:
    """The answer that an `invalid_answer` names between backticks; empty where it names none."""
    named = re.findall(r"`(\w+)`", str(error.get("message", "")))
    return next((name for name in named if name in FIELDS), "")


def parse_nodata(value: Any) -> float | int | str:
    """A finite number, or "nan". Raises InvalidAnswer."""
    if isinstance(value, str):
        text = value.strip().lower()
        if text == "nan":
            return "nan"
        value = _number(text)
    if isinstance(value, bool) or not isinstance(value, int | float) or _is_endless(value):
        raise InvalidAnswer("nodata", "This is no number.", hint="Write a number, or nan.")
    return "nan" if math.isnan(value) else value


def _is_endless(value: int | float) -> bool:
    """Whether it is larger than any float: infinite, or an integer of hundreds of digits."""
    try:
        return math.isinf(value)
    except OverflowError:
        return True


def _number(text: str) -> float | int | None:
    try:
        return int(text) if re.fullmatch(r"[+-]?[0-9]{1,30}", text) else float(text)
    except ValueError:
        return None


def _crs(value: Any) -> str:
    text = f"EPSG:{value}" if isinstance(value, int) else normalised(str(value))
    try:
        parse_crs(text)
    except BadRequest as error:
        raise InvalidAnswer("crs", error.detail, hint=error.hint) from None
    return text


def _bounds(value: Any) -> list[float]:
    hint = "Write left, bottom, right, top in the units of the coordinate system."
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 4:
        raise InvalidAnswer("bounds", "The bounds are four numbers.", hint=hint)
    if not all(isinstance(n, int | float) and not (_is_endless(n) or math.isnan(n)) for n in value):
        raise InvalidAnswer("bounds", "The bounds are four numbers.", hint=hint)
    left, bottom, right, top = value
    if left >= right or bottom >= top:
        raise InvalidAnswer("bounds", "Left must be less than right, and bottom less than top.",
                            hint=hint)  # fmt: skip
    return [float(number) for number in value]


def _choice(value: Any, found: Findings) -> list[str]:
    chosen = list(dict.fromkeys(str(entry) for entry in value))
    if not chosen:
        raise InvalidAnswer("subdatasets", "Nothing is chosen.", hint='Name some, or "*" for all.')
    if EVERYTHING in chosen:
        return [EVERYTHING]
    known = {option.id for option in found.options}
    strange = [entry for entry in chosen if known and entry not in known]
    if strange:
        raise InvalidAnswer("subdatasets", f"There is no {strange[0][:60]!r} in this upload.",
                            hint="The ids are those of error.options.")  # fmt: skip
    return chosen
