"""Overviews agree with those that GDAL builds from the same pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.enums import Resampling

from repository.raster_info import Kind
from tasks.cog import reduction
from tasks.conversion import convert
from tests.rasters import found_of, info_of, write_raster

SHAPE = (512, 1024)


def noise(
    dtype: str, bands: int = 1, low: int = 1, high: int = 200, shape: tuple[int, int] = SHAPE
) -> np.ndarray:
    """Random values of a type, (bands, height, width)."""
    values = np.random.default_rng(5).uniform(low, high, (bands, *shape))
    return values.astype(dtype)


def assert_overviews_as_gdal(
    tmp_path: Path, pixels: np.ndarray, kind: Kind, **options: Any
) -> None:
    """Both overviews, and their masks, equal what GDAL builds with the same resampling.

    The outermost row of odd sides is left out: GDAL weighs it wrongly in the second level.
    """
    inner = slice(1, -1) if any(side % 2 for side in pixels.shape[1:]) else slice(None)
    source = write_raster(tmp_path / "a.tif", pixels, **options)
    convert(found_of(source, info_of(source, kind)), tmp_path / "cog.tif")
    resampling = {"classes": Resampling.mode, "bits": Resampling.nearest}
    with rasterio.open(source, "r+") as dataset:
        dataset.build_overviews([2, 4], resampling.get(kind, Resampling.average))
    for level in (0, 1):
        with (
            rasterio.open(source, overview_level=level) as gdal,
            rasterio.open(tmp_path / "cog.tif", overview_level=level) as ours,
        ):
            np.testing.assert_allclose(
                ours.read()[:, inner, inner], gdal.read()[:, inner, inner], rtol=2e-6
            )
            np.testing.assert_array_equal(ours.read_masks(), gdal.read_masks())


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "float32", "float64"])
def test_means_are_gdals(tmp_path: Path, dtype: str) -> None:
    assert_overviews_as_gdal(tmp_path, noise(dtype, bands=3), "measurement")


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32"])
def test_means_of_negative_numbers_round_as_gdals(tmp_path: Path, dtype: str) -> None:
    assert_overviews_as_gdal(tmp_path, noise(dtype, low=-120, high=120), "measurement")


@pytest.mark.parametrize(
    ("dtype", "nodata"), [("uint8", 0), ("int16", -5), ("float32", -9999), ("float32", np.nan)]
)
def test_means_leave_nodata_out(tmp_path: Path, dtype: str, nodata: float) -> None:
    pixels = noise(dtype)
    pixels[noise("uint8") < 90] = nodata
    pixels[:, :100, :300] = nodata
    assert_overviews_as_gdal(tmp_path, pixels, "measurement", nodata=nodata)


def test_a_mean_never_becomes_nodata_by_accident(tmp_path: Path) -> None:
    pixels = np.tile(np.array([[-1, 1], [1, -1]], dtype="int8"), (1, 256, 512))
    source = write_raster(tmp_path / "a.tif", pixels, nodata=0)
    convert(found_of(source), tmp_path / "cog.tif")
    with rasterio.open(tmp_path / "cog.tif", overview_level=0) as cog:
        assert set(np.unique(cog.read())) == {1}


@pytest.mark.parametrize("nodata", [None, 3])
def test_classes_take_gdals_mode(tmp_path: Path, nodata: int | None) -> None:
    assert_overviews_as_gdal(tmp_path, noise("uint8", low=0, high=5), "classes", nodata=nodata)


def test_bit_flags_take_the_nearest(tmp_path: Path) -> None:
    assert_overviews_as_gdal(tmp_path, noise("uint16"), "bits")


def test_transparent_pixels_do_not_darken_their_neighbours(tmp_path: Path) -> None:
    pixels = noise("uint8", bands=4)
    pixels[3] = 255
    pixels[:, noise("uint8")[0] < 90] = 0
    source = write_raster(tmp_path / "a.tif", pixels, photometric="RGB", alpha="yes")
    convert(found_of(source, info_of(source, "rgb")), tmp_path / "cog.tif")
    with rasterio.open(tmp_path / "cog.tif", overview_level=0) as cog:
        red, alpha = cog.read(1), cog.read(4)
    assert red[alpha > 0].min() >= 90


def test_a_mask_is_reduced_with_its_pixels(tmp_path: Path) -> None:
    pixels, mask = noise("uint8"), noise("uint8")[0] > 150
    pixels[0, ~mask] = 255
    source = write_raster(tmp_path / "a.tif", pixels, mask=mask)
    convert(found_of(source), tmp_path / "cog.tif")
    with rasterio.open(tmp_path / "cog.tif", overview_level=0) as cog:
        valid = mask.reshape(256, 2, 512, 2).any(axis=(1, 3))
        np.testing.assert_array_equal(cog.read_masks(1) > 0, valid)
        values = cog.read(1)[valid]
    assert values.min() > 150
    assert values.max() < 200


def test_nan_and_infinity_stay_out_of_the_mean() -> None:
    band = np.array([[1, np.nan, np.inf, np.nan], [3, 2, -np.inf, np.nan]], dtype="float32")
    halved = reduction.average(band, np.isfinite(band), np.nan)
    np.testing.assert_array_equal(halved, [[2, np.nan]])


@pytest.mark.parametrize("shape", [(701, 1024), (512, 903), (701, 903), (515, 513)])
@pytest.mark.parametrize("nodata", [None, -9999])
def test_means_of_odd_sides_cover_what_gdals_cover(
    tmp_path: Path, shape: tuple[int, int], nodata: float | None
) -> None:
    pixels = noise("float32", shape=shape)
    if nodata is not None:
        pixels[noise("uint8", shape=shape) < 90] = nodata
    assert_overviews_as_gdal(tmp_path, pixels, "measurement", nodata=nodata)


@pytest.mark.parametrize("shape", [(701, 1024), (701, 903)])
def test_the_nearest_of_odd_sides_are_gdals(tmp_path: Path, shape: tuple[int, int]) -> None:
    assert_overviews_as_gdal(tmp_path, noise("uint16", shape=shape), "bits")


def test_classes_of_odd_sides_stay_in_place(tmp_path: Path) -> None:
    pixels = np.repeat(np.arange(200, dtype="uint8"), 5)[:999]
    source = write_raster(tmp_path / "a.tif", np.tile(pixels, (1, 999, 1)))
    convert(found_of(source, info_of(source, "classes")), tmp_path / "cog.tif")
    with rasterio.open(tmp_path / "cog.tif", overview_level=0) as cog:
        centres = ((np.arange(500) + 0.5) * 999 / 500).astype(int)
        assert np.abs(cog.read(1)[-1].astype(int) - pixels[centres]).max() <= 1
        assert (cog.read(1)[-1] == pixels[centres]).mean() > 0.7


def test_odd_edges_average_only_what_is_there() -> None:
    band = np.array([[1, 3, 10], [5, 7, 20], [100, 200, 50]], dtype="uint8")
    np.testing.assert_array_equal(reduction.average(band, None, 0), [[4, 15], [150, 50]])


def test_means_of_the_largest_numbers_do_not_overflow() -> None:
    for dtype in ("uint64", "int64", "uint32", "int8", "float32"):
        top = np.finfo(dtype).max if dtype == "float32" else np.iinfo(dtype).max
        band = np.full((2, 2), top, dtype=dtype)
        assert reduction.average(band, None, 0)[0, 0] == top
        assert reduction.average(band, np.eye(2, dtype=bool), 0)[0, 0] == top
