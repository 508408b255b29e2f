"""In which order a source is read, so that neither its blocks nor our memory are wasted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from rasterio.windows import Window

from repository.raster_info import RasterInfo
from tasks.memory import pixel_bytes

STRIP_BYTES = 48 << 20
"""Decoded size of one read. Three of them are alive at a time, and as much again in overviews."""
MAX_STRIP_BLOCKS = 4
TILE_ROWS, MAX_TILE_ROWS = 16, 256
"""Height of a tile of a copy: strips must hold whole tiles, or each would be written often."""
MOST_DECODINGS = 2
"""Of one block; a raster that would need more is copied into tiles first."""
MIN_CACHE_BYTES, MAX_CACHE_BYTES = 32 << 20, 160 << 20


@dataclass(frozen=True)
class Traversal:
    """Strips of `rows` rows, top to bottom, in vertical columns of `columns` pixels, left to right.

    One column holds the whole width unless a row of blocks exceeds the memory that
    a strip may take, or the cache of source blocks. `rows` is block_size * 2**n,
    `columns` block_size * 2**m or the width.
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
    bytes_per_pixel = pixel_bytes(info)
    rows = block_size
    while (
        rows < min(info.block_height, MAX_STRIP_BLOCKS * block_size)
        and 2 * rows * info.width * bytes_per_pixel <= strip_bytes
    ):
        rows *= 2
    widest = min(
        strip_bytes // (rows * bytes_per_pixel), _cached_columns(info, rows, bytes_per_pixel)
    )
    return _in_columns(info.width, info.height, rows, widest, block_size)


def plan_warp(info: RasterInfo, block_size: int, strip_bytes: int = STRIP_BYTES) -> Traversal:
    """A traversal of the target of a warp: high strips, as each reads its part of the source."""
    tall = replace(info, block_width=1, block_height=MAX_STRIP_BLOCKS * block_size)
    return plan(tall, block_size, strip_bytes)


def plan_level(
    width: int, height: int, bytes_per_pixel: int, block_size: int, strip_bytes: int = STRIP_BYTES
) -> Traversal:
    """A traversal of a level that we hold ourselves: it has no blocks to keep to."""
    widest = strip_bytes // (block_size * bytes_per_pixel)
    return _in_columns(width, height, block_size, widest, block_size)


def plan_copy(info: RasterInfo, strip_bytes: int = STRIP_BYTES) -> Traversal:
    """A traversal in whole rows, few at a time: for blocks that are as wide as the raster."""
    affordable = strip_bytes // (info.width * pixel_bytes(info))
    rows = TILE_ROWS
    while 2 * rows <= min(affordable, MAX_TILE_ROWS):
        rows *= 2
    return Traversal(info.width, info.height, rows, info.width)


def needs_copy(info: RasterInfo, traversal: Traversal) -> bool:
    """Whether columns would decode the same full-width blocks again and again."""
    return (
        len(traversal.column_starts) > MOST_DECODINGS
        and info.block_width >= info.width
        and TILE_ROWS * info.width * pixel_bytes(info) <= STRIP_BYTES
    )


def _cached_columns(info: RasterInfo, rows: int, bytes_per_pixel: int) -> int:
    """How wide a column may be so that source blocks which two strips share stay in the cache.

    The whole width where blocks are as wide: narrower columns would decode each block anew.
    """
    if rows % max(info.block_height, 1) == 0 or info.block_width >= info.width:
        return info.width
    cached = MAX_CACHE_BYTES * 4 // 5 // (info.block_height * bytes_per_pixel)
    return max(cached - info.block_width, info.block_width)


def _in_columns(width: int, height: int, rows: int, widest: int, block_size: int) -> Traversal:
    if width <= widest:
        return Traversal(width, height, rows, width)
    columns = block_size
    while 2 * columns <= widest:
        columns *= 2
    return Traversal(width, height, rows, min(columns, width))


def cache_bytes(info: RasterInfo, traversal: Traversal) -> int:
    """A GDAL block cache that holds the source blocks which two strips share.

    At least one with all its bands, however large: else each band would decode it anew.
    """
    shared = info.block_height * (traversal.columns + info.block_width) * pixel_bytes(info)
    if info.block_height <= 1 or traversal.rows % info.block_height == 0:
        shared = 0
    block = info.block_height * info.block_width * pixel_bytes(info)
    most = max(MAX_CACHE_BYTES, block * 5 // 4)
    return min(max(shared * 5 // 4, MIN_CACHE_BYTES), most)
