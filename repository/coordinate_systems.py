"""Coordinate systems as people name them: by a code or as WKT, found by words of their name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import pyproj
from pyproj.database import CRSInfo, query_crs_info
from pyproj.enums import PJType
from pyproj.exceptions import CRSError, ProjError

from repository.errors import BadRequest

MAX_TEXT = 20_000
EARTH_RADIUS_METRES = (6.3e6, 6.5e6)
"""No ellipsoid of the Earth has its semi-major axis elsewhere."""

CODE = re.compile(r"(?:EPSG|ESRI|OGC|IAU_2015):[A-Z0-9]{1,12}", re.IGNORECASE)
WKT = re.compile(
    r"(?:[A-Z_]{4,30}CRS|PROJCS|GEOGCS|COMPD_CS|GEODCRS|BOUNDCRS)\s*\[.*",
    re.IGNORECASE | re.DOTALL,
)
"""Codes and WKT only: PROJ takes file names and addresses too, and opens them."""

COMMON = (
    ("EPSG:4326", "WGS 84, longitude and latitude"), ("EPSG:3857", "Web Mercator"),
    ("EPSG:32633", "WGS 84 / UTM zone 33N"), ("EPSG:25833", "ETRS89 / UTM zone 33N"),
    ("EPSG:3035", "ETRS89 / LAEA Europe"), ("EPSG:5514", "S-JTSK / Krovak East North"),
    ("EPSG:27700", "British National Grid"), ("EPSG:2154", "Lambert-93, France"),
    ("EPSG:2056", "CH1903+ / LV95, Switzerland"), ("EPSG:3031", "Antarctic Polar Stereographic"),
    ("EPSG:3413", "Arctic Polar Stereographic, North"),
)  # fmt: skip
"""(code, name) of those that are offered before anybody has typed a word."""

USUAL = ("WGS 84", "ETRS89")
"""Names that begin so are meant more often than their elder namesakes."""


@dataclass(frozen=True)
class KnownSystem:
    """One coordinate system of the EPSG registry."""

    code: str
    """`EPSG:32633`."""
    name: str
    area: str


def normalised(text: str) -> str:
    """The text as it is kept: `32633` becomes `EPSG:32633`."""
    text = text.strip()
    return f"EPSG:{text}" if text.isascii() and text.isdigit() and len(text) < 12 else text


def parse_crs(text: str) -> pyproj.CRS:
    """The coordinate system that a code or WKT names.

    Raises BadRequest `invalid_answer` for what is neither, is not known, or is not of the Earth.
    """
    text = normalised(text)
    if len(text) > MAX_TEXT or not (CODE.fullmatch(text) or WKT.fullmatch(text)):
        raise _invalid("This is no coordinate system. Write a code such as EPSG:32633, or its WKT.")
    unknown = f"There is no coordinate system {text[:60]!r} that leads to longitude and latitude."
    try:
        crs = pyproj.CRS.from_user_input(text)
        _require_earth(crs)
        flat = crs.to_2d() if crs.is_compound else crs
        pyproj.Transformer.from_crs(flat, "OGC:CRS84", always_xy=True)
    except (CRSError, ProjError):
        raise _invalid(unknown) from None
    return crs


def _require_earth(crs: pyproj.CRS) -> None:
    low, high = EARTH_RADIUS_METRES
    if crs.ellipsoid is not None and not low < crs.ellipsoid.semi_major_metre < high:
        raise _invalid(f"{crs.name} is of another body than the Earth.")


def search_crs(text: str, limit: int = 20) -> list[KnownSystem]:
    """Systems whose code begins with the text, then those whose name or area has all its words."""
    code = text.strip().upper().removeprefix("EPSG:").strip()
    words = text.lower().split()[:8]
    if not words:
        return []
    by_code = [known for known in _registry() if code and known.code[5:].startswith(code)]
    by_code.sort(key=lambda known: len(known.code))
    by_name = [
        known for known in _registry()
        if all(word in f"{known.name} {known.area}".lower() for word in words)
    ]  # fmt: skip
    by_name.sort(key=lambda known: (_rank(known.name), len(known.name)))
    return list(dict.fromkeys([*by_code, *by_name]))[:limit]


def _rank(name: str) -> int:
    return next((i for i, start in enumerate(USUAL) if name.startswith(start)), len(USUAL))


@lru_cache(maxsize=1)
def _registry() -> tuple[KnownSystem, ...]:
    kinds = [PJType.GEOGRAPHIC_2D_CRS, PJType.PROJECTED_CRS]
    return tuple(
        KnownSystem(f"EPSG:{info.code}", info.name, _area(info))
        for info in query_crs_info(auth_name="EPSG", pj_types=kinds)
    )


def _area(info: CRSInfo) -> str:
    return (info.area_of_use.name or "") if info.area_of_use else ""


def _invalid(detail: str) -> BadRequest:
    return BadRequest(detail, code="invalid_answer", hint="For example EPSG:32633.")
