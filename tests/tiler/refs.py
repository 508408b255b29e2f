"""AssetRefs of files made in a test, as the catalogue would hand them on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rasterio
from rasterio.warp import transform_bounds

from repository.rendering_style import RenderingStyle
from tests.rasters import info_of
from tiler.pixels.asset_ref import AssetRef


def ref_of(path: Path, style: RenderingStyle | None = None, **changes: Any) -> AssetRef:
    """What the catalogue would say about the file; drawn as greys unless told otherwise."""
    info = info_of(path)
    with rasterio.open(path) as dataset:
        bounds = transform_bounds(dataset.crs, "EPSG:4326", *dataset.bounds)
        overviews = tuple(dataset.overviews(1))
    left, right = sorted((info.bounds[0], info.bounds[2]))
    bottom, top = sorted((info.bounds[1], info.bounds[3]))
    values = {
        "uuid": str(path), "version": 1, "revision": 1, "collection": "c", "product": "p",
        "title": "A map", "is_public": True, "gdal_path": str(path), "gdal_environment": (),
        "width": info.width, "height": info.height, "crs_wkt": info.crs_wkt, "crs_name": "",
        "transform": info.transform, "bounds": (left, bottom, right, top),
        "bounds_wgs84": bounds, "bands": info.bands, "kind": info.kind, "overviews": overviews,
        "style": style or RenderingStyle(kind="ramp", bands=(1,), stretch=((0, 255),)),
    }  # fmt: skip
    return AssetRef(**(values | changes))
