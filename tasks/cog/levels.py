"""The levels of a pyramid: their sizes, and where each one's compressed blocks lie."""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO


@dataclass
class BlockIndex:
    """Offsets within the level's spool and sizes of all blocks of one image, in TIFF order."""

    offsets: list[int]
    sizes: list[int]

    @classmethod
    def of_length(cls, count: int) -> BlockIndex:
        """An index of `count` blocks that are still to come."""
        return cls([0] * count, [0] * count)


@dataclass
class Level:
    """One resolution: its size in pixels and a spool of its compressed blocks.

    A block is framed as GDAL's COG driver frames it (size before, last four bytes
    again behind), so that GDAL over HTTP fetches it without asking for its size.
    """

    width: int
    height: int
    block_size: int
    planes: int
    """Blocks at one place: 1, or the number of bands where each has its own."""
    spool: IO[bytes]
    end: int = 0
    image: BlockIndex = field(init=False)
    mask: BlockIndex = field(init=False)

    def __post_init__(self) -> None:
        self.image = BlockIndex.of_length(self.planes * self.across * self.down)
        self.mask = BlockIndex.of_length(self.across * self.down)

    @property
    def across(self) -> int:
        """Blocks in a row."""
        return -(-self.width // self.block_size)

    @property
    def down(self) -> int:
        """Rows of blocks."""
        return -(-self.height // self.block_size)

    def block_number(self, column: int, row: int, plane: int = 0) -> int:
        """Position of a block in TIFF's TileOffsets (TIFF 6.0, section 15)."""
        return (plane * self.down + row) * self.across + column

    def append(self, index: BlockIndex, number: int, encoded: bytes) -> None:
        """Spool one block and note its place."""
        index.offsets[number] = self.end + 4
        index.sizes[number] = len(encoded)
        trailer = encoded[-4:].rjust(4, b"\0")
        self.spool.write(struct.pack("<I", len(encoded)))
        self.spool.write(encoded)
        self.spool.write(trailer)
        self.end += len(encoded) + 8


def level_sizes(width: int, height: int, block_size: int) -> list[tuple[int, int]]:
    """Width and height of every level, the full one first, until one fits into one block.

    A raster one pixel wide gets no overviews: GDAL names an overview by how much
    narrower it is.
    """
    sizes = [(width, height)]
    while max(sizes[-1]) > block_size and width > 1:
        sizes.append((-(-sizes[-1][0] // 2), -(-sizes[-1][1] // 2)))
    return sizes


def open_levels(
    sizes: Sequence[tuple[int, int]], block_size: int, planes: int, folder: Path
) -> list[Level]:
    """Empty levels with spools in `folder` that vanish when closed."""
    return [
        Level(width, height, block_size, planes, tempfile.TemporaryFile(dir=folder))
        for width, height in sizes
    ]
