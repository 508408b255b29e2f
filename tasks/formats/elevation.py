"""Checks elevation models of fixed form: DTED (MIL-PRF-89020B) and the height files of SRTM."""

from __future__ import annotations

import os
import re
from pathlib import Path

from repository.errors import Rejected
from tasks.formats.errors import corrupt, truncated
from tasks.formats.limits import Extent, Limits, check_extent
from tasks.formats.reading import header_of
from tasks.formats.records import HeaderFacts

DTED_MAGIC = (b"UHL1",)

SRTM_SHAPES = {2 * width * height: (width, height) for width, height in
               ((1201, 1201), (3601, 3601), (1801, 3601))}  # fmt: skip
"""(width, height) by the file's size: it is nothing but 16-bit numbers."""

_SRTM_NAME = re.compile(r"^([NS]\d{2}[EW]\d{3})[^/\\]*\.hgt$", re.IGNORECASE)
_DTED_HEADER = 80 + 648 + 2700


def srtm_cell(name: str) -> str | None:
    """The cell that a file's name states, as N10W110; None where it states none."""
    match = _SRTM_NAME.match(re.split(r"[/\\]", name)[-1].strip())
    cell = match.group(1).upper() if match else ""
    if not cell or int(cell[1:3]) > 90 or int(cell[4:]) > 180:
        return None
    return cell


def check_srtm(path: Path, limits: Limits) -> HeaderFacts:
    """Size of a file of SRTM heights; raises Rejected where its size or name is none of theirs."""
    size = os.path.getsize(path)
    if size not in SRTM_SHAPES or srtm_cell(path.name) is None:
        raise Rejected(
            "The file is no SRTM height file.",
            code="not_a_raster",
            hint="It must have its original size and name, such as N10W110.hgt.",
        )
    width, height = SRTM_SHAPES[size]
    return HeaderFacts.of(size, Extent(width, height, 1, 2), "int16", 2 * width)


def check_dted(path: Path, limits: Limits) -> HeaderFacts:
    """Size of a DTED cell; raises Rejected where it is cut."""
    with header_of(path) as reader:
        counts = reader.bytes_at(47, 8)
        if not counts.isdigit():
            raise corrupt("The DTED file does not state its size.")
        width, height = int(counts[:4]), int(counts[4:])
        extent = Extent(width, height, 1, 2)
        check_extent(extent, reader.size, limits)
        needed = _DTED_HEADER + width * (12 + 2 * height)
        if needed > reader.size:
            raise truncated(reader.size, needed)
        return HeaderFacts.of(reader.size, extent, "int16", 2 * height)
