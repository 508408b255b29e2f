"""Has the tile server's loops compiled before a process is shut in that could not keep them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import rasterio
from numba.core import caching
from rasterio.transform import from_origin

from repository.raster_info import BandInfo, RasterInfo
from repository.rendering_style import RenderingStyle
from tasks.pyramids import PyramidOrder, ref_of
from tiler.pixels.reading import read_tile
from tiler.pixels.rendering import render
from tiler.pixels.tile_matrix_sets import WEB_MERCATOR_QUAD

DTYPES = ("uint8", "uint16", "int16", "float32")
"""Of nearly all rasters; a child compiles the loops for others itself, each time anew."""
SIDE = 64


def warm_up() -> None:
    """Draw a tile of each common type. What is compiled on the way is kept on disk, and in this
    process and those that are forked from it; from then on nothing is written."""
    with tempfile.TemporaryDirectory() as folder:
        for dtype in DTYPES:
            for bands in (1, 3):
                _draw(Path(folder) / f"{dtype}-{bands}.tif", dtype, bands)
    caching.Cache.save_overload = _keep_nothing  # type: ignore[method-assign]


def _draw(path: Path, dtype: str, bands: int) -> None:
    transform, crs = from_origin(1_000_000, 6_000_000, 10, 10), "EPSG:3857"
    options = {"driver": "GTiff", "width": SIDE, "height": SIDE, "count": bands, "dtype": dtype}
    with rasterio.open(path, "w", crs=crs, transform=transform, nodata=0, **options) as dataset:
        dataset.write(np.ones((bands, SIDE, SIDE), dtype))
        wkt = dataset.crs.to_wkt()
    facts = tuple(BandInfo(index + 1, dtype, 0.0, mask="nodata") for index in range(bands))
    info = RasterInfo(
        driver="GTiff", width=SIDE, height=SIDE, crs_wkt=wkt, crs_epsg=3857, crs_name="",
        transform=(10, 0, 1_000_000, 0, -10, 6_000_000),
        bounds=(1_000_000, 6_000_000 - 10 * SIDE, 1_000_000 + 10 * SIDE, 6_000_000),
        bounds_wgs84=(8.983, 47.359, 8.989, 47.363), footprint_wgs84={}, bands=facts,
        kind="rgb", block_width=SIDE, block_height=SIDE,
    )  # fmt: skip
    style = RenderingStyle(
        kind="rgb" if bands == 3 else "ramp", bands=tuple(range(1, bands + 1)),
        stretch=((0.0, 10.0),) * bands,
    )  # fmt: skip
    ref = ref_of(PyramidOrder(info, style, "webp", 0, 1), path)
    z, (x, y, _, _) = 13, WEB_MERCATOR_QUAD.tiles_over(info.bounds_wgs84, 13)
    for resampling in ("nearest", "bilinear"):
        pixels = read_tile(ref, WEB_MERCATOR_QUAD, z, x, y, bands=style.bands,
                           resampling=resampling)  # fmt: skip
        for extension in ("png", "webp"):
            render(pixels, style, extension)


def _keep_nothing(*_: object) -> None:
    """A child may not write where compiled loops are kept."""
