"""Reads and checks a TIFF's own tables before GDAL is trusted with the file.

A TIFF (TIFF 6.0; BigTIFF) is a chain of directories that point anywhere. GDAL
allocates what a directory promises and follows where it points, so everything
that a promise can cost is compared here with the bytes that are really there.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from repository.errors import Rejected
from tasks.formats.errors import corrupt, truncated

MAX_PAGES = 4096
"""A COG has some forty (levels and their masks); a page scan must end."""

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4,
          16: 8, 17: 8, 18: 8}  # fmt: skip
_CODES = {1: "u1", 3: "u2", 4: "u4", 11: "f4", 12: "f8", 13: "u4", 16: "u8"}

_SUBFILE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION = 254, 256, 257, 258, 259
_STRIP_OFFSETS, _SAMPLES, _ROWS_PER_STRIP, _STRIP_COUNTS, _PLANAR = 273, 277, 278, 279, 284
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_COUNTS = 322, 323, 324, 325
_PIXEL_SCALE, _TIEPOINTS, _MATRIX, _GEO_KEYS = 33550, 33922, 34264, 34735
_GEO_DOUBLES, _GEO_TEXT, _GDAL_METADATA, _GDAL_NODATA = 34736, 34737, 42112, 42113

_NEEDED = frozenset(
    {_SUBFILE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _STRIP_OFFSETS, _SAMPLES, _ROWS_PER_STRIP,
     _STRIP_COUNTS, _PLANAR, _TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_COUNTS, _GEO_KEYS,
     _GDAL_METADATA, _GDAL_NODATA}
)  # fmt: skip
_GEOREFERENCE = frozenset({_PIXEL_SCALE, _TIEPOINTS, _MATRIX, _GEO_DOUBLES, _GEO_TEXT})


@dataclass(frozen=True)
class TiffPage:
    """One directory: a picture, a smaller copy of it (overview) or a mask."""

    width: int
    height: int
    samples: int
    bits: int
    """Of one sample, 1 to 128."""
    compression: int
    block_width: int
    block_height: int
    block_samples: int
    """Samples stored together in a block: all of them, or 1 where planes are separate."""
    tiled: bool
    blocks_present: int
    blocks_expected: int
    position: int
    """Of the directory, in bytes from the start of the file."""
    data_start: int
    """Of the first block that was written; 0 where none was."""
    data_end: int
    """Bytes from the start of the file to the end of the last block."""
    is_overview: bool
    is_mask: bool
    nodata_text: str
    metadata: bytes
    """GDAL's XML, unread."""
    projected_epsg: int | None
    """ProjectedCRSGeoKey where it is an EPSG code (OGC 19-008r4, 7.4)."""
    tags_lie_inside: bool
    """False if a tag that we do not read, and readers may, points past the end of the file."""

    @property
    def sample_bytes(self) -> int:
        """Bytes of one decoded sample: GDAL widens odd bit counts to a machine type."""
        return next(size for size in (1, 2, 4, 8, 16) if self.bits <= 8 * size)

    @property
    def decoded_bytes(self) -> int:
        """Bytes of all pixels of this page, decoded."""
        return self.width * self.height * self.samples * self.sample_bytes

    @property
    def block_bytes(self) -> int:
        """Bytes that decoding one block takes."""
        return self.block_width * self.block_height * self.block_samples * self.sample_bytes


@dataclass(frozen=True)
class TiffHeader:
    """All pages of a TIFF, in file order; the first one is the raster."""

    size_bytes: int
    pages: tuple[TiffPage, ...]

    @property
    def raster(self) -> TiffPage:
        """The page that GDAL opens."""
        return self.pages[0]

    @property
    def other_pages(self) -> int:
        """How many pages are neither the raster nor overview nor mask."""
        return sum(not (page.is_overview or page.is_mask) for page in self.pages[1:])

    @property
    def overviews(self) -> tuple[int, ...]:
        """Decimation factors, small to large; found here so that GDAL follows no reference."""
        levels = {
            round(self.raster.width / page.width)
            for page in self.pages[1:]
            if page.is_overview and not page.is_mask
        }
        return tuple(sorted(level for level in levels if level > 1))


