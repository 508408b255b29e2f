"""Decides how a raster without a north-up grid is brought to one, and says so in its facts."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

import numpy as np
import rasterio

from repository.raster_info import BandInfo, RasterInfo
from tasks.cog.validity import is_storable
from tasks.georeference import Georeference
from tasks.raster_source import Warp


def settle_grid(info: RasterInfo, place: Georeference) -> tuple[RasterInfo, Warp | None]:
    """The facts of the raster that is published, and the warp that leads to it, if one must.

    `info` describes the source with its own size; its kind decides the resampling. The pixels
    of the grid that no pixel of the source reaches are made invalid: by the nodata value, by
    alpha, or by a mask of the dataset.
    """
    placement = place.placement
    if placement is None:
        return info, None
    resampling = resampling_for(info)
    source_crs = "" if placement.source_crs == placement.crs else placement.source_crs.to_wkt()
    grid = place.transform
    transform = (grid.a, grid.b, grid.c, grid.d, grid.e, grid.f)
    warp = Warp(
        placement.reason, place.wkt, transform, place.width, place.height, resampling, source_crs
    )
    sentence = (
        f"{place.width} x {place.height} pixels in {place.crs.name} with {resampling} resampling"
    )
    done = replace(
        info,
        width=place.width,
        height=place.height,
        transform=transform,
        overviews=(),
        bands=_with_invalid_margin(info.bands),
        lineage=(
            *info.lineage,
            f"Warped from {placement.method} to a north-up grid of {sentence} by GDAL "
            f"{rasterio.__gdal_version__} (rasterio {rasterio.__version__}).",
        ),
        warnings=(
            *info.warnings,
            (
                "warped",
                f"The raster is placed by {placement.method}; it was brought to a north-up grid "
                f"of {sentence}.",
            ),
        ),
    )
    return done, warp


def resampling_for(info: RasterInfo) -> Literal["nearest", "bilinear"]:
    """Codes and flags cannot be averaged; measurements and pictures can."""
    coded = info.kind in ("classes", "bits") or any(band.color_table for band in info.bands)
    return "nearest" if coded else "bilinear"


def with_outside_mask(info: RasterInfo) -> RasterInfo:
    """`info` where the validity of all bands comes from a mask that was handed in beside it."""
    return replace(info, bands=tuple(replace(band, mask="per_dataset") for band in info.bands))


def _with_invalid_margin(bands: tuple[BandInfo, ...]) -> tuple[BandInfo, ...]:
    """The bands with a way to say "no value here" that all of them share."""
    if any(band.mask == "alpha" for band in bands) or _share_nodata(bands):
        return bands
    if all(band.mask == "all_valid" and band.dtype.startswith("float") for band in bands):
        return tuple(replace(band, mask="nodata", nodata=math.nan) for band in bands)
    return tuple(replace(band, mask="per_dataset", nodata=None) for band in bands)


def _share_nodata(bands: tuple[BandInfo, ...]) -> bool:
    """Whether all bands have one nodata value, and pixels of each can hold it."""
    first = bands[0].nodata
    if first is None:
        return False
    for band in bands:
        dtype = np.dtype(band.dtype)
        same = band.nodata == first or (band.nodata != band.nodata and first != first)
        if band.mask != "nodata" or not same:
            return False
        if dtype.kind != "f" and not (math.isfinite(first) and is_storable(first, dtype)):
            return False
    return True
