"""Where the blocks of a COG lie: its directories, read once, so that a tile reads no header.

Only what our own reader decodes is described here (`tiler.pixels.blocks`); of any other
file `read_header` says None, and GDAL reads it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiler.pixels.byte_sources import ByteSource

NONE, LZW, JPEG, DEFLATE, OLD_DEFLATE, ZSTD, WEBP = 1, 5, 7, 8, 32946, 50000, 50001
COMPRESSIONS = (NONE, LZW, JPEG, DEFLATE, OLD_DEFLATE, ZSTD, WEBP)
PICTURES = (JPEG, WEBP)
"""Compressions that hold pixels of 8 bits in the colours of a picture."""
GREY, RGB = 1, 2
"""TIFF: PhotometricInterpretation."""
_KINDS = {1: "u", 2: "i", 3: "f"}
_FORMATS = {1: "u1", 3: "<u2", 4: "<u4", 7: "u1", 16: "<u8"}
_USED = frozenset({254, 256, 257, 258, 259, 262, 266, 277, 284, 317, 322, 323, 324, 325, 339, 347})
_MAX_DIRECTORIES = 64
_MAX_ENTRIES = 4096
START_BYTES = 32 * 2**10
"""Read at once: most COGs have all their directories in it, and a store is asked but once."""
MAX_TABLE_BYTES = 64 * 2**20
"""Of all directories of a file: twice what the largest raster that is published needs."""
MAX_BLOCK_BYTES = 64 * 2**20
"""Of one block, stored or decoded; what has larger ones is left to GDAL."""


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
    photometric: int = GREY
    jpeg_tables: bytes = b""
    """What the blocks of a JPEG-compressed level have in common."""

    @property
    def across(self) -> int:
        """Blocks in a row."""
        return -(-self.width // self.block)

    @property
    def down(self) -> int:
        """Rows of blocks."""
        return -(-self.height // self.block)

    @property
    def blocks(self) -> int:
        """All blocks of the level, those of each plane counted."""
        return self.across * self.down * (self.samples if self.planes else 1)

    @property
    def block_bytes(self) -> int:
        """Bytes of one decoded block."""
        return self.block**2 * (1 if self.planes else self.samples) * self.dtype.itemsize


@dataclass(frozen=True)
class CogHeader:
    """The levels of a raster, full resolution first, and of its mask where it has one."""

    levels: tuple[Level, ...]
    masks: tuple[Level, ...]


def read_header(source: ByteSource) -> CogHeader | None:
    """The header of a TIFF; None where it holds what only GDAL reads. Raises OSError.

    Whoever uploaded the file wrote its tables, and many others are served by this process:
    no number in them makes it read past the file's end or take more memory than is allowed.
    """
    try:
        file = _Bytes(source)
        header = _assembled(_directories(file))
    except (struct.error, KeyError, ValueError, IndexError, OverflowError, MemoryError):
        return None
    return header if header and is_affordable(header, file.size) else None


def is_affordable(header: CogHeader, size: int) -> bool:
    """Whether each block lies in the file and takes little memory."""
    return all(
        min(level.block, level.width, level.height, level.samples) > 0
        and level.offsets.size == level.sizes.size == level.blocks
        and 0 < level.block_bytes <= MAX_BLOCK_BYTES
        and int(level.sizes.max()) <= min(MAX_BLOCK_BYTES, size)
        and bool((level.offsets <= np.uint64(size) - level.sizes).all())
        for level in header.levels + header.masks
    )


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
    photometric, samples = int(tags.get(262, [GREY])[0]), int(tags.get(277, [1])[0])
    planes = int(tags.get(284, [1])[0]) == 2
    if compression in PICTURES and not _is_picture(compression, photometric, samples, bits, planes):
        return None
    depth = bits.pop()
    if is_mask != (depth == 1) or (not is_mask and depth not in (8, 16, 32, 64)):
        return None
    dtype = np.dtype("u1") if is_mask else np.dtype(f"<{_KINDS[kinds.pop()]}{depth // 8}")
    if dtype == np.dtype("<f2"):
        return None
    return Level(
        width=int(tags[256][0]), height=int(tags[257][0]), block=block,
        samples=samples, planes=planes, dtype=dtype,
        bits=depth, compression=compression, predictor=int(tags.get(317, [1])[0]),
        offsets=tags[324].astype(np.uint64), sizes=tags[325].astype(np.uint64),
        photometric=photometric,
        jpeg_tables=tags[347].tobytes() if compression == JPEG and 347 in tags else b"",
    )  # fmt: skip


def _is_picture(
    compression: int, photometric: int, samples: int, bits: set[int], planes: bool
) -> bool:
    """Whether our libraries decode a block to what GDAL does. Of YCbCr in JPEG they do not:
    libjpeg 9, which rasterio brings, spreads colour otherwise than libjpeg-turbo, by up to 7."""
    if bits != {8} or planes:
        return False
    if compression == WEBP:
        return samples in (3, 4)
    return (photometric, samples) in ((GREY, 1), (RGB, 3))


class _Bytes:
    """Reads of one open file, never past its end and bounded in sum."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._start, self.size = source.start(START_BYTES)
        self._left = MAX_TABLE_BYTES

    def at(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes; raises ValueError where there are fewer, or it is too much."""
        self._left -= length
        if self._left < 0 or offset + length > self.size:
            raise ValueError("a table outside the file, or too large a one")
        if offset + length <= len(self._start):
            return self._start[offset : offset + length]
        return bytes(self._source.read([(offset, length)])[0])


def _directories(file: _Bytes) -> list[dict[int, Any]]:
    head = file.at(0, 16)
    if head[:2] != b"II":
        raise ValueError("big-endian")
    big = struct.unpack_from("<H", head, 2)[0] == 43
    position = struct.unpack_from("<Q", head, 8)[0] if big else struct.unpack_from("<I", head, 4)[0]
    found: list[dict[int, Any]] = []
    while position and len(found) < _MAX_DIRECTORIES:
        tags, position = _directory(file, position, big)
        found.append(tags)
    return found


def _directory(file: _Bytes, position: int, big: bool) -> tuple[dict[int, Any], int]:
    count_code, entry_code, link_code, inline = (
        ("<Q", "<HHQ", "<Q", 8) if big else ("<H", "<HHI", "<I", 4)
    )
    head = struct.calcsize(count_code)
    count = struct.unpack(count_code, file.at(position, head))[0]
    if count > _MAX_ENTRIES:
        raise ValueError("no directory of a COG is so long")
    width = struct.calcsize(entry_code) + inline
    table = file.at(position + head, count * width + inline)
    tags: dict[int, Any] = {}
    for at in range(0, count * width, width):
        number, kind, length = struct.unpack_from(entry_code, table, at)
        if number not in _USED or kind not in _FORMATS:
            continue
        size = np.dtype(_FORMATS[kind]).itemsize * length
        value = table[at + width - inline : at + width]
        if size > inline:
            value = file.at(struct.unpack(link_code, value)[0], size)
        tags[number] = np.frombuffer(value[:size], _FORMATS[kind])
    return tags, struct.unpack_from(link_code, table, count * width)[0]
