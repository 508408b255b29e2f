"""What a raster may cost while its pixels are read: memory, and seconds on the wall clock.

Standard library only: the worker asks before it hands a raster to the process that reads it.
"""

from __future__ import annotations

from repository.raster_info import RasterInfo

ORDINARY_BLOCK_BYTES = 64 * 2**20
"""A raster without larger blocks is converted in 600 MB, whatever its size."""

LARGEST_BLOCK_BYTES = 256 * 2**20
"""GDAL holds a block up to four times: larger ones would pass 2 GB."""

COLUMN_SIDE = 256
"""The least that is read at a time: one block of the COG, with all bands."""

BASE_SECONDS = 40.0
BYTES_PER_SECOND = 4_000_000
"""Decoded, on a slow and busy machine: ten times and more below what was measured."""

FILE_BYTES_PER_SECOND = 1_000_000
"""Of files that are inspected: well compressed, a few of their bytes are many pixels."""

WARP_TIMES = 3
"""A warped pixel takes so many times as long: several of the source are weighed for it."""


def pixel_bytes(info: RasterInfo) -> int:
    """Bytes of one pixel with all its bands, decoded."""
    return max(1, info.decoded_bytes // (info.width * info.height))


def band_block_bytes(info: RasterInfo) -> int:
    """What one block of the source decodes to for one band: the least that GDAL holds of it."""
    pixels = max(1, info.block_width) * max(1, info.block_height)
    return pixels * pixel_bytes(info) // max(1, len(info.bands))


def runs_alone(info: RasterInfo) -> bool:
    """Whether a raster may need up to 2 GB, so that only one such is converted on a machine.

    `info` as inspection found it: with the blocks of the source. They are taken to hold all
    bands, as the facts do not say whether they do.
    """
    block = band_block_bytes(info) * len(info.bands)
    least = COLUMN_SIDE * COLUMN_SIDE * pixel_bytes(info)
    return max(block, least) > ORDINARY_BLOCK_BYTES


def seconds_for(decoded_bytes: int, *, is_warped: bool = False) -> float:
    """Wall clock that an honest raster of so many decoded bytes may take to convert.

    `is_warped`: its grid is not that of the source.
    """
    times = WARP_TIMES if is_warped else 1
    return BASE_SECONDS + times * decoded_bytes / BYTES_PER_SECOND


def seconds_to_inspect(file_bytes: int) -> float:
    """Wall clock that honest files of so many bytes together may take to be inspected."""
    return BASE_SECONDS + file_bytes / FILE_BYTES_PER_SECOND
