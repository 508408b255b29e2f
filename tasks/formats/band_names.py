"""Names a band and its unit from what NetCDF and GRIB say about it."""

from __future__ import annotations

import rasterio

from tasks.formats.times import band_time

_EXTRA_DIMENSION = "NETCDF_DIM_"


def band_description(dataset: rasterio.DatasetReader, index: int) -> str:
    """A name for people: the band's own description, or one made of its metadata; may be empty."""
    tags, own = dataset.tags(index), dataset.descriptions[index - 1] or ""
    if "GRIB_COMMENT" in tags:
        comment = tags["GRIB_COMMENT"].rpartition(" [")[0] or tags["GRIB_COMMENT"]
        parts = [comment.strip(), own]
    elif "NETCDF_VARNAME" in tags:
        parts = [own or tags.get("long_name") or tags["NETCDF_VARNAME"].rpartition("/")[2]]
    else:
        return own
    if dataset.count > 1:
        parts.append(_position(dataset, index, tags))
    return ", ".join(part for part in parts if part)


def band_unit(dataset: rasterio.DatasetReader, index: int) -> str:
    """The unit; GRIB has it in brackets among its metadata."""
    unit = dataset.units[index - 1] or ""
    return unit or dataset.tags(index).get("GRIB_UNIT", "").strip("[]")


def _position(dataset: rasterio.DatasetReader, index: int, tags: dict[str, str]) -> str:
    """Where the band stands in time, height and the like."""
    extra = {
        key.removeprefix(_EXTRA_DIMENSION): value
        for key, value in tags.items()
        if key.startswith(_EXTRA_DIMENSION)
    }
    instant = band_time(dataset, index)
    if not extra:
        return instant or ""
    return ", ".join(_labels(dataset, index, extra, instant))


def _labels(
    dataset: rasterio.DatasetReader, index: int, extra: dict[str, str], instant: str | None
) -> list[str]:
    labels = []
    for name, value in extra.items():
        is_time = instant is not None and " since " in str(dataset.tags().get(f"{name}#units", ""))
        labels.append(instant if is_time and instant else f"{name} {value}")
    return labels
