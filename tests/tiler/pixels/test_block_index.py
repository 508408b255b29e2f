"""What the catalogue keeps of a COG's header gives the header back, or nothing."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.rasters import gradient, write_raster
from tests.tiler.refs import ref_of
from tiler.pixels import block_index
from tiler.pixels.block_index import pack, unpack
from tiler.pixels.blocks import open_cog
from tiler.pixels.byte_sources import FileBytes
from tiler.pixels.cog_header import CogHeader, read_header

TILED = {"tiled": True, "blockxsize": 64, "blockysize": 64}


def header_of(path: Path) -> CogHeader:
    header = read_header(FileBytes(str(path)))
    assert header is not None
    return header


def cog(folder: Path, **options: object) -> Path:
    mask = np.random.default_rng(1).random((300, 400)) > 0.2
    pixels = gradient("int16", 300, 400)
    return write_raster(folder / "a.tif", pixels, mask=mask, compress="zstd", **TILED | options)


@pytest.mark.parametrize("options", [{}, {"BIGTIFF": "YES"}, {"predictor": 2}], ids=str)
def test_an_index_gives_the_header_back(tmp_path: Path, options: dict) -> None:
    path = cog(tmp_path, **options)
    read = header_of(path)
    known = unpack(pack(read, path.stat().st_size))
    assert known is not None
    for theirs, ours in zip(read.levels + read.masks, known.levels + known.masks, strict=True):
        np.testing.assert_array_equal(theirs.offsets, ours.offsets)
        np.testing.assert_array_equal(theirs.sizes, ours.sizes)
        nothing = {"offsets": None, "sizes": None}
        assert replace(theirs, **nothing) == replace(ours, **nothing)
    assert (len(known.levels), len(known.masks)) == (len(read.levels), len(read.masks))


def test_a_scene_takes_a_few_kilobytes(tmp_path: Path) -> None:
    level = header_of(cog(tmp_path)).levels[0]
    sizes = np.random.default_rng(2).integers(60_000, 130_000, 43 * 43).astype(np.uint64)
    offsets = np.cumsum(sizes) - sizes + np.uint64(5_000)
    scene = replace(level, width=10_980, height=10_980, block=256, sizes=sizes, offsets=offsets)
    assert len(pack(CogHeader((scene,), ()), int(sizes.sum()) + 5_000)) < 6_000


def test_a_block_outside_the_file_makes_an_index_useless(tmp_path: Path) -> None:
    path = cog(tmp_path)
    last = max(int((m.offsets + m.sizes).max()) for m in header_of(path).levels)
    last = max(last, *(int((m.offsets + m.sizes).max()) for m in header_of(path).masks))
    assert unpack(pack(header_of(path), last)) is not None
    assert unpack(pack(header_of(path), last - 1)) is None


@pytest.mark.parametrize("broken", [
    b"", b"RBI0", b"RBI1", b"RBI1" + zlib.compress(b""), b"RBI1" + zlib.compress(b"\xff" * 90),
    b"RBI1" + zlib.compress(b"\x02\0\0\0{}"),
    b"RBI1" + zlib.compress(b'\x24\0\0\0{"size":9,"masks":0,"levels":[{}, 1]}'),
], ids=repr)  # fmt: skip
def test_what_is_no_index_is_none(broken: bytes) -> None:
    assert unpack(broken) is None


def test_an_index_that_was_cut_or_changed_is_none_or_harmless(tmp_path: Path) -> None:
    path = cog(tmp_path)
    packed, rng = pack(header_of(path), path.stat().st_size), np.random.default_rng(4)
    assert unpack(packed[:-9]) is None
    body = zlib.decompress(packed[4:])
    for _ in range(300):
        changed = bytearray(body)
        changed[rng.integers(len(body))] ^= 1 << int(rng.integers(8))
        header = unpack(b"RBI1" + zlib.compress(changed))
        if header is not None:
            assert all((m.offsets + m.sizes <= 2**40).all() for m in header.levels)


def test_too_long_an_index_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = cog(tmp_path)
    monkeypatch.setattr(block_index, "MAX_PACKED_BYTES", 50)
    assert pack(header_of(path), path.stat().st_size) == b""


def test_with_an_index_the_files_header_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = cog(tmp_path)
    packed = pack(header_of(path), path.stat().st_size)
    ref = ref_of(path, block_index=packed)
    monkeypatch.setattr(FileBytes, "start", lambda *_: pytest.fail("the header was read"))
    file = open_cog(ref)
    assert file is not None
    np.testing.assert_array_equal(
        file.window(0, 0, 0, 400, 300, [0])[..., 0], gradient("int16", 300, 400)[0]
    )
