"""The facts that the catalogue keeps are those of the COG, not of the file that was uploaded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio

from tasks.conversion import convert, info_of_result
from tests.rasters import found_of, write_raster


def test_the_kept_facts_name_the_overviews_of_the_cog(tmp_path: Path) -> None:
    source = write_raster(
        tmp_path / "a.tif", np.arange(700 * 900, dtype="uint16").reshape(1, 700, 900)
    )
    found = found_of(source)
    kept = info_of_result(found, convert(found, tmp_path / "cog.tif"))
    with rasterio.open(tmp_path / "cog.tif") as cog:
        assert list(kept.overviews) == cog.overviews(1)
        assert (kept.block_height, kept.block_width) == cog.block_shapes[0]
        assert kept.compression == cog.compression.name
