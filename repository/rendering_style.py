"""How pixels become a picture: the stored style that every renderer obeys."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal

Resampling = Literal["nearest", "bilinear", "average", "mode"]
StyleKind = Literal["rgb", "ramp", "stops", "intervals", "classes"]
Color = tuple[int, int, int, int]
"""Red, green, blue, alpha, 0 to 255 each."""

RAMPS = frozenset(
    {
        "viridis", "cividis", "inferno", "magma", "plasma", "gray", "greys", "blues", "greens",
        "oranges", "purples", "reds", "bone", "copper", "cubehelix", "hot", "cool", "pink",
        "bugn", "bupu", "gnbu", "orrd", "pubu", "pubugn", "purd", "rdpu", "ylgn", "ylgnbu",
        "ylorbr", "ylorrd", "brbg", "piyg", "prgn", "puor", "rdbu", "rdgy", "rdylbu", "rdylgn",
        "spectral", "coolwarm", "bwr", "seismic", "terrain", "gist_earth", "topo", "algae", "amp",
        "balance", "curl", "deep", "delta", "dense", "diff", "haline", "ice", "matter", "oxy",
        "rain", "solar", "speed", "tarn", "tempo", "thermal", "turbid", "turbo", "twilight",
    }
)  # fmt: skip
"""Colour ramps that can be drawn; with `_r` behind the name they run the other way."""


@dataclass(frozen=True)
class ClassColor:
    """One class of a legend: the value in the file, its colour and its name."""

    value: int
    color: Color
    label: str = ""


@dataclass(frozen=True)
class ColorStop:
    """One place on a scale of colours."""

    value: float
    """Of intervals the upper end, which belongs to it; infinite (null in JSON) for the last one:
    whatever lies above."""
    color: Color
    label: str = ""


ADDED_LATER: dict[str, Any] = {"stops": (), "formula": "", "outside": "clamp"}
"""Fields that stored styles of earlier releases lack, and what they mean there. Left out of JSON
at these values, so that a style that does not use them keeps its digest."""


@dataclass(frozen=True)
class RenderingStyle:
    """Bands, stretch and colours; complete, so that drawing never looks at statistics."""

    kind: StyleKind
    """rgb: three bands as red, green, blue; ramp: one value through a named colour ramp;
    stops: one value through colours of its own, blended from stop to stop; intervals: one
    value, one colour for each range; classes: one band through a table of colours."""
    bands: tuple[int, ...]
    """Band numbers from 1: three for rgb, else one, or those of the formula, rising."""
    stretch: tuple[tuple[float, float], ...] = ()
    """(low, high) for each value that is drawn, shown as 0 and 255; in stored values, or in the
    formula's. Empty: as they are."""
    ramp: str = "viridis"
    """Name of the colour ramp, of kind "ramp" alone."""
    classes: tuple[ClassColor, ...] = ()
    """Of kind "classes" alone; a value that is not listed is transparent."""
    resampling: Resampling = "nearest"
    title: str = ""
    unit: str = ""
    name: str = "default"
    stops: tuple[ColorStop, ...] = ()
    """Of the kinds "stops" and "intervals", rising; like `stretch` in stored values or in the
    formula's."""
    formula: str = ""
    """The value that is drawn instead of the band's own: see `repository.formulas`. It works on
    physical values, with each band's scale and offset applied."""
    outside: Literal["clamp", "transparent"] = "clamp"
    """What lies beyond the ends of the stretch or of the stops: the colour of the end, or
    nothing. Of intervals this is what lies above the last one."""

    @cached_property
    def digest(self) -> str:
        """Names what is drawn: equal styles have equal ones, in every process and version."""
        text = json.dumps(self.to_json(), sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """A dictionary of JSON types."""
        data = asdict(self)
        for name, usual in ADDED_LATER.items():
            if data[name] == usual:
                del data[name]
        for stop in data.get("stops", ()):
            if stop["value"] == math.inf:
                stop["value"] = None
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> RenderingStyle:
        """The inverse of `to_json`."""
        values = dict(data)
        values["bands"] = tuple(data["bands"])
        values["stretch"] = tuple((low, high) for low, high in data.get("stretch", ()))
        values["classes"] = tuple(
            ClassColor(value=c["value"], color=tuple(c["color"]), label=c.get("label", ""))
            for c in data.get("classes", ())
        )
        values["stops"] = tuple(
            ColorStop(math.inf if s["value"] is None else float(s["value"]), tuple(s["color"]),
                      s.get("label", ""))
            for s in data.get("stops", ())
        )  # fmt: skip
        return cls(**values)
