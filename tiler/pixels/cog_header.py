"""Where the blocks of a COG lie: its directories, read once, so that a tile reads no header.

Only what our own reader decodes is described here (`tiler.pixels.blocks`); of any other
file `read_header` says None, and GDAL reads it.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

NONE, LZW, DEFLATE, OLD_DEFLATE, ZSTD = 1, 5, 8, 32946, 50000
COMPRESSIONS = (NONE, LZW, DEFLATE, OLD_DEFLATE, ZSTD)
_KINDS = {1: "u", 2: "i", 3: "f"}
_FORMATS = {1: "u1", 3: "<u2", 4: "<u4", 16: "<u8"}
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4,
          16: 8, 17: 8, 18: 8}  # fmt: skip
_MAX_DIRECTORIES = 64


@dataclass(frozen=True)
class Level:
    """One resolution of the raster, or of its mask."""

    width: int
    height: int
    block: int
    """Side of its square blocks."""
    samples: int
    planes: bool
    """Each sample has blocks of its own (TIFF: PlanarConfiguration 2)."""
    dtype: np.dtype[Any]
    bits: int
    compression: int
    predictor: int
    offsets: NDArray[np.uint64]
    sizes: NDArray[np.uint64]

    @property
    def across(self) -> int:
        """Blocks in a row."""
        return -(-self.width // self.block)

    @property
    def down(self) -> int:
        """Rows of blocks."""
        return -(-self.height // self.block)


@dataclass(frozen=True)
class CogHeader:
    """The levels of a raster, full resolution first, and of its mask where it has one."""

    levels: tuple[Level, ...]
    masks: tuple[Level, ...]


def read_header(descriptor: int) -> CogHeader | None:
    """The header of an open TIFF; None where it holds what only GDAL reads."""
    try:
        return _assembled(_directories(descriptor))
    except (struct.error, KeyError, ValueError, IndexError):
        return None


def _assembled(directories: list[dict[int, Any]]) -> CogHeader | None:
    levels: list[Level] = []
    masks: list[Level] = []
    for tags in directories:
        subfile = int(tags[254][0]) if 254 in tags else 0
        level = _level(tags, is_mask=bool(subfile & 4))
        if level is None:
            return None
        if subfile & 4:
            masks.append(level)
        elif subfile & 1 or not levels:
            levels.append(level)
    first = levels[0]
    alike = all(
        (level.dtype, level.samples, level.planes) == (first.dtype, first.samples, first.planes)
        for level in levels
    )
    if not alike or (masks and [m.width for m in masks] != [level.width for level in levels]):
        return None
    return CogHeader(tuple(levels), tuple(masks))


def _level(tags: dict[int, Any], *, is_mask: bool) -> Level | None:
    bits = {int(number) for number in tags.get(258, [1])}
    kinds = {int(number) for number in tags.get(339, [1])}
    block, compression = int(tags[322][0]), int(tags[259][0])
    usable = (
        len(bits) == 1 and len(kinds) == 1 and block == int(tags[323][0])
        and compression in COMPRESSIONS and int(tags.get(266, [1])[0]) == 1
    )  # fmt: skip
    if not usable:
        return None
    if not tags[325].all():  # a block that was never written: GDAL knows what it means
        return None
    depth = bits.pop()
    if is_mask != (depth == 1) or (not is_mask and depth not in (8, 16, 32, 64)):
        return None
    dtype = np.dtype("u1") if is_mask else np.dtype(f"<{_KINDS[kinds.pop()]}{depth // 8}")
    if dtype == np.dtype("<f2"):
        return None
    return Level(
        width=int(tags[256][0]), height=int(tags[257][0]), block=block,
        samples=int(tags.get(277, [1])[0]), planes=int(tags.get(284, [1])[0]) == 2, dtype=dtype,
        bits=depth, compression=compression, predictor=int(tags.get(317, [1])[0]),
        offsets=tags[324].astype(np.uint64), sizes=tags[325].astype(np.uint64),
    )  # fmt: skip


def _directories(descriptor: int) -> list[dict[int, Any]]:
    head = os.pread(descriptor, 16, 0)
    if head[:2] != b"II":
        raise ValueError("big-endian")
    big = struct.unpack_from("<H", head, 2)[0] == 43
    position = struct.unpack_from("<Q", head, 8)[0] if big else struct.unpack_from("<I", head, 4)[0]
    found: list[dict[int, Any]] = []
    while position and len(found) < _MAX_DIRECTORIES:
        tags, position = _directory(descriptor, position, big)
        found.append(tags)
    return found


def _directory(descriptor: int, position: int, big: bool) -> tuple[dict[int, Any], int]:
    count_code, entry_code, link_code, inline = (
        ("<Q", "<HHQ", "<Q", 8) if big else ("<H", "<HHI", "<I", 4)
    )
    head = struct.calcsize(count_code)
    count = struct.unpack(count_code, os.pread(descriptor, head, position))[0]
    width = struct.calcsize(entry_code) + inline
    table = os.pread(descriptor, count * width + inline, position + head)
    tags: dict[int, Any] = {}
    for at in range(0, count * width, width):
        number, kind, length = struct.unpack_from(entry_code, table, at)
        if kind not in _FORMATS:
            continue
        size = _SIZES[kind] * length
        value = table[at + width - inline : at + width]
        if size > inline:
            value = os.pread(descriptor, size, struct.unpack(link_code, value)[0])
        tags[number] = np.frombuffer(value[:size], _FORMATS[kind])
    return tags, struct.unpack_from(link_code, table, count * width)[0]
