"""Inspection of files made in a test, without a job around it."""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from repository.errors import RastrumError
from repository.findings import Findings
from repository.raster_info import RasterInfo
from tasks.conversion import convert as write_cog
from tasks.formats.limits import DEFAULT_LIMITS
from tasks.inspection import inspect_files
from tasks.library_errors import library_errors_named
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


@dataclass(frozen=True)
class Outcome:
    """How one inspection ended."""

    end: Inspection | RastrumError
    last: Findings
    """What was told last."""
    seconds: float


class Child:
    """A process of its own for files that may hurt; it ends with the `with` block."""

    def __enter__(self) -> Child:
        self._pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_limit)
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def inspect(
        self, files: Sequence[tuple[str, str]], folder: Path, *, convert: bool = False
    ) -> Outcome:
        """Inspect (path, name) pairs, then make the COGs too if told so. At most a minute."""
        return self._pool.submit(_outcome, list(files), folder, convert).result(60)


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (8 * 2**30, 8 * 2**30))


def _outcome(files: list[tuple[str, str]], folder: Path, convert: bool) -> Outcome:
    told: list[Findings] = []
    start = time.monotonic()
    end: Inspection | RastrumError
    try:
        handed_on = [HandedFile(*file) for file in files]
        end = inspect_files(handed_on, folder=folder, say_found=told.append)
        for number, found in enumerate(end.rasters if convert else ()):
            with library_errors_named(found.source.path):
                write_cog(found, folder / f"{number}.tif")
    except RastrumError as error:
        end = error
    return Outcome(end, told[-1], time.monotonic() - start)
