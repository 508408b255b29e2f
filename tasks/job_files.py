"""Files that a worker and a child share: what may be written, and what of its word is believed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from repository.errors import Rejected
from tasks.raster_source import HandedFile, Inspection

READ_ONLY = 0o444


def make_read_only(files: Iterable[HandedFile]) -> None:
    """A file may be a link to the object in the store: the child shall read it, not write it."""
    for file in files:
        Path(file.path).chmod(READ_ONLY)


def with_own_files(inspection: Inspection, folder: Path) -> Inspection:
    """The same, where all files that it names lie in the job's folder.

    Whoever took a child over would name the server's own, to see them published. Raises Rejected.
    """
    named = [file.path for file in inspection.attachments]
    for found in inspection.rasters:
        named += [path for path in (found.source.path, found.source.mask_path) if path]
    for path in named:
        if not is_own_file(Path(path), folder):
            raise Rejected(
                "Reading the file led outside its own folder.",
                code="crashed_reader",
                hint="Rewrite it, for example with gdal_translate, and upload the copy.",
            )
    return inspection


def is_own_file(path: Path, folder: Path) -> bool:
    """Whether `path` is a plain file below `folder`: what a child names is not believed."""
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) and path.resolve().is_relative_to(folder.resolve())
