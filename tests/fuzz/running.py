"""Lets the pixel child read mutated files, and sorts how each of them ended."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from repository.errors import NeedsInput, RastrumError, Rejected
from tasks.sandbox import PixelProcess
from tests.fuzz.mutations import NAMED_ENDS, Mutant

MOST_SECONDS = 60.0
MAX_DECODED_BYTES = 10**9
"""Small, so that a mutant that promises more is refused and not converted for minutes."""


@dataclass(frozen=True)
class Ending:
    """How one mutant ended."""

    name: str
    seed_name: str
    mutation: str
    state: str
    """That of a job: `published`, `rejected`, `needs_input` or `failed`."""
    code: str
    detail: str
    seconds: float
    is_left_over: bool
    """Whether a file that the child made outlived its job's folder."""

    @property
    def is_named(self) -> bool:
        """Whether it ended as an upload may."""
        in_time = self.code != "took_too_long" and self.seconds <= MOST_SECONDS
        return self.state in NAMED_ENDS and in_time and not self.is_left_over


def run_mutants(
    mutants: Iterable[Mutant], *, processes: int, keep: Path | None = None
) -> Iterator[Ending]:
    """Each mutant in a child of its own, several at a time; those that end badly go to `keep`."""

    def run(mutant: Mutant) -> Ending:
        ending = end_of(mutant)
        if keep and not ending.is_named:
            keep.mkdir(parents=True, exist_ok=True)
            (keep / mutant.name).write_bytes(mutant.content)
        return ending

    with ThreadPoolExecutor(processes) as pool:
        yield from pool.map(run, mutants)


def end_of(mutant: Mutant) -> Ending:
    """Inspect the mutant, and convert every raster in it, as a worker would."""
    home = Path(tempfile.mkdtemp(prefix="rastrum-fuzz-", dir="/tmp"))
    started = time.monotonic()
    state, code, detail = "published", "", ""
    try:
        _bring_in(mutant, home / "job")
    except (Rejected, NeedsInput) as error:
        state = "rejected" if isinstance(error, Rejected) else "needs_input"
        code, detail = error.code, error.detail
    except RastrumError as error:
        state, code, detail = "failed", error.code, error.detail
    seconds = time.monotonic() - started
    shutil.rmtree(home / "job", ignore_errors=True)
    left_over = any(home.iterdir())
    shutil.rmtree(home, ignore_errors=True)
    return Ending(
        mutant.name, mutant.seed_name, mutant.mutation, state, code, detail, seconds, left_over
    )


def _bring_in(mutant: Mutant, folder: Path) -> None:
    from tasks.raster_source import HandedFile

    (folder / "files").mkdir(parents=True)
    source = folder / "files" / "0"
    source.write_bytes(mutant.content)
    with PixelProcess(folder, seconds=MOST_SECONDS) as pixels:
        inspection = pixels.inspect(
            [HandedFile(str(source), mutant.name)], {}, MAX_DECODED_BYTES, lambda found: None
        )
        for number, found in enumerate(inspection.rasters):
            pixels.convert(found, folder / f"data-{number}.tif", lambda share: None)


def table(endings: Iterable[Ending]) -> str:
    """How many ended how, by the file that they were made from."""
    counts: dict[str, Counter[str]] = {}
    for ending in endings:
        counts.setdefault(ending.seed_name, Counter())[ending.state] += 1
    states = sorted({state for counter in counts.values() for state in counter})
    lines = [f"{'made from':<16}" + "".join(f"{state:>13}" for state in states)]
    for name, counter in counts.items():
        lines.append(f"{name:<16}" + "".join(f"{counter[state]:>13}" for state in states))
    return "\n".join(lines)
