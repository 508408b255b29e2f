"""Archives as PMTiles v3 lays them out: written, and read back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tiler.pixels.pmtiles import HEADER, ROOM_FOR_ROOT, Archive, ArchiveWriter, open_archive
from tiler.pixels.pmtiles_directory import Directory, decode, encode
from tiler.pixels.pyramid_index import index_of
from tiler.pixels.tile_ids import first_id, tile_ids

BOUNDS = (10.0, 45.0, 11.0, 46.0)


def written(folder: Path, tiles: dict[int, bytes], about: object = None, cut: int = 0) -> bytes:
    path = folder / "a.pmtiles"
    with ArchiveWriter(folder / "draft", "png") as writer:
        for number, body in sorted(tiles.items()):
            writer.add(number, body)
        if cut:
            writer.cut(cut)
        size = writer.write(path, BOUNDS, (0, 2), about or {})
    content = path.read_bytes()
    assert (size, list(folder.iterdir())) == (len(content), [path])
    return content


def opened(content: bytes) -> Archive:
    return open_archive(lambda start, length: content[start : start + length])


def tiles_in(content: bytes) -> dict[int, bytes]:
    archive = opened(content)
    found, tiles = {}, archive.tiles
    for number, run, length, offset in zip(
        tiles.ids.tolist(), tiles.runs.tolist(), tiles.lengths.tolist(), tiles.offsets.tolist(),
        strict=True,
    ):  # fmt: skip
        start = archive.data_offset + offset
        found |= dict.fromkeys(range(number, number + run), content[start : start + length])
    return found


def test_tiles_come_back(tmp_path: Path) -> None:
    tiles = {0: b"world", 3: b"a", 4: b"bb", 5: b"a", 20: b"last"}
    assert tiles_in(written(tmp_path, tiles)) == tiles


def test_equal_tiles_are_kept_once(tmp_path: Path) -> None:
    body = np.random.default_rng(1).bytes(5000)
    content = written(tmp_path, dict.fromkeys(range(1, 21), body))
    assert len(content) < 6000
    assert len(opened(content).tiles) == 1


def test_the_header_says_what_the_specification_wants(tmp_path: Path) -> None:
    content = written(tmp_path, {0: b"a", 1: b"b", 2: b"b"}, {"name": "A map"})
    fields = HEADER.unpack_from(content)
    assert fields[:2] == (b"PMTiles", 3)
    assert fields[10:13] == (3, 2, 2)  # tiles, entries, contents
    assert fields[13:19] == (1, 2, 1, 2, 0, 2)  # clustered, gzip, none, PNG, zooms
    assert fields[19:23] == (100_000_000, 450_000_000, 110_000_000, 460_000_000)
    assert opened(content).about == {"name": "A map"}


def test_a_long_directory_is_divided(tmp_path: Path) -> None:
    chance = np.random.default_rng(1)
    tiles = {first_id(12) + 7 * i: chance.bytes(int(chance.integers(1, 40))) for i in range(20_000)}
    content = written(tmp_path, tiles)
    root_at, root_size = HEADER.unpack_from(content)[2:4]
    assert root_at + root_size <= ROOM_FOR_ROOT
    assert HEADER.unpack_from(content)[7] > 0  # bytes of directories below
    assert tiles_in(content) == tiles


def test_a_zoom_can_be_taken_back(tmp_path: Path) -> None:
    tiles = {0: b"world", 1: b"quarter", 2: b"world", 5: b"finest", 6: b"quarter"}
    content = written(tmp_path, tiles, cut=first_id(2))
    assert tiles_in(content) == {0: b"world", 1: b"quarter", 2: b"world"}
    assert b"finest" not in content


def test_equal_archives_have_equal_bytes(tmp_path: Path) -> None:
    tiles = {0: b"world", 3: b"a"}
    (tmp_path / "b").mkdir()
    first = written(tmp_path / "b", tiles, {"b": 1, "a": 2})
    (tmp_path / "c").mkdir()
    assert written(tmp_path / "c", tiles, {"a": 2, "b": 1}) == first


@pytest.mark.parametrize("content", [b"", b"PMTiles\2" + bytes(200), b"nothing of the kind" * 20])
def test_other_files_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="archive"):
        opened(content)


@pytest.mark.parametrize(
    "content", [b"", b"no gzip", encode(Directory(*[np.ones(3, int)] * 4))[:-12]]
)
def test_a_broken_directory_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="directory"):
        decode(content)


def test_an_index_tells_stored_from_empty_from_unknown(tmp_path: Path) -> None:
    numbers = tile_ids(2, np.array([1, 2]), np.array([1, 1])).tolist()
    tiles = dict(zip(numbers, (b"one", b"two"), strict=True))
    content = written(tmp_path, tiles, {"spans": {"2": [1, 1, 2, 2], "1": [0, 0, 0, 0]}})
    index = index_of(opened(content))
    for x, body in ((1, b"one"), (2, b"two")):
        offset, length = index.find(2, x, 1) or (0, 0)
        assert content[offset : offset + length] == body
    assert index.find(2, 1, 2) == index.find(1, 0, 0) == (0, 0)
    assert index.find(2, 0, 1) is index.find(2, 3, 1) is index.find(3, 1, 1) is None


def test_an_index_follows_runs_from_one_level_to_the_next(tmp_path: Path) -> None:
    tiles = dict.fromkeys(range(21), b"same")
    content = written(tmp_path, tiles, {"spans": {"0": [0, 0, 0, 0], "2": [0, 0, 3, 3]}})
    index = index_of(opened(content))
    assert {index.find(2, x, y) for x in range(4) for y in range(4)} == {index.find(0, 0, 0)}
