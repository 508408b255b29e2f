"""Stored and physical values: styles speak of what is stored, QGIS and SLD of scaled values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from repository.raster_info import BandInfo
from repository.style_files.xml_reading import not_a_style


def to_stored(definition: dict[str, Any], bands: Sequence[BandInfo] | None) -> dict[str, Any]:
    """The definition of scaled values as one of stored values."""
    return _converted(definition, bands, lambda v, band: (v - band.offset) / band.scale)


def to_physical(definition: dict[str, Any], bands: Sequence[BandInfo] | None) -> dict[str, Any]:
    """The definition of stored values as one of scaled values."""
    return _converted(definition, bands, lambda v, band: v * band.scale + band.offset)


def _converted(
    definition: dict[str, Any], bands: Sequence[BandInfo] | None,
    convert: Callable[[float, BandInfo], float],
) -> dict[str, Any]:  # fmt: skip
    """A formula works on physical values already; without a raster there is no scale."""
    named = definition.get("bands") or []
    if bands is None or definition.get("formula") or not _all_there(named, bands):
        return definition
    facts = [bands[index - 1] for index in named]
    if all((band.scale, band.offset) == (1.0, 0.0) for band in facts):
        return definition
    if any(band.scale <= 0 for band in facts):
        raise not_a_style("The band's scale is not above zero, so the order of values turns round.")
    stretch = [
        (convert(low, band), convert(high, band))
        for (low, high), band in zip(definition.get("stretch") or [], facts, strict=False)
    ]
    first = facts[0]
    return definition | {
        "stretch": stretch,
        "stops": [_moved(stop, first, convert) for stop in definition.get("stops") or []],
        "classes": [_class(entry, first, convert) for entry in definition.get("classes") or []],
    }


def _all_there(named: Sequence[int], bands: Sequence[BandInfo]) -> bool:
    return all(1 <= index <= len(bands) for index in named)


def _moved(
    stop: dict[str, Any], band: BandInfo, convert: Callable[[float, BandInfo], float]
) -> dict[str, Any]:
    value = stop["value"]
    return stop | {"value": None if value is None else convert(value, band)}


def _class(
    entry: dict[str, Any], band: BandInfo, convert: Callable[[float, BandInfo], float]
) -> dict[str, Any]:
    """A class is a whole stored number; scaled ones are rounded where that is exact enough."""
    value = convert(entry["value"], band)
    return entry | {"value": round(value) if abs(value - round(value)) < 1e-6 else value}
