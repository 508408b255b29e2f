"""What readers of style files share: numbers, colours, and a definition that grows."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from repository.raster_info import BandInfo
from repository.rendering_style import Color
from repository.style_files.xml_reading import not_a_style

MAX_LABEL = 200


@dataclass
class Reading:
    """A style file on its way to a definition."""

    bands: Sequence[BandInfo] | None
    """Of the raster that the style is for, where there is one."""
    definition: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    """What the file says and a style of ours cannot."""
    title: str = ""

    def warn(self, sentence: str) -> None:
        """Say once what is lost."""
        if sentence not in self.warnings:
            self.warnings.append(sentence)

    def band(self, index: int) -> BandInfo | None:
        """The raster's band of that number."""
        return self.bands[index - 1] if self.bands and 1 <= index <= len(self.bands) else None


def number(text: str | None, what: str) -> float:
    """A number, infinite ones too. Raises BadRequest `invalid_style`."""
    try:
        value = float((text or "").strip())
    except ValueError:
        raise not_a_style(f"{what} is no number: {(text or '')[:40]!r}.") from None
    if math.isnan(value):
        raise not_a_style(f"{what} is not a number.")
    return value


def opacity_of(text: str | None, reading: Reading) -> float:
    """0 to 1; an absent one is 1. What is computed from data is left out with a warning."""
    if text is None or not text.strip():
        return 1.0
    return min(1.0, max(0.0, number(text, "The opacity")))


def color(text: str | None, alpha: float = 255) -> Color:
    """A colour from #rrggbb. Raises BadRequest `invalid_style`."""
    given = (text or "").strip()
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", given):
        raise not_a_style(f"{given[:40]!r} is no colour such as #1b7837.")
    red, green, blue = bytes.fromhex(given[1:])
    return red, green, blue, round(min(255.0, max(0.0, alpha)))


def faded(colour: Color, opacity: float) -> Color:
    """The colour under the opacity of its whole layer."""
    return *colour[:3], round(colour[3] * opacity)


def label(text: str | None) -> str:
    """A label of a fitting length."""
    return " ".join((text or "").split())[:MAX_LABEL]


Entry = tuple[float, Color, str]


def stops(entries: list[Entry], kind: str, reading: Reading) -> list[dict[str, Any]]:
    """Rising stops; of two at one value the later one counts. Endless ones only where they can."""
    rising: dict[float, Entry] = {}
    for entry in sorted(entries, key=lambda e: e[0]):
        if entry[0] in rising:
            reading.warn(f"There are two colours at {entry[0]:g}: the later one counts.")
        rising[entry[0]] = entry
    if math.inf in rising and kind == "stops":
        del rising[math.inf]
        reading.warn("A colour at infinity was left out.")
    if rising.pop(-math.inf, None) is not None:
        reading.warn("A colour at minus infinity was left out.")
    return [
        {"value": None if value == math.inf else value, "color": colour, "label": text}
        for value, colour, text in rising.values()
    ]


def classes(entries: list[Entry], reading: Reading) -> list[dict[str, Any]]:
    """Classes of whole numbers; others cannot be."""
    whole = [entry for entry in entries if entry[0].is_integer() and abs(entry[0]) < 2**63]
    if len(whole) < len(entries):
        count = len(entries) - len(whole)
        reading.warn(f"{count} classes of values that are no whole numbers were left out.")
    return [{"value": int(v), "color": colour, "label": text} for v, colour, text in whole]
