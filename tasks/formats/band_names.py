"""Names bands and their units from what NetCDF and GRIB say about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import rasterio

from tasks.formats.times import tagged_time

_EXTRA_DIMENSION = "NETCDF_DIM_"


class BandText(NamedTuple):
    """What people read about one band; both may be empty."""

    description: str
    unit: str


def band_texts(dataset: rasterio.DatasetReader) -> list[BandText]:
    """The texts of all bands, in their order.

    rasterio gathers descriptions and units of all bands anew at each look: they are asked once.
    """
    common = dataset.tags()
    own, units = _column(dataset, "descriptions"), _column(dataset, "units")
    result = []
    for index, description, unit in zip(dataset.indexes, own, units, strict=True):
        tags = dataset.tags(index)
        parts = _name_parts(tags, description)
        if dataset.count > 1 and parts != [description]:
            parts += _position(tags, common)
        unit = unit or tags.get("GRIB_UNIT", "").strip("[]")
        result.append(BandText(", ".join(part for part in parts if part), unit))
    return result


def _column(dataset: rasterio.DatasetReader, name: str) -> list[str]:
    """One text for each band; empty ones where the file's are not UTF-8."""
    try:
        return [text or "" for text in getattr(dataset, name)]
    except UnicodeDecodeError:
        return [""] * dataset.count


def _name_parts(tags: Mapping[str, str], own: str) -> list[str]:
    """The quantity, by its metadata, before or instead of the band's own description."""
    if "GRIB_COMMENT" in tags:
        comment = tags["GRIB_COMMENT"].rpartition(" [")[0] or tags["GRIB_COMMENT"]
        return [comment.strip(), own]
    if "NETCDF_VARNAME" in tags:
        return [own or tags.get("long_name") or tags["NETCDF_VARNAME"].rpartition("/")[2], ""]
    return [own]


def _position(tags: Mapping[str, str], common: Mapping[str, str]) -> list[str]:
    """Where the band stands in time, height and the like."""
    instant = tagged_time(tags, common)
    extra = {
        key.removeprefix(_EXTRA_DIMENSION): value
        for key, value in tags.items()
        if key.startswith(_EXTRA_DIMENSION)
    }
    if not extra:
        return [instant or ""]
    return [
        instant if instant and _counts_time(name, common) else f"{name} {value}"
        for name, value in extra.items()
    ]


def _counts_time(dimension: str, common: Mapping[str, str]) -> bool:
    return " since " in common.get(f"{dimension}#units", "")
