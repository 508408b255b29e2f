"""Puts a raster and its sidecars into a folder of their own, under names that we choose."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from tasks.formats import elevation
from tasks.formats.errors import missing_sidecar
from tasks.formats.raw_headers import MAX_HEADER_BYTES
from tasks.formats.records import Format
from tasks.formats.table import SRTM_HGT, WORLD_FILES

_STEM = "raster"
_TEXTS = frozenset({".hdr", ".prj", ".wld", ".clr"})


def place(
    form: Format, path: Path, name: str, sidecars: Mapping[str, Path] | None, folder: Path
) -> Path:
    """The raster's path in `folder`, which is made and holds nothing but it and its sidecars.

    Nothing of the user's name is kept but a known ending, and the cell of an SRTM file: GDAL
    takes its place from there. Raises Rejected `missing_sidecar`.
    """
    given = {ending.lower(): file for ending, file in (sidecars or {}).items()}
    for ending in form.needs:
        if ending not in given:
            raise missing_sidecar(
                f"The file {ending} that belongs to this {form.title} raster is missing.",
                "Hand in both files together, or in one zip archive.",
            )
    folder.mkdir(parents=True)
    placed = folder / _name(form, name)
    _link(path, placed)
    for ending, file in given.items():
        if ending in form.sidecars:
            # Every driver that reads world files knows this ending.
            usual = ".wld" if ending in WORLD_FILES else ending
            target = placed.with_suffix(usual)
            if not target.exists():
                _put(file, target)
    return placed


def has_sidecars(path: Path) -> bool:
    """Whether other files lie beside a placed raster."""
    return any(other != path for other in path.parent.iterdir())


def _name(form: Format, name: str) -> str:
    if form is SRTM_HGT:
        cell = elevation.srtm_cell(name)
        assert cell is not None, "recognised by its name"
        return f"{cell}.hgt"
    ending = Path(name.lower()).suffix
    return _STEM + (ending if ending in form.endings else form.ending)


def _put(file: Path, target: Path) -> None:
    """Texts are written anew in ASCII: rasterio cannot read a CRS with letters of Latin-1."""
    if target.suffix in _TEXTS and file.stat().st_size <= MAX_HEADER_BYTES:
        content = file.read_bytes().removeprefix(b"\xef\xbb\xbf")
        target.write_bytes(re.sub(rb"[\x80-\xff]", b"?", content))
    else:
        _link(file, target)


def _link(path: Path, target: Path) -> None:
    """A second name for the same bytes: large rasters are not copied."""
    try:
        os.link(path, target)
    except OSError:
        shutil.copyfile(path, target)
