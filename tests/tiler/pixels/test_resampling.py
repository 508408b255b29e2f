"""Methods of resampling against GDAL's, on grids that lie on each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.enums import Resampling
from rasterio.transform import from_bounds, from_origin
from rasterio.vrt import WarpedVRT

from repository.raster_info import Bounds
from tests.rasters import write_raster
from tests.tiler.refs import ref_of
from tiler.pixels.reading import read_window

CRS = "EPSG:3857"
SIDE = 240


def raster(folder: Path, dtype: str, values: int) -> Path:
    pixels = np.random.default_rng(1).integers(1, values, (1, SIDE, SIDE)).astype(dtype)
    return write_raster(folder / "a.tif", pixels, crs=CRS, transform=from_origin(0, 0, 1, 1))


def both(path: Path, bounds: Bounds, size: int, method: str) -> tuple[np.ndarray, np.ndarray]:
    """Our values and GDAL's."""
    ours = read_window(ref_of(path), bounds, CRS, size, size, resampling=method)
    assert ours.mask.all()
    with (
        rasterio.open(path) as dataset,
        WarpedVRT(
            dataset, crs=CRS, transform=from_bounds(*bounds, size, size), width=size, height=size,
            resampling=Resampling[method], tolerance=0.001,
        ) as warped,
    ):  # fmt: skip
        return ours.data[0], warped.read(1)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("factor", [1, 3, 4, 8])
def test_mode_is_that_of_gdal(tmp_path: Path, dtype: str, factor: int) -> None:
    size = SIDE // factor
    ours, theirs = both(raster(tmp_path, dtype, 5), (0, -SIDE, SIDE, 0), size, "mode")
    assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("factor", [3, 4, 8])
def test_average_is_that_of_gdal(tmp_path: Path, factor: int) -> None:
    size = SIDE // factor
    ours, theirs = both(raster(tmp_path, "float32", 200), (0, -SIDE, SIDE, 0), size, "average")
    assert np.allclose(ours, theirs, rtol=1e-6)


def test_all_that_a_pixel_covers_is_read_within_the_raster(tmp_path: Path) -> None:
    """At a tile's edge its pixels reach beyond their middles by half of what they cover."""
    path = raster(tmp_path, "float32", 200)
    whole, _ = both(path, (0, -SIDE, SIDE, 0), SIDE // 8, "average")
    part, _ = both(path, (80, -160, 160, -80), 10, "average")
    assert np.allclose(part, whole[10:20, 10:20], rtol=1e-6)


@pytest.mark.parametrize("factor", [1.5, 2.5])
def test_mode_weighs_pixels_by_how_much_is_covered(tmp_path: Path, factor: float) -> None:
    """As GDAL does from 3.11 on; before, it took each pixel that is touched as a whole one."""
    path, size, covered = raster(tmp_path, "uint8", 5), int(SIDE / factor), int(2 * factor)
    ours, _ = both(path, (0, -SIDE, SIDE, 0), size, "mode")
    with rasterio.open(path) as dataset:
        halves = dataset.read(1).repeat(2, axis=0).repeat(2, axis=1)
    footprints = halves.reshape(size, covered, size, covered)
    votes = np.stack([(footprints == value).sum(axis=(1, 3)) for value in range(5)])
    got = np.take_along_axis(votes, ours[None].astype(int), axis=0)[0]
    assert np.array_equal(got, votes.max(axis=0))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("factor", [1, 0.5, 0.3])
def test_bilinear_is_that_of_gdal(tmp_path: Path, dtype: str, factor: float) -> None:
    size = 90
    bounds = (20.3, -20.7 - size * factor, 20.3 + size * factor, -20.7)
    ours, theirs = both(raster(tmp_path, dtype, 250), bounds, size, "bilinear")
    allowed = 0.01 if dtype == "float32" else 1
    assert np.abs(ours.astype(float) - theirs.astype(float)).max() <= allowed
