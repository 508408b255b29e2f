"""How pixels become a picture: the stored style that every renderer obeys."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal

Resampling = Literal["nearest", "bilinear", "average", "mode"]


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
    color: tuple[int, int, int, int]
    label: str = ""


@dataclass(frozen=True)
class RenderingStyle:
    """Bands, stretch and colours; complete, so that drawing never looks at statistics."""

    kind: Literal["rgb", "ramp", "classes"]
    """rgb: three bands as red, green, blue; ramp: one band through a colour ramp;
    classes: one band through a table of colours."""
    bands: tuple[int, ...]
    """Band numbers from 1: three for rgb, else one."""
    stretch: tuple[tuple[float, float], ...] = ()
    """(low, high) in stored values for each of `bands`, shown as 0 and 255. Empty: as they are."""
    ramp: str = "viridis"
    """Name of the colour ramp, of kind "ramp" alone."""
    classes: tuple[ClassColor, ...] = ()
    """Of kind "classes" alone; a value that is not listed is transparent."""
    resampling: Resampling = "nearest"
    title: str = ""
    unit: str = ""
    name: str = "default"

    @cached_property
    def digest(self) -> str:
        """Names what is drawn: equal styles have equal ones, in every process and version."""
        text = json.dumps(self.to_json(), sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """A dictionary of JSON types."""
        return asdict(self)

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
        return cls(**values)
