"""Limits that a TIFF must keep before GDAL may open it: completeness, size, cost of a block."""

from __future__ import annotations

from pathlib import Path

from repository.errors import Rejected
from tasks.formats.errors import amount, block_too_large, too_large, truncated
from tasks.formats.limits import DEFAULT_LIMITS, Extent, Limits, check_extent
from tasks.tiff_header import TiffHeader, TiffPage, read_tiff_header

_UNCOMPRESSED = 1
_KNOWN_COMPRESSIONS = frozenset(
    {1, 2, 3, 4, 5, 6, 7, 8, 32771, 32773, 32809, 32946, 34676, 34677, 34887, 34925, 50000, 50001}
)
"""libtiff's codes; what this build of GDAL lacks of them it refuses itself."""


def checked_tiff_header(path: Path, limits: Limits = DEFAULT_LIMITS) -> TiffHeader:
    """The directories of the TIFF at `path`, found complete and within `limits`.

    Raises Rejected otherwise.
    """
    header = read_tiff_header(path)
    check_tiff(header, limits)
    return header


def check_tiff(header: TiffHeader, limits: Limits = DEFAULT_LIMITS) -> None:
    """Raises Rejected where the file is incomplete or costs more than `limits` allow."""
    page = header.raster
    extent = Extent(page.width, page.height, page.samples, page.sample_bytes)
    check_extent(extent, header.size_bytes, limits)
    for page in header.pages:
        _check_page(page, limits)
    needed = max(page.data_end for page in header.pages)
    if needed > header.size_bytes:
        raise truncated(header.size_bytes, needed)


def _check_page(page: TiffPage, limits: Limits) -> None:
    if page.compression not in _KNOWN_COMPRESSIONS:
        raise Rejected(
            f"The pixels are compressed by method {page.compression}, which is not known.",
            code="unsupported_compression",
            hint="Compress it with DEFLATE, LZW or ZSTD: `gdal_translate -of COG in.tif out.tif`.",
        )
    # libtiff reads a single uncompressed strip in small pieces, whatever its size.
    chopped = page.compression == _UNCOMPRESSED and not page.tiled
    if page.block_bytes > limits.block_bytes and not chopped:
        raise block_too_large(page.block_bytes, limits.block_bytes)
    if page.blocks_expected > limits.blocks:
        raise too_large(f"The raster has {page.blocks_expected} blocks.")
    if page.blocks_present < page.blocks_expected:
        raise Rejected(
            f"The file lists {page.blocks_present} of {page.blocks_expected} blocks of pixels.",
            code="corrupt",
            hint="It was probably not written to its end. Write it anew.",
        )
    if len(page.metadata) > limits.metadata_bytes:
        raise _metadata(f"Its metadata have {amount(len(page.metadata))}")
    if (items := page.metadata.count(b"<Item")) > limits.metadata_items:
        raise _metadata(f"Its metadata have {items} items; {limits.metadata_items} are taken")


def _metadata(sentence: str) -> Rejected:
    return Rejected(
        f"{sentence}.",
        code="too_large",
        hint="Leave the metadata out: `gdal_translate -of COG -nomd in.tif out.tif`.",
    )
