"""Limits that a TIFF must keep before GDAL may open it: completeness, size, cost of a block."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from repository.errors import Rejected
from tasks.tiff_header import TiffHeader, TiffPage, amount, read_tiff_header, truncated

_UNCOMPRESSED = 1
_KNOWN_COMPRESSIONS = frozenset(
    {1, 2, 3, 4, 5, 6, 7, 8, 32771, 32773, 32809, 32946, 34676, 34677, 34887, 34925, 50000, 50001}
)
"""libtiff's codes; what this build of GDAL lacks of them it refuses itself."""


@dataclass(frozen=True)
class Limits:
    """What a TIFF may promise. The defaults fit a worker with half a gigabyte."""

    decoded_bytes: int = 500 * 10**9
    suspicious_bytes: int = 4 * 2**30
    suspicious_ratio: int = 1000
    """A raster above `suspicious_bytes` may not decode to more than this times its file."""
    block_bytes: int = 256 * 2**20
    bands: int = 1024
    blocks: int = 50_000_000
    metadata_bytes: int = 16 * 2**20
    metadata_items: int = 20_000
    """GDAL's time to open a file grows with their square: 100,000 take 20 seconds."""


DEFAULT_LIMITS = Limits()


def checked_tiff_header(path: Path, limits: Limits = DEFAULT_LIMITS) -> TiffHeader:
    """The directories of the TIFF at `path`, found complete and within `limits`.

    Raises Rejected otherwise.
    """
    header = read_tiff_header(path)
    check_tiff(header, limits)
    return header


def check_tiff(header: TiffHeader, limits: Limits = DEFAULT_LIMITS) -> None:
    """Raises Rejected where the file is incomplete or costs more than `limits` allow."""
    _check_size(header, limits)
    for page in header.pages:
        _check_page(page, limits)
    needed = max(page.data_end for page in header.pages)
    if needed > header.size_bytes:
        raise truncated(header.size_bytes, needed)


def _check_size(header: TiffHeader, limits: Limits) -> None:
    page = header.raster
    if page.samples > limits.bands:
        raise _too_large(f"The raster has {page.samples} bands; {limits.bands} are taken.")
    size = page.decoded_bytes
    extent = f"{page.width} x {page.height} pixels, {amount(size)} once decoded"
    if size > limits.decoded_bytes:
        raise _too_large(f"The raster has {extent}; {amount(limits.decoded_bytes)} are taken.")
    ratio = size / max(header.size_bytes, 1)
    if size > limits.suspicious_bytes and ratio > limits.suspicious_ratio:
        raise _too_large(
            f"The raster has {extent}, from a file of only {amount(header.size_bytes)}: "
            "it is all but empty."
        )


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
        raise Rejected(
            f"One block of the raster decodes to {amount(page.block_bytes)}; "
            f"{amount(limits.block_bytes)} are taken.",
            code="block_too_large",
            hint="Cut it into tiles: `gdal_translate -of COG in.tif out.tif`.",
        )
    if page.blocks_expected > limits.blocks:
        raise _too_large(f"The raster has {page.blocks_expected} blocks.")
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


def _too_large(sentence: str) -> Rejected:
    return Rejected(
        sentence,
        code="too_large",
        hint="Cut the raster into parts, or leave the empty margins out.",
    )
