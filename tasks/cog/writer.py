"""Laying out the finished file: header | overviews, small to large | full resolution."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tasks.cog import tags as t
from tasks.cog.encoding import COMPRESSION, COMPRESSION_DEFLATE
from tasks.cog.levels import BlockIndex, Level
from tasks.cog.tags import Tag
from tasks.cog_profiles import Codec

COPY_BYTES = 8 << 20
HEADER_ALLOWANCE = 32 << 20
"""For all that a header holds besides its block offsets and sizes."""
REDUCED_IMAGE, MASK_IMAGE = 1, 4


@dataclass(frozen=True)
class Layout:
    """What the writer must know beyond the levels themselves."""

    descriptive: dict[int, Tag]
    codec: Codec
    predictor: int
    has_mask: bool
    row_major: bool
    """Blocks lie in TIFF's order, so that the ghost area may promise it to GDAL."""


def write_file(
    destination: Path, levels: Sequence[Level], layout: Layout, copied: Callable[[float], None]
) -> int:
    """Write the COG from full levels (full resolution first) and return its size in bytes.

    `copied` hears the share of data written, 0 to 1.
    """
    data_size = sum(level.end for level in levels)
    header = _header(levels, layout, big=data_size > classic_data_limit(levels))
    with destination.open("wb") as file:
        file.write(header)
        for level in reversed(levels):
            _append_spool(level.spool, file)
            copied((file.tell() - len(header)) / max(1, data_size))
        return file.tell()


def classic_data_limit(levels: Sequence[Level]) -> int:
    """Bytes of data that a classic TIFF holds beside its header (4-byte offsets)."""
    blocks = sum(len(level.image.sizes) + len(level.mask.sizes) for level in levels)
    return 2**32 - 1 - 8 * blocks - HEADER_ALLOWANCE


def _append_spool(spool: IO[bytes], file: IO[bytes]) -> None:
    spool.seek(0)
    shutil.copyfileobj(spool, file, COPY_BYTES)
    spool.close()


def _header(levels: Sequence[Level], layout: Layout, *, big: bool) -> bytes:
    """Everything before the data. Built twice: block offsets depend on its own length."""
    empty = _serialise(levels, layout, [0] * len(levels), big=big)
    starts, position = [0] * len(levels), len(empty)
    for number in reversed(range(len(levels))):
        starts[number] = position
        position += levels[number].end
    return _serialise(levels, layout, starts, big=big)


def _serialise(
    levels: Sequence[Level], layout: Layout, starts: Sequence[int], *, big: bool
) -> bytes:
    header = (
        struct.pack("<2sHHHQ", b"II", 43, 8, 0, 0) if big else struct.pack("<2sHI", b"II", 42, 0)
    )
    output = bytearray(header + _ghost_area(layout))
    link = 8 if big else 4
    for number, level in enumerate(levels):
        images = [_image_tags(level, layout, number, starts[number], big)]
        if layout.has_mask:
            images.append(_mask_tags(level, number, starts[number], big))
        for image in images:
            output += b"\0" * (len(output) % 2)
            struct.pack_into("<Q" if big else "<I", output, link, len(output))
            link = _append_ifd(output, image, big=big)
    output += b"\0" * (-len(output) % 16)
    return bytes(output)


def _append_ifd(output: bytearray, image: dict[int, Tag], *, big: bool) -> int:
    """Add one IFD with its values behind it; return where its link to the next one lies."""
    count, entry, number = ("<Q", "<HHQ", "<Q") if big else ("<H", "<HHI", "<I")
    inline = struct.calcsize(number)
    entries_size = struct.calcsize(count) + len(image) * (struct.calcsize(entry) + inline)
    link = len(output) + entries_size
    values_start = link + inline
    output += struct.pack(count, len(image))
    values = bytearray()
    for tag_number in sorted(image):
        tag = image[tag_number]
        output += struct.pack(entry, tag_number, tag.type, tag.count)
        if len(tag.data) <= inline:
            output += tag.data.ljust(inline, b"\0")
        else:
            output += struct.pack(number, values_start + len(values))
            values += tag.data + b"\0" * (len(tag.data) % 2)
    output += b"\0" * inline + values
    return link


def _image_tags(level: Level, layout: Layout, number: int, start: int, big: bool) -> dict[int, Tag]:
    described = layout.descriptive
    if number:
        described = {tag: described[tag] for tag in t.SHARED_WITH_OVERVIEWS if tag in described}
    result = described | _block_tags(level, level.image, start, big)
    result[t.COMPRESSION] = t.shorts(COMPRESSION[layout.codec])
    result[t.PLANAR_CONFIG] = t.shorts(1 if level.planes == 1 else 2)
    if layout.predictor != 1:
        result[t.PREDICTOR] = t.shorts(layout.predictor)
    if number:
        result[t.NEW_SUBFILE_TYPE] = t.longs(REDUCED_IMAGE)
    return result


def _mask_tags(level: Level, number: int, start: int, big: bool) -> dict[int, Tag]:
    return _block_tags(level, level.mask, start, big) | {
        t.NEW_SUBFILE_TYPE: t.longs(MASK_IMAGE | (REDUCED_IMAGE if number else 0)),
        t.BITS: t.shorts(1),
        t.COMPRESSION: t.shorts(COMPRESSION_DEFLATE),
        t.PHOTOMETRIC: t.shorts(4),
        t.SAMPLES: t.shorts(1),
        t.PLANAR_CONFIG: t.shorts(1),
    }


def _block_tags(level: Level, index: BlockIndex, start: int, big: bool) -> dict[int, Tag]:
    offsets = [start + offset for offset in index.offsets]
    return {
        t.WIDTH: t.longs(level.width),
        t.LENGTH: t.longs(level.height),
        t.TILE_WIDTH: t.shorts(level.block_size),
        t.TILE_LENGTH: t.shorts(level.block_size),
        t.TILE_OFFSETS: (t.long8s if big else t.longs)(*offsets),
        t.TILE_BYTE_COUNTS: t.longs(*index.sizes),
    }


def _ghost_area(layout: Layout) -> bytes:
    """GDAL's promise about the layout (GDAL, COG driver, "Header ghost area")."""
    if not layout.row_major:
        return b""
    text = (
        "LAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\nBLOCK_LEADER=SIZE_AS_UINT4\n"
        "BLOCK_TRAILER=LAST_4_BYTES_REPEATED\nKNOWN_INCOMPATIBLE_EDITION=NO\n "
    )
    if layout.has_mask:
        text += "MASK_INTERLEAVED_WITH_IMAGERY=YES\n"
    return f"GDAL_STRUCTURAL_METADATA_SIZE={len(text):06d} bytes\n{text}".encode()
