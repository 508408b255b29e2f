"""What is asked of a coverage: the parameters of OGC API Coverages, checked and frozen.

Part and scale follow the draft 19-087: `bbox`, `subset`, `scale-size`, `scale-factor`,
`scale-axes`, `properties` and `datetime`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from repository.boxes import parse_box
from repository.errors import BadRequest
from repository.raster_info import Bounds

AXES = {
    "x": "x", "e": "x", "easting": "x", "y": "y", "n": "y", "northing": "y",
    "lon": "lon", "long": "lon", "longitude": "lon", "lat": "lat", "latitude": "lat",
    "time": "time", "datetime": "time",
}  # fmt: skip
"""Names of axes: x and y in the raster's own CRS, lon and lat in degrees of CRS84."""

PARAMETERS = (
    "f", "bbox", "bbox-crs", "subset", "scale-size", "scale-factor", "scale-axes",
    "properties", "range-subset", "datetime",
)  # fmt: skip

MAX_SIDE = 100_000

CRS_NAME = re.compile(
    r"(?i)(https?://www\.opengis\.net/def/crs/|urn:(ogc|x-ogc):def:crs:)[\w./:-]{1,80}"
    r"|\[?[a-z]\w{1,19}:[\w.]{1,20}\]?"
)
"""URI, URN or (safe) CURIE (OGC 09-048r5). PROJ would also take paths of files for one."""


@dataclass(frozen=True)
class Interval:
    """A part of an axis; None is open. Equal ends are a point."""

    low: float | None
    high: float | None


@dataclass(frozen=True)
class CoverageRequest:
    """One request. Empty fields ask for all there is."""

    bbox: Bounds | None = None
    """left, bottom, right, top in `bbox_crs`, in the axis order of that CRS."""
    bbox_crs: str = ""
    """Empty: CRS84."""
    subset: Mapping[str, Interval] = field(default_factory=dict)
    """By axis: x, y, lon, lat."""
    datetime: str = ""
    bands: tuple[str, ...] = ()
    """Names or numbers, as written."""
    sizes: Mapping[str, float] = field(default_factory=dict)
    """Wanted cells along x and y."""
    factors: Mapping[str, float] = field(default_factory=dict)
    """What the number of cells along x and y is divided by."""


def parse_coverage_request(items: Iterable[tuple[str, str]]) -> CoverageRequest:
    """The request of a query string's (name, value) pairs. Raises BadRequest."""
    given = _known_parameters(items)
    subset, times = _subset(given.get("subset", []))
    return CoverageRequest(
        bbox=parse_box(given["bbox"][-1]) if "bbox" in given else None,
        bbox_crs=_crs_name(given.get("bbox-crs", [""])[-1]),
        subset=subset,
        datetime=given.get("datetime", [times])[-1],
        bands=tuple(
            name.strip()
            for text in (*given.get("properties", ()), *given.get("range-subset", ()))
            for name in text.split(",")
            if name.strip()
        ),
        sizes=_along_axes("scale-size", given.get("scale-size", [])),
        factors=_factors(given),
    )


def _known_parameters(items: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Values by name; GDAL and older drafts write scaleSize for scale-size."""
    spellings = {name.replace("-", ""): name for name in PARAMETERS}
    given: dict[str, list[str]] = {}
    for name, value in items:
        plain = name.lower().replace("-", "").replace("_", "")
        if plain not in spellings:
            raise BadRequest(f"Coverages have no parameter {name[:50]!r}.",
                             code="unknown_parameter",
                             hint=f"They have {', '.join(PARAMETERS)}.")  # fmt: skip
        given.setdefault(spellings[plain], []).append(value)
    return given


def _crs_name(text: str) -> str:
    if text and not CRS_NAME.fullmatch(text):
        raise BadRequest(f"bbox-crs {text[:80]!r} is no name of a coordinate reference system.",
                         code="unknown_crs", hint="For example [EPSG:3857]")  # fmt: skip
    return text


def _calls(parameter: str, texts: list[str]) -> list[tuple[str, str]]:
    """(axis, argument) pairs of `Lat(40:50),Lon(10:20)`; the axis as AXES names it."""
    pairs = []
    for text in texts:
        if not re.fullmatch(r"\s*[^,()]+\([^()]*\)(\s*,\s*[^,()]+\([^()]*\))*\s*", text):
            raise BadRequest(f"{parameter} must be written axis(...),axis(...).",
                             code=f"invalid_{parameter.replace('-', '_')}",
                             hint="For example subset=Lat(48.5:51.1),Lon(12.1:18.9)"
                                  " or scale-size=x(256),y(256)")  # fmt: skip
        for name, argument in re.findall(r"([^,()]+)\(([^()]*)\)", text):
            axis = AXES.get(name.strip().lower())
            if axis is None:
                raise BadRequest(f"There is no axis {name.strip()[:50]!r}.", code="unknown_axis",
                                 hint="The axes are Lat and Lon in degrees, x and y (or E and N)"
                                      " in the coverage's own CRS, and time.")  # fmt: skip
            pairs.append((axis, argument.strip()))
    return pairs


def _subset(texts: list[str]) -> tuple[dict[str, Interval], str]:
    """Intervals by spatial axis, and the interval of time as `datetime` writes it."""
    intervals: dict[str, Interval] = {}
    times = ""
    for axis, argument in _calls("subset", texts):
        if axis == "time":
            times = re.sub(r'"\s*:\s*"', "/", argument).strip('"').replace("*", "..")
            continue
        low, _, high = argument.partition(":")
        interval = Interval(_bound(low), _bound(high if ":" in argument else low))
        # Longitudes may end before they start: over the antimeridian.
        if axis != "lon" and _is_backwards(interval):
            raise BadRequest(f"The subset along {axis} ends before it starts.",
                             code="invalid_subset")  # fmt: skip
        intervals[axis] = interval
    return intervals, times


def _is_backwards(interval: Interval) -> bool:
    low, high = interval.low, interval.high
    return low is not None and high is not None and low > high


def _bound(text: str) -> float | None:
    text = text.strip().strip('"')
    if text in ("*", ""):
        return None
    return _number("subset", text, least=-math.inf)


def _along_axes(parameter: str, texts: list[str]) -> dict[str, float]:
    """Positive numbers by x and y."""
    found = {}
    for axis, argument in _calls(parameter, texts):
        if axis == "time":
            raise BadRequest("Time cannot be scaled.", code="unknown_axis")
        number = _number(parameter, argument)
        if parameter == "scale-size" and not (number.is_integer() and number <= MAX_SIDE):
            raise BadRequest(f"scale-size takes whole numbers up to {MAX_SIDE}.",
                             code="invalid_scale_size")  # fmt: skip
        found[{"lon": "x", "lat": "y"}.get(axis, axis)] = number
    return found


def _factors(given: dict[str, list[str]]) -> dict[str, float]:
    factors = _along_axes("scale-axes", given.get("scale-axes", []))
    if "scale-factor" in given:
        both = _number("scale-factor", given["scale-factor"][-1])
        factors = {"x": both, "y": both} | factors
    return factors


def _number(parameter: str, text: str, *, least: float = 0.0) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or number <= least:
        raise BadRequest(f"{parameter}: {text[:50]!r} is no number that fits here.",
                         code=f"invalid_{parameter.replace('-', '_')}")  # fmt: skip
    return number