def read_tiff_header(path: Path) -> TiffHeader:
    """The directories of a TIFF or BigTIFF, each number checked against the file's size.

    Reads tables only, never pixels. Raises Rejected `not_a_raster`, `truncated`
    or `corrupt`.
    """
    size = os.path.getsize(path)
    with path.open("rb") as file:
        reader = _Reader(file, size)
        pages: list[TiffPage] = []
        seen: set[int] = set()
        position = reader.first_directory()
        while position:
            if position in seen:
                raise corrupt("Its directories point at one another in a circle.")
            if len(pages) >= MAX_PAGES:
                raise Rejected(
                    f"The file has more than {MAX_PAGES} pages.",
                    code="too_many_pages",
                    hint="Upload one raster a file.",
                )
            seen.add(position)
            tags, lie_inside, following = reader.directory(position)
            pages.append(_page(tags, position, lie_inside))
            position = following
    if not pages:
        raise corrupt("The file is a TIFF header without a picture.")
    return TiffHeader(size, tuple(pages))


class _Reader:
    """Fetches bytes of one TIFF in its own byte order, never past its end."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._size = file, size
        head = self.bytes_at(0, 8)
        self._order = {b"II": "<", b"MM": ">"}.get(head[:2], "")
        version = struct.unpack(self._order + "H", head[2:4])[0] if self._order else 0
        if version not in (42, 43):
            raise Rejected("The file is not a TIFF.", code="not_a_raster")
        self.big = version == 43

    def first_directory(self) -> int:
        """Offset of the first directory."""
        return self._unpack("Q", 8) if self.big else self._unpack("I", 4)

    def directory(self, position: int) -> tuple[dict[int, Any], bool, int]:
        """Tags that matter to us, whether all others lie inside the file, and the offset of the
        next directory (0: none)."""
        count = self._unpack("Q" if self.big else "H", position)
        if count > 65535:
            raise corrupt(f"A directory claims {count} entries.")
        start, width = position + (8 if self.big else 2), 20 if self.big else 12
        table = self.bytes_at(start, count * width)
        tags: dict[int, Any] = {}
        # All of them are looked at: `all` would stop at the first one outside.
        inside = [self._collect(table[at : at + width], tags) for at in range(0, len(table), width)]
        return tags, all(inside), self._unpack("Q" if self.big else "I", start + len(table))

    def _collect(self, entry: bytes, tags: dict[int, Any]) -> bool:
        """Keep a tag that matters; False for any other one whose data lie outside the file."""
        pattern = self._order + ("HHQ" if self.big else "HHI")
        tag, kind, count = struct.unpack_from(pattern, entry)
        length, inline = _SIZES.get(kind, 1) * count, entry[12 if self.big else 8 :]
        offset = struct.unpack(self._order + ("Q" if self.big else "I"), inline)[0]
        elsewhere = length > len(inline)
        if tag not in _NEEDED and tag not in _GEOREFERENCE:
            return not elsewhere or offset + length <= self._size
        # Georeference must be there, or GDAL drops the CRS silently; its values are GDAL's.
        raw = self.bytes_at(offset, length) if elsewhere else inline[:length]
        if tag in _NEEDED:
            code = _CODES.get(kind)
            tags[tag] = np.frombuffer(raw, self._order + code) if code and kind != 1 else raw
        return True

    def bytes_at(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes; raises Rejected `truncated` where the file has fewer."""
        if offset + length > self._size:
            raise truncated(self._size, offset + length)
        self._file.seek(offset)
        return self._file.read(length)

    def _unpack(self, code: str, offset: int) -> int:
        pattern = self._order + code
        value: int = struct.unpack(pattern, self.bytes_at(offset, struct.calcsize(pattern)))[0]
        return value


