"""Blocks that we read ourselves hold what GDAL reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.windows import Window

from tests.rasters import gradient, write_raster
from tests.tiler.refs import ref_of
from tiler.pixels import blocks
from tiler.pixels.blocks import BlockCache, open_cog

TILED = {"tiled": True, "blockxsize": 64, "blockysize": 64}
WINDOWS = [(0, 0, 150, 130), (60, 50, 40, 30), (64, 64, 64, 64), (149, 129, 1, 1)]
"""column, row, width, height: all of it, across four blocks, one block, the last pixel."""


def noise(dtype: str, bands: int = 1) -> np.ndarray:
    values = np.random.default_rng(3).integers(0, 120, (bands, 130, 150))
    return values.astype(dtype) / 7 if dtype.startswith("f") else values.astype(dtype)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "uint32", "float32", "float64"])
@pytest.mark.parametrize("storage", [
    {"compress": "zstd", "predictor": 2}, {"compress": "deflate"}, {"compress": "lzw"}, {},
], ids=str)  # fmt: skip
def test_windows_are_those_of_gdal(tmp_path: Path, dtype: str, storage: dict) -> None:
    if dtype.startswith("float") and "predictor" in storage:
        storage = storage | {"predictor": 3}
    path = write_raster(tmp_path / "a.tif", noise(dtype).astype(dtype), **TILED, **storage)
    cog = open_cog(ref_of(path))
    assert cog is not None
    with rasterio.open(path) as dataset:
        for column, row, width, height in WINDOWS:
            expected = dataset.read(window=Window(column, row, width, height))
            found = cog.window(0, column, row, width, height, [0])
            np.testing.assert_array_equal(found.transpose(2, 0, 1), expected)


@pytest.mark.parametrize("interleave", ["pixel", "band"])
def test_bands_come_in_the_order_asked_for(tmp_path: Path, interleave: str) -> None:
    pixels = noise("uint16", bands=5)
    path = write_raster(tmp_path / "a.tif", pixels, interleave=interleave, compress="zstd", **TILED)
    cog = open_cog(ref_of(path))
    assert cog is not None
    found = cog.window(0, 10, 20, 100, 90, [4, 0, 2])
    np.testing.assert_array_equal(found.transpose(2, 0, 1), pixels[[4, 0, 2], 20:110, 10:110])


def test_a_mask_is_that_of_gdal(tmp_path: Path) -> None:
    mask = np.random.default_rng(5).random((130, 150)) > 0.5
    path = write_raster(tmp_path / "a.tif", noise("uint8"), mask=mask, compress="zstd", **TILED)
    cog = open_cog(ref_of(path))
    assert cog is not None
    np.testing.assert_array_equal(cog.mask(0, 30, 40, 100, 80), mask[40:120, 30:130])


@pytest.mark.parametrize("options", [
    {"compress": "lerc", **TILED}, {"blockysize": 8}, {"ENDIANNESS": "BIG", **TILED},
    {"SPARSE_OK": True, **TILED}, {"NBITS": 4, **TILED}, {"BLOCKXSIZE": 32, **TILED},
], ids=str)  # fmt: skip
def test_what_only_gdal_reads_is_left_to_it(tmp_path: Path, options: dict) -> None:
    pixels = np.zeros((1, 130, 150), "uint8") if "SPARSE_OK" in options else noise("uint8")
    options = {name.lower(): value for name, value in options.items()} | (
        {"blockxsize": 32} if "BLOCKXSIZE" in options else {}
    )
    assert open_cog(ref_of(write_raster(tmp_path / "a.tif", pixels % 16, **options))) is None


def test_a_file_that_was_cut_is_an_error_not_a_picture(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", noise("uint8"), **TILED)
    cog = open_cog(ref_of(path))
    assert cog is not None
    path.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(OSError, match="too early"):
        cog.window(0, 0, 0, 150, 130, [0])


def test_a_block_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cog = open_cog(ref_of(write_raster(tmp_path / "a.tif", noise("uint8"), **TILED)))
    assert cog is not None
    decoded: list[int] = []
    decode = blocks.decoded
    monkeypatch.setattr(blocks, "decoded", lambda *a: decoded.append(1) or decode(*a))
    for _ in range(3):
        cog.window(0, 0, 0, 100, 60, [0])
    assert len(decoded) == 2


def test_the_cache_keeps_to_its_bytes() -> None:
    cache = BlockCache(1000)
    for number in range(20):
        cache.put(("a", False, 0, number), np.zeros(100, np.uint8))
    assert cache.bytes == 1000
    assert cache.get(("a", False, 0, 0)) is None
    assert cache.get(("a", False, 0, 19)) is not None


def test_a_gradient_survives_the_predictor(tmp_path: Path) -> None:
    pixels = gradient("int16", 130, 150)
    path = write_raster(tmp_path / "a.tif", pixels, compress="zstd", predictor=2, **TILED)
    cog = open_cog(ref_of(path))
    assert cog is not None
    for _ in range(2):  # decoding in place must not spoil what is kept
        np.testing.assert_array_equal(cog.window(0, 0, 0, 150, 130, [0])[..., 0], pixels[0])


def photo(bands: int) -> np.ndarray:
    """Smooth colours with noise, as cameras see them."""
    y, x = np.mgrid[0:130, 0:150]
    rng = np.random.default_rng(6)
    planes = [127 + 90 * np.sin(x / 17 + n) * np.cos(y / (23 + n)) for n in range(bands)]
    return np.clip(np.array(planes) + rng.normal(0, 6, (bands, 130, 150)), 0, 255).astype("uint8")


@pytest.mark.parametrize(("bands", "storage"), [
    (1, {"compress": "jpeg"}), (3, {"compress": "jpeg", "photometric": "rgb"}),
    (3, {"compress": "jpeg", "photometric": "rgb", "JPEGTABLESMODE": 0}),
    (3, {"compress": "webp"}), (4, {"compress": "webp"}),
    (3, {"compress": "webp", "WEBP_LOSSLESS": "YES"}), (4, {"compress": "webp", "alpha": "yes"}),
], ids=str)  # fmt: skip
def test_pictures_in_blocks_are_those_of_gdal(tmp_path: Path, bands: int, storage: dict) -> None:
    path = write_raster(tmp_path / "a.tif", photo(bands), interleave="pixel", **TILED, **storage)
    cog = open_cog(ref_of(path))
    assert cog is not None
    with rasterio.open(path) as dataset:
        found = cog.window(0, 0, 0, 150, 130, list(range(bands)))
        np.testing.assert_array_equal(found.transpose(2, 0, 1), dataset.read())


@pytest.mark.parametrize("storage", [
    {"compress": "jpeg", "interleave": "band"},
    {"compress": "jpeg", "photometric": "ycbcr"},
    {"compress": "jpeg", "photometric": "cmyk", "bands": 4},
], ids=str)  # fmt: skip
def test_pictures_that_only_gdal_reads_are_left_to_it(tmp_path: Path, storage: dict) -> None:
    pixels = photo(storage.pop("bands", 3))
    storage = {"interleave": "pixel"} | storage
    path = write_raster(tmp_path / "a.tif", pixels, **TILED, **storage)
    assert open_cog(ref_of(path)) is None


@pytest.mark.parametrize("compress", ["jpeg", "webp"])
def test_a_picture_of_another_size_than_its_block_is_an_error(
    tmp_path: Path, compress: str
) -> None:
    path = write_raster(
        tmp_path / "a.tif", photo(3), interleave="pixel", compress=compress, **TILED
    )
    other = tmp_path / "b.tif"
    large = np.pad(photo(3), ((0, 0), (0, 126), (0, 106)), mode="reflect")
    write_raster(other, large, interleave="pixel", compress=compress, tiled=True,
                 blockxsize=256, blockysize=256)  # fmt: skip
    ours, theirs = open_cog(ref_of(path)), open_cog(ref_of(other))
    assert ours is not None
    assert theirs is not None
    level, big = ours.header.levels[0], theirs.header.levels[0]
    raw = theirs._source.read([(int(big.offsets[0]), int(big.sizes[0]))])[0]
    with pytest.raises((ValueError, RuntimeError)):
        blocks.decoded(replace(level, jpeg_tables=big.jpeg_tables), raw)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "float32", "float64"])
@pytest.mark.parametrize("interleave", ["pixel", "band"])
def test_without_a_cache_the_pixels_are_the_same(
    tmp_path: Path, dtype: str, interleave: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "CACHE", BlockCache(0))
    mask = np.random.default_rng(5).random((130, 150)) > 0.5
    for predictor in (1, 3 if dtype.startswith("f") else 2):
        path = write_raster(
            tmp_path / f"{predictor}.tif", noise(dtype, 3).astype(dtype), mask=mask,
            interleave=interleave, compress="zstd", predictor=predictor, **TILED,
        )  # fmt: skip
        cog = open_cog(ref_of(path))
        assert cog is not None
        with rasterio.open(path) as dataset:
            for column, row, width, height in WINDOWS:
                box = blocks.Box(column, row, width, height)
                found, valid = cog.read(0, box, [2, 0], with_mask=True)
                window = Window(column, row, width, height)
                expected = dataset.read([3, 1], window=window)
                np.testing.assert_array_equal(found.transpose(2, 0, 1), expected)
                expected_mask = mask[row : row + height, column : column + width]
                np.testing.assert_array_equal(valid, expected_mask)
    assert blocks.CACHE.bytes == 0
