"""Tiny rasters for tests, and the RasterInfo that describes a file as GDAL sees it."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.enums import MaskFlags
from rasterio.transform import from_origin

from repository.raster_info import BandInfo, Kind, RasterInfo
from tasks.raster_source import FoundRaster, RasterSource

UTM = "EPSG:32633"
ORIGIN = from_origin(400_000, 5_600_000, 10, 10)


def gradient(dtype: str, height: int = 40, width: int = 50, bands: int = 1) -> np.ndarray:
    """Values that differ everywhere, in the range of any type: (bands, height, width)."""
    values = np.arange(bands * height * width).reshape(bands, height, width)
    if dtype.startswith("float"):
        return (values / 7 - 100).astype(dtype)
    return (values % 120 + 1).astype(dtype)


def write_raster(path: Path, pixels: np.ndarray, **options: Any) -> Path:
    """Write (bands, height, width) as a GeoTIFF in UTM zone 33N at 10 m, unless told otherwise.

    `mask` (height, width) becomes an internal mask.
    """
    mask = options.pop("mask", None)
    bands, height, width = pixels.shape
    profile = {
        "driver": "GTiff", "count": bands, "height": height, "width": width,
        "dtype": pixels.dtype.name, "crs": UTM, "transform": ORIGIN,
    } | options  # fmt: skip
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(path, "w", **profile) as dataset,
    ):
        dataset.write(pixels)
        if mask is not None:
            dataset.write_mask(mask)
    return path


def promise(path: Path, tag: int, kind: int, count: int) -> None:
    """Rewrite a tag in the first directory of a little-endian TIFF, so that it claims `count`
    values of `kind` that begin at byte 8."""
    data = bytearray(path.read_bytes())
    big = data[2] == 43
    count_code, entry_code = ("<Q", "<HHQQ") if big else ("<H", "<HHII")
    start = struct.unpack_from("<Q", data, 8)[0] if big else struct.unpack_from("<I", data, 4)[0]
    entries = struct.unpack_from(count_code, data, start)[0]
    first, width = start + struct.calcsize(count_code), struct.calcsize(entry_code)
    places = range(first, first + entries * width, width)
    place = next(at for at in places if struct.unpack_from("<H", data, at)[0] == tag)
    struct.pack_into(entry_code, data, place, tag, kind, count, 8)
    path.write_bytes(data)


def info_of(path: Path, kind: Kind = "measurement", *, external_mask: bool = False) -> RasterInfo:
    """What rasterio says about a file, as inspection would hand it on."""
    with rasterio.open(path) as dataset:
        bands = tuple(_band(dataset, index, external_mask) for index in dataset.indexes)
        tags = {key: value for key, value in dataset.tags().items() if key != "AREA_OR_POINT"}
        block_height, block_width = dataset.block_shapes[0]
        return RasterInfo(
            driver=dataset.driver, width=dataset.width, height=dataset.height,
            crs_wkt=dataset.crs.to_wkt() if dataset.crs else "", crs_epsg=None, crs_name="",
            transform=tuple(dataset.transform)[:6], bounds=tuple(dataset.bounds),
            bounds_wgs84=(0, 0, 1, 1), footprint_wgs84={}, bands=bands, kind=kind, tags=tags,
            block_width=block_width, block_height=block_height,
        )  # fmt: skip


def _band(dataset: rasterio.DatasetReader, index: int, external_mask: bool) -> BandInfo:
    flags = dataset.mask_flag_enums[index - 1]
    mask = "all_valid"
    if MaskFlags.alpha in flags:
        mask = "alpha"
    elif MaskFlags.per_dataset in flags or external_mask:
        mask = "per_dataset"
    elif MaskFlags.nodata in flags:
        mask = "nodata"
    try:
        table = dataset.colormap(index)
    except ValueError:
        table = {}
    return BandInfo(
        index=index, dtype=dataset.dtypes[index - 1], nodata=dataset.nodatavals[index - 1],
        scale=dataset.scales[index - 1], offset=dataset.offsets[index - 1],
        unit=dataset.units[index - 1] or "", description=dataset.descriptions[index - 1] or "",
        color_interpretation=dataset.colorinterp[index - 1].name, mask=mask,
        color_table=tuple((value, *rgba) for value, rgba in table.items()),
    )  # fmt: skip


def found_of(path: Path, info: RasterInfo | None = None, **source: Any) -> FoundRaster:
    """A file as inspection would hand it on; `source` holds fields of RasterSource."""
    info = info or info_of(path)
    return FoundRaster(RasterSource(path.name, str(path), info.driver, **source), info)
