"""Which file the header of raw pixels (`.hdr`, of ENVI or ESRI) is about."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath

from tasks.raster_source import HandedFile


def owners_of_headers(
    files: Sequence[HandedFile], is_never_pixels: Callable[[HandedFile], bool]
) -> Mapping[str, HandedFile]:
    """Name of each header in lower case -> the file whose pixels it describes.

    `x.dat.hdr` is that of `x.dat` alone, `x.hdr` that of `x`. Else it is that of the largest file
    `x.*` that `is_never_pixels` does not rule out: beside pixels lie reports and statistics.
    """
    by_name = {file.name.lower(): file for file in files}
    by_stem: dict[str, list[HandedFile]] = {}
    for file in files:
        by_stem.setdefault(_without_ending(file.name), []).append(file)
    owners = {}
    for header in by_name:
        if not header.endswith(".hdr"):
            continue
        whole = by_name.get(header.removesuffix(".hdr"))
        others = [whole] if whole else by_stem.get(_without_ending(header), ())
        usable = [file for file in others if file is whole or not is_never_pixels(file)]
        if usable:
            owners[header] = max(usable, key=lambda file: os.path.getsize(file.path))
    return owners


def _without_ending(name: str) -> str:
    name = name.lower()
    return name.removesuffix(PurePosixPath(name).suffix)
