"""Whether an uploaded file already is the Cloud-Optimized GeoTIFF that we would want."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import rasterio

from repository.raster_info import RasterInfo
from tasks.formats.opening import open_raster
from tasks.raster_source import RasterSource
from tasks.tiff_header import TiffHeader, TiffPage

COMPRESSIONS = frozenset({5, 7, 8, 32946, 34887, 50000, 50001})
"""LZW, JPEG, DEFLATE, LERC, ZSTD, WEBP: what was compressed with loss would only grow."""

BLOCK_SIDES = range(128, 1025)
LARGEST_BLOCK_BYTES = 8 * 2**20
LONGEST_METADATA, MOST_ITEMS = 64 * 2**10, 200
STEEPEST = 4.5
"""An overview may be so many times narrower than the level before it."""
LATEST_DIRECTORY = 300
"""The first directory lies before this byte (rio-cogeo's rule): a reader's first request."""

_CHANGING_ANSWERS = frozenset({"crs", "bounds", "nodata"})
_GHOST = b"GDAL_STRUCTURAL_METADATA_SIZE="
_DOMAIN = re.compile(rb'domain\s*=\s*["\'](?!IMAGE_STRUCTURE["\'])[^"\']')


def is_good_cog(
    path: Path, header: TiffHeader | None, info: RasterInfo, answers: Mapping[str, Any]
) -> bool:
    """Whether the TIFF at `path` may be stored as it is, byte for byte.

    `header` holds its directories, None if it is no TIFF; `info` describes it with the answers
    applied. It is a COG (directories before data, small overviews before large ones), its
    blocks and overviews suit a tile server, it says of itself what `info` says, and it holds
    nothing else. Class codes and bits with overviews are always written anew. Pixels are
    left to the conversion, which decodes them all.
    """
    if header is None or _CHANGING_ANSWERS & set(answers) or info.lineage:
        return False
    if _has_coded_overviews(info):
        return False
    return (
        all(page.tags_lie_inside for page in header.pages)
        and _is_laid_out(header)
        and _has_good_blocks(header)
        and _has_enough_overviews(_levels(header))
        and _has_plain_metadata(header.raster.metadata)
        and not _was_edited(path)
        and _says_the_same(path, info)
    )


def _levels(header: TiffHeader) -> list[TiffPage]:
    return [header.raster, *(p for p in header.pages if p.is_overview and not p.is_mask)]


def _is_laid_out(header: TiffHeader) -> bool:
    """Directories first, then data from the smallest overview to the full resolution."""
    levels = _levels(header)
    positions = [page.position for page in header.pages]
    starts = [page.data_start for page in levels]
    with_data = [page.data_start for page in header.pages if page.data_start]
    return (
        not header.other_pages
        and positions == sorted(positions)
        and positions[0] < LATEST_DIRECTORY
        and bool(with_data)
        and positions[-1] < min(with_data)
        and all(starts)
        and starts == sorted(starts, reverse=True)
    )


def _has_good_blocks(header: TiffHeader) -> bool:
    return all(
        page.tiled
        and page.block_width in BLOCK_SIDES
        and page.block_height in BLOCK_SIDES
        and page.block_bytes <= LARGEST_BLOCK_BYTES
        and (page.is_mask or (page.compression in COMPRESSIONS and page.bits >= 8))
        for page in header.pages
    ) and _masks_follow(header)


def _masks_follow(header: TiffHeader) -> bool:
    """A mask is there for every level, or for none."""
    masks = sum(page.is_mask for page in header.pages)
    return masks in (0, len(_levels(header)))


def _has_enough_overviews(levels: Sequence[TiffPage]) -> bool:
    """Each level is smaller than the one before, and the last is about a block."""
    for larger, smaller in pairwise(levels):
        steps = larger.width / smaller.width, larger.height / smaller.height
        if max(steps) > STEEPEST or max(steps) <= 1:
            return False
    last = levels[-1]
    return max(last.width, last.height) <= 2 * max(last.block_width, last.block_height)


def _has_plain_metadata(metadata: bytes) -> bool:
    return (
        len(metadata) <= LONGEST_METADATA
        and metadata.count(b"<Item") <= MOST_ITEMS
        and b"OVERVIEW_FILE" not in metadata
        and b"<!" not in metadata
        and not _DOMAIN.search(metadata)
    )


def _was_edited(path: Path) -> bool:
    """GDAL notes an edit that broke the layout (COG driver, "Header ghost area")."""
    with path.open("rb") as file:
        start = file.read(1024)
    return _GHOST in start and b"KNOWN_INCOMPATIBLE_EDITION=YES" in start


def _says_the_same(path: Path, info: RasterInfo) -> bool:
    """The file alone, as GDAL reads it, describes what `info` does."""
    with open_raster(RasterSource("", str(path), "GTiff")) as dataset:
        grid = dataset.transform
        return (
            dataset.crs is not None
            and dataset.crs == rasterio.CRS.from_wkt(info.crs_wkt)
            and tuple(grid)[:6] == info.transform
            and grid.a > 0 > grid.e
            and grid.b == grid.d == 0
            and all(map(_is_same_number, dataset.nodatavals, (b.nodata for b in info.bands)))
        )


def _has_coded_overviews(info: RasterInfo) -> bool:
    """Whether overviews may hold means of two codes, which are no codes.

    Averaging shows only at the edges of patches: no sample proves that it was not done.
    """
    coded = info.kind in ("classes", "bits") or any(band.color_table for band in info.bands)
    return coded and bool(info.overviews)


def _is_same_number(one: float | None, other: float | None) -> bool:
    return one == other or (one is not None and other is not None and one != one and other != other)
