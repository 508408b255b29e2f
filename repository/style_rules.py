"""What makes a style fit to be drawn: every rule, with the sentence that says what is wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from repository.errors import BadRequest
from repository.formulas import parse_formula
from repository.raster_info import BandInfo
from repository.rendering_style import RAMPS, ClassColor, ColorStop, RenderingStyle

MAX_STOPS = 1_000
MAX_CLASSES = 5_000
"""A tile server keeps hundreds of styles in memory."""
MAX_BAND = 65_535
LARGEST = 1e300

KINDS = ("rgb", "ramp", "stops", "intervals", "classes")


def checked_style(
    data: dict[str, Any], bands: Sequence[BandInfo] | None, name: str = "default"
) -> RenderingStyle:
    """The style that `data` describes, for a raster with these bands; None: of any raster.

    With a formula, `bands` of the style are those that it names, whatever was given.
    Raises BadRequest `invalid_style`, `invalid_formula`.
    """
    values = {"bands": []} | data | {"name": name}
    formula = values.get("formula") or ""
    if formula:
        values["bands"] = parse_formula(str(formula)).bands
    try:
        style = RenderingStyle.from_json(values)
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise _bad(f"The style cannot be read: {error}.") from None
    _check_kind(style)
    _check_bands(style, bands)
    _check_stretch(style)
    _check_colours(style)
    return style


def fits(style: dict[str, Any], band_count: int) -> bool:
    """Whether a stored style names no band that a raster of so many bands lacks."""
    return all(1 <= band <= band_count for band in style["bands"])


def _check_kind(style: RenderingStyle) -> None:
    if style.kind not in KINDS:
        raise _bad(f"There is no kind {style.kind!r} of styles: there are {', '.join(KINDS)}.")
    if style.formula and style.kind in ("rgb", "classes"):
        raise _bad(f"A style of kind {style.kind!r} takes no formula: use ramp, stops or "
                   "intervals.")  # fmt: skip
    wanted = 3 if style.kind == "rgb" else 1
    if not style.formula and len(style.bands) != wanted:
        raise _bad(f"A style of kind {style.kind!r} does not have {len(style.bands)} bands.")
    if style.outside not in ("clamp", "transparent"):
        raise _bad("outside is clamp or transparent.")
    if style.resampling not in ("nearest", "bilinear", "average", "mode"):
        raise _bad("resampling is nearest, bilinear, average or mode.")


def _check_bands(style: RenderingStyle, bands: Sequence[BandInfo] | None) -> None:
    most = MAX_BAND if bands is None else len(bands)
    if all(isinstance(b, int) and not isinstance(b, bool) and 1 <= b <= most for b in style.bands):
        return
    there = f"The bands must lie between 1 and {most}."
    named = [f"b{b.index} is {b.description}" for b in bands or () if b.description][:20]
    raise _bad(there + (f" Here {', '.join(named)}." if named else ""))


def _check_stretch(style: RenderingStyle) -> None:
    wanted = 3 if style.kind == "rgb" else 1
    if style.stretch and len(style.stretch) != wanted:
        raise _bad("The stretch needs one low and high for each band.")
    if not all(_is_number(n) for pair in style.stretch for n in pair):
        raise _bad("The stretch must be made of numbers.")
    if any(low >= high for low, high in style.stretch):
        raise _bad("Each stretch needs a low that is less than its high.")
    if style.kind == "ramp" and style.formula and not style.stretch:
        raise _bad("A ramp of a formula needs a stretch: the low and the high of its values.")


def _check_colours(style: RenderingStyle) -> None:
    if style.ramp.lower().removesuffix("_r") not in RAMPS:
        raise _bad(f"There is no colour ramp {style.ramp[:50]!r}.")
    if len(style.classes) > MAX_CLASSES:
        raise _bad(f"A style has {MAX_CLASSES:,} classes at most.")
    entries: list[ClassColor | ColorStop] = [*style.classes, *style.stops]
    if not all(_is_colour(entry.color) for entry in entries):
        raise _bad("A colour is red, green, blue and alpha, each 0 to 255.")
    if not all(isinstance(entry.label, str) and len(entry.label) <= 200 for entry in entries):
        raise _bad("A label is a text of 200 characters at most.")
    if style.kind in ("stops", "intervals"):
        _check_stops(style)


def _check_stops(style: RenderingStyle) -> None:
    fewest = 2 if style.kind == "stops" else 1
    if not fewest <= len(style.stops) <= MAX_STOPS:
        raise _bad(f"A style of kind {style.kind!r} has {fewest} to {MAX_STOPS:,} stops.")
    values = [stop.value for stop in style.stops]
    has_open_end = style.kind == "intervals" and values[-1] == math.inf
    if not all(_is_number(value) for value in values[: len(values) - has_open_end]):
        raise _bad("The stops must be numbers; of intervals the last one may be null.")
    if any(low >= high for low, high in pairwise(values)):
        raise _bad("The stops must rise from each to the next.")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < LARGEST


def _is_colour(color: Any) -> bool:
    return len(color) == 4 and all(isinstance(part, int) and 0 <= part <= 255 for part in color)


def _bad(detail: str) -> BadRequest:
    return BadRequest(detail, code="invalid_style", hint="Start from the style that GET shows.")
