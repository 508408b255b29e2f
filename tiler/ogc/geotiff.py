"""Coverage pixels as a GeoTIFF that keeps all that the stored raster says of them."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import rasterio
from rasterio.enums import ColorInterp
from rasterio.io import DatasetWriter, MemoryFile

from repository.raster_info import BandInfo
from tiler.ogc.coverage_pixels import CoveragePixels
from tiler.ogc.records import CoverageRecord
from tiler.pixels.nodata import representable

BLOCK = 256


def geotiff_of(record: CoverageRecord, pixels: CoveragePixels) -> memoryview:
    """A tiled, losslessly compressed GeoTIFF (OGC 19-008r4) of the pixels as stored."""
    bands = [record.raster.bands[index - 1] for index in pixels.bands]
    count, height, width = pixels.values.shape
    nodata = representable(bands[0], pixels.values.dtype)
    profile: dict[str, Any] = {
        "driver": "GTiff", "count": count, "height": height, "width": width,
        "dtype": pixels.values.dtype.name, "crs": record.raster.crs_wkt or None,
        "transform": pixels.transform, "nodata": None if nodata is None else nodata.item(),
        "tiled": True, "blockxsize": BLOCK, "blockysize": BLOCK, "compress": "DEFLATE", "zlevel": 4,
        "predictor": _predictor(pixels.values.dtype), "bigtiff": "IF_SAFER",
    }  # fmt: skip
    if count > 1 and not _is_picture(bands):
        profile["photometric"] = "MINISBLACK"
    memory = MemoryFile()
    try:
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), memory.open(**profile) as target:
            _describe(target, record, bands)
            target.write(pixels.values)
            if _needs_mask(record, bands):
                target.write_mask(pixels.valid.all(axis=0))
    except BaseException:
        memory.close()
        raise
    return _owned_bytes(memory)


def _owned_bytes(memory: MemoryFile) -> memoryview:
    """GDAL's own buffer, uncopied, which is freed with the last view of it.

    A server may still be sending when its application has long returned.
    """
    buffer = np.frombuffer(memory.getbuffer(), np.uint8)
    weakref.finalize(buffer, memory.close)
    return buffer.data


def _describe(target: DatasetWriter, record: CoverageRecord, bands: list[BandInfo]) -> None:
    target.scales = [band.scale for band in bands]
    target.offsets = [band.offset for band in bands]
    target.units = [band.unit for band in bands]
    target.descriptions = [band.description or None for band in bands]
    target.update_tags(**record.raster.tags)
    if len(bands) == 1 and bands[0].color_table and bands[0].dtype in ("uint8", "uint16"):
        target.write_colormap(1, {value: rgba for value, *rgba in bands[0].color_table})
        return
    colors = [ColorInterp.__members__.get(band.color_interpretation) for band in bands]
    if all(color is not None and color is not ColorInterp.palette for color in colors):
        target.colorinterp = colors


def _is_picture(bands: list[BandInfo]) -> bool:
    return [band.color_interpretation for band in bands[:3]] == ["red", "green", "blue"]


def _needs_mask(record: CoverageRecord, bands: list[BandInfo]) -> bool:
    """A mask of its own, or an alpha band that was not asked for, becomes an internal mask."""
    if any(band.color_interpretation == "alpha" for band in bands):
        return False
    return any(band.mask in ("per_dataset", "alpha") for band in bands)


def _predictor(dtype: np.dtype) -> int:
    """2 for whole numbers, 3 for floats, 1 (none) for what libtiff has no predictor for."""
    if dtype.kind == "f" and dtype.itemsize in (4, 8):
        return 3
    return 2 if dtype.kind in "iu" and dtype.itemsize <= 4 else 1
