"""The TIFF tags that describe a raster, as GDAL itself would write them.

GDAL writes a file of one pixel with the same bands, CRS, colours, scales and
tags; its raw tags are taken over. No other way keeps every CRS, colour order and
corner case (south-up, PixelIsPoint, ESRI codes) exactly as GDAL reads it.
"""

from __future__ import annotations

import struct
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from affine import Affine
from rasterio.crs import CRS
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import DatasetWriter, MemoryFile

from repository.raster_info import RasterInfo
from tasks.cog.source import StripReader

NEW_SUBFILE_TYPE, WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC = 254, 256, 257, 258, 259, 262
SAMPLES, PLANAR_CONFIG, PREDICTOR = 277, 284, 317
TILE_WIDTH, TILE_LENGTH, TILE_OFFSETS, TILE_BYTE_COUNTS = 322, 323, 324, 325
EXTRA_SAMPLES, SAMPLE_FORMAT, COLOR_MAP, GDAL_METADATA, GDAL_NODATA = 338, 339, 320, 42112, 42113
ROWS_PER_STRIP, STRIP_OFFSETS, STRIP_BYTE_COUNTS = 278, 273, 279

LAYOUT_TAGS = {
    NEW_SUBFILE_TYPE, WIDTH, LENGTH, COMPRESSION, PLANAR_CONFIG, PREDICTOR, TILE_WIDTH,
    TILE_LENGTH, TILE_OFFSETS, TILE_BYTE_COUNTS, ROWS_PER_STRIP, STRIP_OFFSETS, STRIP_BYTE_COUNTS,
}  # fmt: skip
"""What the one-pixel file says about its own single strip: not taken over."""

SHARED_WITH_OVERVIEWS = (
    BITS, PHOTOMETRIC, SAMPLES, EXTRA_SAMPLES, SAMPLE_FORMAT, COLOR_MAP, GDAL_NODATA,
)  # fmt: skip
"""What an overview must say again: how to read a pixel of it."""

ASCII, SHORT, LONG, LONG8 = 2, 3, 4, 16
TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
MAX_TAG_LENGTH = 10_000
"""Longer metadata values are dropped: a header must stay one small read."""


@dataclass(frozen=True)
class Tag:
    """One TIFF tag: field type, count, little-endian bytes (TIFF 6.0, section 2)."""

    type: int
    count: int
    data: bytes


def shorts(*values: int) -> Tag:
    """A tag of 16-bit numbers."""
    return Tag(SHORT, len(values), struct.pack(f"<{len(values)}H", *values))


def longs(*values: int) -> Tag:
    """A tag of 32-bit numbers."""
    return Tag(LONG, len(values), struct.pack(f"<{len(values)}I", *values))


def long8s(*values: int) -> Tag:
    """A tag of 64-bit numbers (BigTIFF)."""
    return Tag(LONG8, len(values), struct.pack(f"<{len(values)}Q", *values))


def ascii_text(text: str) -> Tag:
    """A tag of text with its closing NUL."""
    data = text.encode() + b"\0"
    return Tag(ASCII, len(data), data)


def descriptive_tags(info: RasterInfo, dtype: np.dtype[Any], source: StripReader) -> dict[int, Tag]:
    """All tags but those of layout, for a raster as `info` describes it.

    Band tags and PixelIsPoint come from `source`: `info` does not hold them.
    """
    with MemoryFile() as memory, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with memory.open(**_one_pixel_profile(info, dtype)) as one_pixel:
            _describe(one_pixel, info, source)
        tags = read_first_ifd(bytes(memory.getbuffer()))
    kept = {number: tag for number, tag in tags.items() if number not in LAYOUT_TAGS}
    kept.pop(GDAL_NODATA, None)
    nodata = info.bands[0].nodata
    if nodata is not None:
        kept[GDAL_NODATA] = ascii_text(_nodata_text(nodata))
    return kept


def _one_pixel_profile(info: RasterInfo, dtype: np.dtype[Any]) -> dict[str, Any]:
    profile: dict[str, Any] = {
        "driver": "GTiff", "width": 1, "height": 1, "count": len(info.bands),
        "dtype": dtype.name, "transform": Affine(*info.transform),
        "photometric": "MINISBLACK", "ENDIANNESS": "LITTLE",
    }  # fmt: skip
    colors = [band.color_interpretation for band in info.bands]
    if colors[:3] == ["red", "green", "blue"] and dtype.name in ("uint8", "uint16"):
        profile["photometric"] = "RGB"
    if "alpha" in colors:
        profile["ALPHA"] = "NON-PREMULTIPLIED" if colors[-1] == "alpha" else "NO"
    if info.crs_wkt:
        profile["crs"] = CRS.from_wkt(info.crs_wkt)
    return profile


def _describe(one_pixel: DatasetWriter, info: RasterInfo, source: StripReader) -> None:
    tags = {key: value for key, value in info.tags.items() if len(value) <= MAX_TAG_LENGTH}
    area_or_point = source.tags().get("AREA_OR_POINT")
    if area_or_point:
        tags["AREA_OR_POINT"] = area_or_point
    one_pixel.update_tags(**tags)
    for band in info.bands:
        band_tags = source.tags(band.index)
        short = {key: value for key, value in band_tags.items() if len(value) <= MAX_TAG_LENGTH}
        one_pixel.update_tags(band.index, **short)
    if any(band.scale != 1 for band in info.bands):
        one_pixel.scales = [band.scale for band in info.bands]
    if any(band.offset != 0 for band in info.bands):
        one_pixel.offsets = [band.offset for band in info.bands]
    if any(band.unit for band in info.bands):
        one_pixel.units = [band.unit for band in info.bands]
    for band in info.bands:
        if band.description:
            one_pixel.set_band_description(band.index, band.description)
    _describe_colors(one_pixel, info)


def _describe_colors(one_pixel: DatasetWriter, info: RasterInfo) -> None:
    table = info.bands[0].color_table
    if table and len(info.bands) <= 2 and one_pixel.dtypes[0] in ("uint8", "uint16"):
        one_pixel.write_colormap(1, {value: rgba for value, *rgba in table})
        return
    wanted = tuple(ColorInterp[band.color_interpretation] for band in info.bands)
    if tuple(one_pixel.colorinterp) != wanted:
        one_pixel.colorinterp = wanted


def _nodata_text(nodata: float) -> str:
    """As GDAL writes it: shortest text that reads back as the same number."""
    if np.isnan(nodata):
        return "nan"
    if isinstance(nodata, float) and nodata.is_integer() and abs(nodata) < 1e15:
        return str(int(nodata))
    return repr(nodata)


def read_first_ifd(data: bytes) -> dict[int, Tag]:
    """The tags of the first image of a classic little-endian TIFF."""
    magic, version, position = struct.unpack_from("<2sHI", data)
    assert (magic, version) == (b"II", 42), "GDAL writes a small file as classic TIFF"
    (count,) = struct.unpack_from("<H", data, position)
    tags = {}
    for entry in range(position + 2, position + 2 + 12 * count, 12):
        number, field_type, length = struct.unpack_from("<HHI", data, entry)
        size = TYPE_SIZES[field_type] * length
        start = entry + 8 if size <= 4 else struct.unpack_from("<I", data, entry + 8)[0]
        tags[number] = Tag(field_type, length, data[start : start + size])
    return tags
