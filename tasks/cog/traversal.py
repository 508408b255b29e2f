"""In which order a source is read, so that neither its blocks nor our memory are wasted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rasterio.windows import Window

from repository.raster_info import RasterInfo

STRIP_BYTES = 48 << 20
"""Decoded size of one read. Three of them are alive at a time, and as much again in overviews."""
MAX_STRIP_BLOCKS = 4
MIN_COLUMN_BLOCKS = 4
MIN_CACHE_BYTES, MAX_CACHE_BYTES = 32 << 20, 256 << 20


@dataclass(frozen=True)
class Traversal:
    """Strips of `rows` rows, top to bottom, in vertical columns of `columns` pixels, left to right.

    One column holds the whole width unless a row of blocks exceeds the memory that
    a strip may take. `rows` is block_size * 2**n, `columns` block_size * 2**m or the width.
    """

    width: int
    height: int
    rows: int
    columns: int

    @property
    def column_starts(self) -> range:
        """The left edge of each vertical column, in pixels."""
        return range(0, self.width, self.columns)

    def strips(self) -> Iterator[Window]:
        """All windows in reading order; together they cover each pixel once."""
        for left in self.column_starts:
            width = min(self.columns, self.width - left)
            for top in range(0, self.height, self.rows):
                yield Window(left, top, width, min(self.rows, self.height - top))


def plan(info: RasterInfo, block_size: int, strip_bytes: int = STRIP_BYTES) -> Traversal:
    """A traversal whose strips are whole rows of the source's own blocks where memory allows."""
    bytes_per_pixel = max(1, info.decoded_bytes // (info.width * info.height))
    rows = block_size
    while (
        rows < min(info.block_height, MAX_STRIP_BLOCKS * block_size)
        and 2 * rows * info.width * bytes_per_pixel <= strip_bytes
    ):
        rows *= 2
    columns = info.width
    if rows * info.width * bytes_per_pixel > strip_bytes:
        columns = MIN_COLUMN_BLOCKS * block_size
        while 2 * columns * rows * bytes_per_pixel <= strip_bytes:
            columns *= 2
    return Traversal(info.width, info.height, rows, min(columns, info.width))


def cache_bytes(info: RasterInfo, traversal: Traversal) -> int:
    """A GDAL block cache that holds the source blocks which two strips share."""
    bytes_per_pixel = max(1, info.decoded_bytes // (info.width * info.height))
    shared = info.block_height * (traversal.columns + info.block_width) * bytes_per_pixel
    if info.block_height <= 1 or traversal.rows % info.block_height == 0:
        shared = 0
    return min(max(shared * 5 // 4, MIN_CACHE_BYTES), MAX_CACHE_BYTES)
