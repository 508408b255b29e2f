"""Inspection of files made in a test, without a job around it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from repository.findings import Findings
from repository.raster_info import RasterInfo
from tasks.formats.limits import DEFAULT_LIMITS
from tasks.inspection import inspect_files
from tasks.raster_source import HandedFile, Inspection


def inspect(
    path: Path,
    *,
    answers: Mapping[str, Any] | None = None,
    file_name: str = "",
    max_decoded_bytes: int = DEFAULT_LIMITS.decoded_bytes,
) -> RasterInfo:
    """The facts of the one raster in a file. Raises what inspection raises."""
    with tempfile.TemporaryDirectory() as folder:
        inspection = inspect_files(
            [HandedFile(str(path), file_name or path.name)], folder=Path(folder),
            answers=answers, max_decoded_bytes=max_decoded_bytes,
        )  # fmt: skip
    (found,) = inspection.rasters
    return found.info


def inspect_set(
    files: Mapping[str, bytes | Path],
    folder: Path,
    *,
    answers: Mapping[str, Any] | None = None,
    say_found: Callable[[Findings], None] = lambda found: None,
) -> Inspection:
    """What files of the given names hold, written below `folder` under other names first."""
    return inspect_files(handed(files, folder), folder=folder, answers=answers, say_found=say_found)


def handed(files: Mapping[str, bytes | Path], folder: Path) -> Sequence[HandedFile]:
    """The files as a worker hands them on: server-made names on disk."""
    folder.mkdir(parents=True, exist_ok=True)
    result = []
    for number, (name, content) in enumerate(files.items()):
        path = folder / f"upload-{number}"
        path.write_bytes(content if isinstance(content, bytes) else content.read_bytes())
        result.append(HandedFile(str(path), name))
    return result
