"""Archives of tiles in one file: PMTiles v3 (github.com/protomaps/PMTiles), written and opened.

The header says where the directories lie, these say where the tiles lie; the tiles follow
each other along a Hilbert curve, so that neighbours in the map are neighbours in the file.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np

from repository.raster_info import Bounds
from tiler.pixels.pmtiles_directory import Directory, decode, encode

HEADER = struct.Struct("<7sB11Q6B4iB2i")
MAGIC, VERSION = b"PMTiles", 3
GZIP, NOT_COMPRESSED = 2, 1
TILE_TYPES = {"png": 2, "jpg": 3, "webp": 4}
ROOM_FOR_ROOT = 16_384
"""Header and root directory lie within so many bytes: one read finds both."""
LEAF_ENTRIES = 4_096

ReadRange = Callable[[int, int], bytes]
"""(start, length) -> those bytes of the archive."""


@dataclass
class _Tiles:
    """What was added so far, tile by tile."""

    ids: list[int] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)


class ArchiveWriter:
    """Context manager: takes tiles in rising order, then writes the archive.

    `draft` holds the tiles meanwhile; equal tiles are kept once.
    """

    def __init__(self, draft: Path, extension: str) -> None:
        self._draft, self._extension = draft, extension
        self._tiles, self._known = _Tiles(), dict[bytes, tuple[int, int]]()
        self.size = 0
        """Bytes of tiles."""

    def __enter__(self) -> ArchiveWriter:
        self._file: BinaryIO = self._draft.open("w+b")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        self._draft.unlink(missing_ok=True)

    def __len__(self) -> int:
        return len(self._tiles.ids)

    def add(self, tile_id: int, body: bytes) -> None:
        """The next tile; its number is above that of the one before."""
        digest = hashlib.blake2b(body, digest_size=16).digest()
        place = self._known.get(digest)
        if place is None:
            place = self._known[digest] = (self.size, len(body))
            self._file.write(body)
            self.size += len(body)
        self._tiles.ids.append(tile_id)
        self._tiles.offsets.append(place[0])
        self._tiles.lengths.append(place[1])

    def cut(self, tile_id: int) -> None:
        """Forget the tiles from that number on."""
        count = int(np.searchsorted(np.array(self._tiles.ids, np.int64), tile_id))
        kept = zip(self._tiles.offsets[:count], self._tiles.lengths[:count], strict=True)
        for column in (self._tiles.ids, self._tiles.offsets, self._tiles.lengths):
            del column[count:]
        self.size = max((offset + length for offset, length in kept), default=0)
        self._known = {k: place for k, place in self._known.items() if place[0] < self.size}
        self._file.truncate(self.size)
        self._file.seek(self.size)

    def write(self, path: Path, bounds_wgs84: Bounds, zooms: tuple[int, int], about: Any) -> int:
        """Write the archive and return its bytes; `about` becomes its JSON metadata."""
        entries = self._entries()
        root, leaves = _directories(entries)
        metadata = gzip.compress(json.dumps(about, sort_keys=True).encode(), 6, mtime=0)
        starts = np.cumsum([HEADER.size, len(root), len(metadata), len(leaves)]).tolist()
        header = HEADER.pack(
            MAGIC, VERSION, starts[0], len(root), starts[1], len(metadata), starts[2], len(leaves),
            starts[3], self.size, len(self), len(entries), len(self._known),
            1, GZIP, NOT_COMPRESSED, TILE_TYPES[self._extension], *zooms,
            *_e7(bounds_wgs84), zooms[0], *_e7(_middle(bounds_wgs84)),
        )  # fmt: skip
        self._file.seek(0)
        with path.open("wb") as archive:
            archive.write(header + root + metadata + leaves)
            shutil.copyfileobj(self._file, archive, 2**20)
            return archive.tell()

    def _entries(self) -> Directory:
        """Neighbours along the curve with the same bytes in one entry."""
        ids, lengths, offsets = (
            np.array(column, np.int64)
            for column in (self._tiles.ids, self._tiles.lengths, self._tiles.offsets)
        )
        begins = np.ones(len(ids), bool)
        begins[1:] = (np.diff(ids) != 1) | (np.diff(offsets) != 0)
        first = np.flatnonzero(begins)
        runs = np.diff(first, append=len(ids))
        return Directory(ids[first], runs, lengths[first], offsets[first])


@dataclass(frozen=True)
class Archive:
    """What an archive says about itself."""

    extension: str
    tiles: Directory
    """Every entry; of the root and all directories below it."""
    data_offset: int
    zooms: tuple[int, int]
    about: dict[str, Any]


def open_archive(read: ReadRange) -> Archive:
    """Read header, metadata and all directories. Raises ValueError where it is no such archive."""
    start = read(0, ROOM_FOR_ROOT)
    if len(start) < HEADER.size:
        raise ValueError("the archive has no header")
    fields = HEADER.unpack_from(start)
    magic, version, *places = fields[:10]
    kinds = {number: extension for extension, number in TILE_TYPES.items()}
    if (magic, version) != (MAGIC, VERSION) or fields[14] != GZIP or fields[16] not in kinds:
        raise ValueError("this is no archive of pictures")
    root_at, root_size, about_at, about_size, leaves_at, leaves_size, data_offset = places[:7]
    root = decode(start[root_at : root_at + root_size])
    leaves = read(leaves_at, leaves_size) if leaves_size else b""
    about = json.loads(gzip.decompress(read(about_at, about_size)))
    tiles = _joined(root, leaves)
    return Archive(kinds[fields[16]], tiles, data_offset, (fields[17], fields[18]), about)


def _joined(root: Directory, leaves: bytes) -> Directory:
    if not len(root) or root.runs[0] > 0:
        return root
    parts = [
        decode(leaves[offset : offset + length])
        for offset, length in zip(root.offsets.tolist(), root.lengths.tolist(), strict=True)
    ]
    return Directory(
        *(np.concatenate([getattr(part, name) for part in parts])
          for name in ("ids", "runs", "lengths", "offsets"))
    )  # fmt: skip


def _directories(entries: Directory) -> tuple[bytes, bytes]:
    """The root and, where it would be too large to name every tile itself, those below it."""
    root = encode(entries)
    if len(root) <= ROOM_FOR_ROOT - HEADER.size:
        return root, b""
    size = LEAF_ENTRIES
    while True:
        starts = range(0, len(entries), size)
        leaves = [encode(entries.part(start, start + size)) for start in starts]
        lengths = np.array([len(leaf) for leaf in leaves], np.int64)
        offsets = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        root = encode(Directory(entries.ids[::size], np.zeros_like(lengths), lengths, offsets))
        if len(root) <= ROOM_FOR_ROOT - HEADER.size:
            return root, b"".join(leaves)
        size *= 2


def _e7(degrees: tuple[float, ...]) -> list[int]:
    return [round(value * 10_000_000) for value in degrees]


def _middle(bounds: Bounds) -> tuple[float, float]:
    left, bottom, right, top = bounds
    return (left + right) / 2, (bottom + top) / 2
