"""Reads the first lines of an ESRI ASCII grid, and whether so many numbers fit into the file."""

from __future__ import annotations

import os
from pathlib import Path

from tasks.formats.errors import corrupt, truncated
from tasks.formats.limits import Extent, Limits, check_extent
from tasks.formats.records import HeaderFacts

_KEYWORDS = frozenset(
    {"ncols", "nrows", "xllcorner", "yllcorner", "xllcenter", "yllcenter", "cellsize", "dx", "dy",
     "nodata_value", "byteorder"}
)  # fmt: skip
_HEADER_BYTES = 4096


def is_ascii_grid(start: bytes) -> bool:
    """Whether a file that begins so is an ESRI ASCII grid."""
    words = start.split(maxsplit=2)
    if len(words) < 2 or words[0].lower() not in (b"ncols", b"nrows"):
        return False
    return words[1].isdigit() and (b"nrows" in start.lower() and b"ncols" in start.lower())


def check(path: Path, limits: Limits) -> HeaderFacts:
    """Size and nodata; raises Rejected where there are fewer numbers than it promises."""
    size = os.path.getsize(path)
    with path.open("rb") as file:
        words = file.read(_HEADER_BYTES).decode("latin-1").split()
    values: dict[str, str] = {}
    for key, value in zip(words[::2], words[1::2], strict=False):
        if key.lower() not in _KEYWORDS:
            break
        values[key.lower()] = value
    try:
        width, height = int(values["ncols"]), int(values["nrows"])
    except (KeyError, ValueError) as error:
        raise corrupt("The ASCII grid does not state its size (`ncols`, `nrows`).") from error
    extent = Extent(width, height, 1, 4)
    check_extent(extent, size, limits)
    # The shortest number is a digit and a blank.
    if 2 * width * height - 1 > size:
        raise truncated(size, 2 * width * height)
    return HeaderFacts.of(size, extent, "", 8 * width)
