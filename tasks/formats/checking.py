"""Checks a raster twice: its header before GDAL, and what GDAL says of it once it is open."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import rasterio

from repository.errors import Rejected
from tasks.formats.errors import complex_data
from tasks.formats.limits import DEFAULT_LIMITS, Extent, Limits, check_block, check_extent
from tasks.formats.records import Format, HeaderFacts
from tasks.tiff_header import TiffPage

_PAGE = re.compile(r"GTIFF_DIR:(\d+):", re.IGNORECASE)


def check(form: Format, path: Path, limits: Limits = DEFAULT_LIMITS) -> HeaderFacts:
    """What the header of a placed raster says; GDAL is not asked.

    Raises Rejected: `truncated`, `corrupt`, `too_large`, `block_too_large`, `external_reference`,
    `complex_data`, `unsupported_compression` and others, each with a hint.
    """
    return form.check(path, limits)


def check_opened(
    dataset: rasterio.DatasetReader, header: HeaderFacts, limits: Limits = DEFAULT_LIMITS
) -> HeaderFacts:
    """`header` completed by what GDAL says of the open `dataset`.

    Raises Rejected `not_a_raster`, `complex_data`, `too_large` or `block_too_large`.
    """
    if not dataset.count:
        raise Rejected(
            "The file holds no raster that can be drawn.",
            code="not_a_raster",
            hint="Upload a file with at least one two-dimensional variable on a grid.",
        )
    kinds = sorted({str(dtype) for dtype in dataset.dtypes})
    if any(kind.startswith("complex") for kind in kinds):
        raise complex_data(", ".join(kinds))
    sample = max(np.dtype(kind).itemsize for kind in kinds)
    extent = Extent(dataset.width, dataset.height, dataset.count, sample)
    check_extent(extent, header.size_bytes, limits)
    header = _of_page(dataset, header)
    block = header.block_bytes if header.tiff is not None else _block_bytes(dataset, header)
    if header.tiff is None:
        check_block(block or 0, limits)
    return replace(
        header,
        width=extent.width,
        height=extent.height,
        bands=extent.bands,
        dtype=str(dataset.dtypes[0]),
        decoded_bytes=extent.decoded_bytes,
        block_bytes=block,
    )


def _block_bytes(dataset: rasterio.DatasetReader, header: HeaderFacts) -> int:
    """The larger of what the header and GDAL say."""
    together = dataset.count if dataset.profile.get("interleave") == "pixel" else 1
    largest = max(
        height * width * np.dtype(dtype).itemsize
        for (height, width), dtype in zip(dataset.block_shapes, dataset.dtypes, strict=True)
    )
    return max(header.block_bytes or 0, largest * together)


def _of_page(dataset: rasterio.DatasetReader, header: HeaderFacts) -> HeaderFacts:
    """The facts of the page that is open, where it is not the first one of its TIFF."""
    match = _PAGE.match(str(dataset.name))
    if match is None or header.tiff is None:
        return header
    pages = header.tiff.pages
    number = int(match.group(1))
    page: TiffPage = pages[number - 1] if number <= len(pages) else pages[0]
    return replace(
        header,
        block_bytes=page.block_bytes,
        nodata_text=page.nodata_text,
        projected_epsg=page.projected_epsg,
        overviews=header.overviews if number == 1 else (),
    )
