"""What the directories of a TIFF tell, as facts like those of every format."""

from __future__ import annotations

from pathlib import Path

from tasks.formats.limits import Limits
from tasks.formats.records import HeaderFacts
from tasks.tiff_checks import checked_tiff_header
from tasks.tiff_header import TiffHeader

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def check(path: Path, limits: Limits) -> HeaderFacts:
    """Facts of the first page; raises Rejected where the file is incomplete or costs too much."""
    header = checked_tiff_header(path, limits)
    page = header.raster
    return HeaderFacts(
        size_bytes=header.size_bytes,
        width=page.width,
        height=page.height,
        bands=page.samples,
        decoded_bytes=page.decoded_bytes,
        block_bytes=page.block_bytes,
        nodata_text=page.nodata_text,
        projected_epsg=page.projected_epsg,
        overviews=header.overviews,
        warnings=tuple(_warnings(header)),
        tiff=header,
    )


def _warnings(header: TiffHeader) -> list[tuple[str, str]]:
    if b"OVERVIEW_FILE" not in header.raster.metadata:
        return []
    return [("external_reference", "A reference to overviews in another file was ignored.")]
