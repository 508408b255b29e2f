"""Coverage records of files made in a test."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.warp import transform_bounds

from repository.raster_info import Kind
from tests.rasters import info_of, write_raster
from tiler.ogc.records import CoverageRecord

MOMENT = datetime(2024, 8, 24, 10, tzinfo=UTC)


def coverage_record(path: Path, kind: Kind = "measurement") -> CoverageRecord:
    """The record of a file, as the catalogue would give it."""
    with rasterio.open(path) as dataset:
        left, bottom, right, top = dataset.bounds
        bounds = (left, min(bottom, top), right, max(bottom, top))
        wgs84 = transform_bounds(dataset.crs, "OGC:CRS84", *bounds)
        epsg = dataset.crs.to_epsg()
    raster = replace(info_of(path, kind), crs_epsg=epsg, bounds=bounds, bounds_wgs84=wgs84)
    return CoverageRecord(
        collection="c", product="p", title="P", raster=raster, start=MOMENT, end=MOMENT,
        gdal_path=str(path), etag="u-1-1", is_public=True,
    )  # fmt: skip


def written(
    folder: Path, pixels: np.ndarray, kind: Kind = "measurement", **options: Any
) -> CoverageRecord:
    """Write pixels and give their record; see `tests.rasters.write_raster`."""
    return coverage_record(write_raster(folder / "raster.tif", pixels, **options), kind)
