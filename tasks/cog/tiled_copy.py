"""A private copy of a source, in tiles, for what is not read from top to bottom.

That is a raster so wide that it is read in columns, and one that is warped: GDAL's warper
takes the place of pixels from the file itself, where control points may jump across the
antimeridian, lack a CRS or be thousands. Blocks that are whole rows would be decoded again
for each column; the source of a copy is read in order, once.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import DatasetReader, DatasetWriter
from rasterio.windows import Window

from tasks.cog.halving import Strip
from tasks.placement import Placement

TILE_WIDTH = 256
Strips = Iterator[tuple[Window, Strip]]


@contextmanager
def tiled_copy(
    strips: Strips,
    shape: tuple[int, int, int],
    tile_height: int,
    dtype: np.dtype[Any],
    placement: Placement | None,
    folder: Path,
    on_copied: Callable[[float], None],
) -> Iterator[DatasetReader]:
    """The pixels of `strips`, shape (bands, height, width), as an open GeoTIFF in `folder`.

    `tile_height` divides the rows of all strips but the last. It carries `placement`, if there
    is one. Masks become a mask of the dataset. `on_copied` hears the share that was copied.
    The file is gone at the end.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix="warp-") as inner:
        path = Path(inner) / "copy.tif"
        with (
            rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
            warnings.catch_warnings(action="ignore", category=NotGeoreferencedWarning),
            rasterio.open(path, "w", **_profile(shape, tile_height, dtype, placement)) as copy,
        ):
            _write(copy, strips, on_copied)
        with (
            warnings.catch_warnings(action="ignore", category=NotGeoreferencedWarning),
            rasterio.open(path, driver="GTiff") as copy,
        ):
            yield copy


def _profile(
    shape: tuple[int, int, int],
    tile_height: int,
    dtype: np.dtype[Any],
    placement: Placement | None,
) -> dict[str, Any]:
    bands, height, width = shape
    profile: dict[str, Any] = {
        "driver": "GTiff", "count": bands, "height": height, "width": width,
        "dtype": dtype.name, "photometric": "MINISBLACK", "ALPHA": "NO",
        "tiled": True, "blockxsize": TILE_WIDTH, "blockysize": tile_height, "interleave": "band",
        "compress": "zstd", "zstd_level": 1, "BIGTIFF": "IF_SAFER",
    }  # fmt: skip
    if placement is None:
        return profile
    profile["crs"] = placement.crs
    if placement.points:
        return profile | {"gcps": list(placement.points)}
    if placement.rpcs:
        return profile | {"rpcs": placement.rpcs}
    return profile | {"transform": placement.matrix}


def _write(copy: DatasetWriter, strips: Strips, on_copied: Callable[[float], None]) -> None:
    copied = 0
    for window, strip in strips:
        copy.write(strip.pixels, window=window)
        if strip.mask is not None:
            copy.write_mask(strip.mask, window=window)
        copied += int(window.width) * int(window.height)
        on_copied(copied / (copy.width * copy.height))
