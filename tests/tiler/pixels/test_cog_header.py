"""A hostile header costs the web process nothing: GDAL, or nobody, reads such a file."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest
import rasterio

from tests.rasters import gradient, promise, write_raster
from tiler.pixels.byte_sources import FileBytes
from tiler.pixels.cog_header import CogHeader, read_header

SOFTWARE, OFFSETS, SIZES = 305, 324, 325
BYTE, LONG8 = 1, 16


def tiff(folder: Path, **options: object) -> Path:
    """Nine blocks and a tag that nobody needs; a BigTIFF, which can promise more."""
    tiled = {"tiled": True, "blockxsize": 64, "blockysize": 64, "BIGTIFF": "YES"}
    path = write_raster(folder / "a.tif", gradient("uint8", 130, 150), **tiled | options)
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(TIFFTAG_SOFTWARE="some program")
    return path


def header_of(path: Path) -> CogHeader | None:
    return read_header(FileBytes(str(path)))


@pytest.mark.parametrize("count", [2**61, 2**62, 2**34])
def test_a_tag_that_no_tile_needs_is_not_read(tmp_path: Path, count: int) -> None:
    path = tiff(tmp_path)
    promise(path, SOFTWARE, LONG8, count)
    assert header_of(path) is not None


def test_an_unneeded_tag_as_long_as_the_file_takes_no_memory(tmp_path: Path) -> None:
    path = tiff(tmp_path)
    os.truncate(path, 2**26)  # a hole: no space is taken
    promise(path, SOFTWARE, BYTE, 2**26 - 8)
    tracemalloc.start()
    try:
        assert header_of(path) is not None
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("tag", [OFFSETS, SIZES])
@pytest.mark.parametrize("count", [2**61, 2**34, 10, 8])
def test_other_numbers_of_blocks_than_the_raster_has_are_refused(
    tmp_path: Path, tag: int, count: int
) -> None:
    path = tiff(tmp_path)
    promise(path, tag, LONG8, count)
    assert header_of(path) is None


def test_tables_that_are_too_large_together_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tiff(tmp_path)
    assert header_of(path) is not None
    monkeypatch.setattr("tiler.pixels.cog_header.MAX_TABLE_BYTES", 300)
    assert header_of(path) is None


@pytest.mark.parametrize("limit", [64 * 64 - 1, 64 * 64])
def test_blocks_that_are_too_large_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    path = tiff(tmp_path)
    monkeypatch.setattr("tiler.pixels.cog_header.MAX_BLOCK_BYTES", limit)
    assert (header_of(path) is not None) == (limit == 64 * 64)


@pytest.mark.parametrize(("beyond", "refused"), [(0, False), (1, True)])
def test_a_block_that_lies_outside_the_file_is_refused(
    tmp_path: Path, beyond: int, refused: bool
) -> None:
    path = tiff(tmp_path)
    header = header_of(path)
    assert header is not None
    offsets = header.levels[0].offsets
    moved = offsets.copy()
    moved[4] = path.stat().st_size - int(header.levels[0].sizes[4]) + beyond
    data = path.read_bytes()
    kind = next(kind for kind in ("<u8", "<u4") if offsets.astype(kind).tobytes() in data)
    path.write_bytes(data.replace(offsets.astype(kind).tobytes(), moved.astype(kind).tobytes()))
    assert (header_of(path) is None) is refused