def _page(tags: dict[int, Any], position: int, tags_lie_inside: bool) -> TiffPage:
    width, height = _one(tags, _WIDTH), _one(tags, _HEIGHT)
    samples = _one(tags, _SAMPLES, 1)
    if not (0 < width < 2**31 and 0 < height < 2**31 and samples > 0):
        raise corrupt(f"Its directory says {width} x {height} pixels in {samples} bands.")
    bits = int(max(_numbers(tags, _BITS), default=1))
    if not (1 <= bits <= 32 or bits in (64, 128)):
        raise corrupt(f"Its directory says {bits} bits per sample.")
    tiled = _TILE_WIDTH in tags
    block_width = _one(tags, _TILE_WIDTH) if tiled else width
    block_height = _one(tags, _TILE_HEIGHT) if tiled else _one(tags, _ROWS_PER_STRIP, height)
    block_height = block_height if tiled else min(block_height, height)
    if not (0 < block_width < 2**31 and 0 < block_height < 2**31):
        raise corrupt(f"Its directory says blocks of {block_width} x {block_height} pixels.")
    together = _one(tags, _PLANAR, 1) != 2
    expected = -(-width // block_width) * -(-height // block_height)
    offsets = _numbers(tags, _TILE_OFFSETS if tiled else _STRIP_OFFSETS)
    lengths = _numbers(tags, _TILE_COUNTS if tiled else _STRIP_COUNTS)
    subfile = _one(tags, _SUBFILE, 0)
    return TiffPage(
        width=width,
        height=height,
        samples=samples,
        bits=bits,
        compression=_one(tags, _COMPRESSION, 1),
        block_width=block_width,
        block_height=block_height,
        block_samples=samples if together else 1,
        tiled=tiled,
        blocks_present=len(offsets),
        blocks_expected=expected * (1 if together else samples),
        position=position,
        data_start=_data_start(offsets),
        data_end=_data_end(offsets, lengths),
        is_overview=bool(subfile & 1),
        is_mask=bool(subfile & 4),
        nodata_text=_text(tags, _GDAL_NODATA),
        metadata=bytes(tags.get(_GDAL_METADATA, b"")),
        projected_epsg=_projected_epsg(_numbers(tags, _GEO_KEYS)),
        tags_lie_inside=tags_lie_inside,
    )


def _numbers(tags: dict[int, Any], tag: int) -> NDArray[Any]:
    value = tags.get(tag)
    return value if isinstance(value, np.ndarray) else np.zeros(0, "u4")


def _one(tags: dict[int, Any], tag: int, default: int = 0) -> int:
    values = _numbers(tags, tag)
    return int(values[0]) if values.size else default


def _text(tags: dict[int, Any], tag: int) -> str:
    value = tags.get(tag, b"")
    return value.split(b"\0")[0].decode("latin-1").strip() if isinstance(value, bytes) else ""


def _data_start(offsets: NDArray[Any]) -> int:
    written = offsets[offsets > 0]
    return int(written.min()) if written.size else 0


def _data_end(offsets: NDArray[Any], lengths: NDArray[Any]) -> int:
    """Offset 0 marks a block that was never written: GDAL reads it as nodata."""
    n = min(offsets.size, lengths.size)
    if not n:
        return 0
    # As float64: exact to 2**53, and two hostile uint64 cannot wrap round.
    ends = np.where(offsets[:n] > 0, offsets[:n].astype("f8") + lengths[:n], 0)
    return int(ends.max())


def _projected_epsg(keys: NDArray[Any]) -> int | None:
    for at in range(4, keys.size - 3, 4):
        key, location, _, value = (int(number) for number in keys[at : at + 4])
        if key == 3072 and location == 0 and 1024 <= value < 32767:
            return value
    return None
