"""Reads the codestream of a JPEG 2000 file: the size that it promises, and whether all is there.

ISO/IEC 15444-1, annex A.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from repository.errors import Rejected
from tasks.formats.errors import corrupt, truncated
from tasks.formats.jpeg2000_boxes import CODESTREAM, find_codestream
from tasks.formats.limits import Extent, Limits, check_block, check_extent
from tasks.formats.reading import HeaderReader, header_of
from tasks.formats.records import HeaderFacts

MAGIC = (b"\0\0\0\x0cjP  \r\n\x87\n", CODESTREAM)

_MAX_TILE_PARTS = 1_000_000
_MAX_CODE_BLOCKS = 4_000_000
"""In one tile: OpenJPEG keeps some 100 bytes for each, whatever its content."""
_AREA = 1024
"""GDAL decodes a picture of one tile in windows of this size."""


@dataclass(frozen=True)
class _Codestream:
    """What the SIZ marker says (A.5.1)."""

    width: int
    height: int
    tile_width: int
    tile_height: int
    components: int
    bits: int
    signed: bool
    tiles: int

    @property
    def dtype(self) -> str:
        size = 8 if self.bits <= 8 else 16 if self.bits <= 16 else 32
        return f"{'int' if self.signed else 'uint'}{size}"

    @property
    def block_pixels(self) -> int:
        """Of the piece that is decoded at once."""
        if self.tiles == 1 and max(self.width, self.height) > _AREA:
            return min(self.width, _AREA) * min(self.height, _AREA)
        return min(self.width, self.tile_width) * min(self.height, self.tile_height)


def check(path: Path, limits: Limits) -> HeaderFacts:
    """Size, type and cost of the picture; raises Rejected where it is cut, lies or is too large."""
    with header_of(path) as reader:
        start, end = find_codestream(reader)
        stream, after = _size_marker(reader, start)
        extent = Extent(
            stream.width, stream.height, stream.components, int(stream.dtype.lstrip("uint")) // 8
        )
        check_extent(extent, reader.size, limits)
        # OpenJPEG decodes every sample into 32 bits.
        block = stream.block_pixels * stream.components * 4
        check_block(block, limits)
        _check_tile_parts(reader, after, end, stream)
        return HeaderFacts.of(reader.size, extent, stream.dtype, block)


def _size_marker(reader: HeaderReader, start: int) -> tuple[_Codestream, int]:
    soc, siz, length, _, x1, y1, x0, y0, tw, th, tx, ty, components = reader.unpack(
        ">HHHHIIIIIIIIH", start
    )
    if (soc, siz) != (0xFF4F, 0xFF51) or length != 38 + 3 * components or not components:
        raise corrupt("The JPEG 2000 picture has no proper size marker.")
    if x0 >= x1 or y0 >= y1 or not tw or not th or tx > x0 or ty > y0:
        raise corrupt("The JPEG 2000 picture has an impossible size.")
    depths = reader.bytes_at(start + 42, 3 * components)[::3]
    bits = max((depth & 0x7F) + 1 for depth in depths)
    tiles = -(-(x1 - tx) // tw) * -(-(y1 - ty) // th)
    stream = _Codestream(
        x1 - x0, y1 - y0, tw, th, components, bits, any(d & 0x80 for d in depths), tiles
    )
    if bits > 32:
        raise Rejected(
            f"The JPEG 2000 picture has {bits} bits a sample; 32 are taken.",
            code="unsupported_dtype",
            hint="Write it anew with at most 32 bits.",
        )
    return stream, start + 4 + length


def _check_tile_parts(reader: HeaderReader, position: int, end: int, stream: _Codestream) -> None:
    """Every tile-part must lie in the file: cut ones would be decoded as zeros (A.4.2)."""
    if stream.tiles > 65535:
        raise corrupt(f"The JPEG 2000 picture claims {stream.tiles} tiles.")
    seen: set[int] = set()
    for _ in range(_MAX_TILE_PARTS):
        marker, length = reader.unpack(">HH", position)
        if marker == 0xFFD9 or position + 2 >= end:
            break
        if marker == 0xFF90:
            tile, part_bytes = reader.unpack(">HI", position + 4)
            seen.add(tile)
            if part_bytes == 0:  # it goes on to the end of the codestream
                break
            if part_bytes < 14:
                raise corrupt("A tile of the JPEG 2000 picture has an impossible length.")
            position += part_bytes
            if position > end:
                raise truncated(reader.size, position)
            if position + 2 >= end and reader.size - position < 4:
                break
        elif 0xFF30 <= marker <= 0xFF3F or marker >> 8 != 0xFF:
            raise corrupt("The JPEG 2000 picture has bytes where a marker must be.")
        else:
            if marker == 0xFF52:
                _check_code_blocks(reader, position, stream)
            position += 2 + length
    if len(seen) < stream.tiles:
        raise Rejected(
            f"The file holds {len(seen)} of {stream.tiles} tiles of its picture.",
            code="truncated",
            hint="It was probably cut short while copying. Copy or upload it again.",
        )


def _check_code_blocks(reader: HeaderReader, position: int, stream: _Codestream) -> None:
    """COD, A.6.1: code blocks are 2**(x+2) wide."""
    across, down = reader.unpack(">BB", position + 10)
    if across > 8 or down > 8 or across + down > 8:
        raise corrupt("The JPEG 2000 picture has code blocks of an impossible size.")
    width, height = min(stream.width, stream.tile_width), min(stream.height, stream.tile_height)
    blocks = (width >> (across + 2)) * (height >> (down + 2)) * stream.components
    if blocks > _MAX_CODE_BLOCKS:
        raise Rejected(
            f"One tile of the JPEG 2000 picture has {blocks} code blocks.",
            code="block_too_large",
            hint="Write it anew in tiles: `gdal_translate -of COG input.jp2 output.tif`.",
        )
