"""Runs the pixel steps of one job in a child process: a file that breaks GDAL breaks no worker.

The child (`tasks.pixel_children`) speaks JSON lines on its standard input and output
(`tasks.pixel_steps`), lives in a session of its own, knows no credentials and dies with its
worker.
"""

from __future__ import annotations

import json
import logging
import math
import os
import select
import signal
import time
from base64 import b64decode
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

from repository import errors
from repository.errors import LeaseLost, RastrumError, Rejected, StepFailed
from repository.findings import Findings
from repository.raster_info import RasterInfo
from repository.rendering_style import RenderingStyle
from tasks import isolation
from tasks.disk_watch import LOOK_EVERY_SECONDS, DiskWatch
from tasks.isolation.limits import Limits
from tasks.job_files import make_read_only, with_own_files
from tasks.memory import seconds_for, seconds_to_inspect
from tasks.pixel_children import start_child
from tasks.raster_source import FoundRaster, HandedFile, Inspection, found_to_json

log = logging.getLogger("rastrum.sandbox")

REPORT_EVERY_SECONDS = 0.5
MOST_OUTPUT = 2
"""Times the decoded size: a COG with its overviews takes 1.34 where nothing can be compressed."""
MAX_MESSAGE_BYTES = 64 * 2**20
ENDS_WITHIN_SECONDS = 2


class PixelProcess:
    """Context manager around the child. `seconds` bounds the wall clock of each of its steps;
    a step on few bytes has less (`tasks.memory.seconds_for`).

    `keep_free_bytes` is what it leaves of the disk; `layers` are those of `tasks.isolation`;
    `draws_tiles`: its step is `prerender`.
    """

    def __init__(
        self, folder: Path, *, seconds: float, keep_free_bytes: int = 0,
        layers: Sequence[str] = isolation.LAYERS, draws_tiles: bool = False,
    ) -> None:  # fmt: skip
        self.folder, self.seconds, self.layers = folder, seconds, layers
        self._draws_tiles = draws_tiles
        self._disk = DiskWatch(folder, keep_free_bytes)
        self._step_seconds = seconds
        self._deadline = math.inf
        self._killed_by_us = False

    def __enter__(self) -> PixelProcess:
        limits = Limits(
            cpu_seconds=math.ceil(self.seconds * (os.cpu_count() or 1)) + 1,
            file_bytes=self._disk.room(),
        )
        self._child = start_child(self.folder, limits, self.layers, draws_tiles=self._draws_tiles)
        self._unread = b""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._killed_by_us = True
        self._child.close()

    def kill(self) -> None:
        """End the child and all that it started, at once."""
        self._killed_by_us = True
        self._child.kill()

    def probe(self, request: dict[str, Any]) -> dict[str, Any]:
        """tasks.isolation.probe in the child: what it can reach of what it must not."""
        return self._run({"step": "probe", **request})

    def inspect(
        self, files: Sequence[HandedFile], answers: dict[str, Any], max_decoded_bytes: int,
        note: Callable[[Findings], None],
    ) -> Inspection:  # fmt: skip
        """tasks.inspection in the child; `note` hears what is found on the way.

        Raises Rejected, NeedsInput, StepFailed, LeaseLost.
        """
        make_read_only(files)
        latest = _LatestFindings(note)
        try:
            result = self._run(
                {"step": "inspect", "files": [asdict(file) for file in files],
                 "folder": str(self.folder), "answers": answers,
                 "max_decoded_bytes": max_decoded_bytes},
                seconds=seconds_to_inspect(sum(os.path.getsize(file.path) for file in files)),
                found=latest,
            )  # fmt: skip
        finally:
            latest.note()
        return with_own_files(Inspection.from_json(result), self.folder)

    def convert(
        self, found: FoundRaster, cog: Path, report: Callable[[float], None]
    ) -> tuple[RasterInfo, RenderingStyle, bytes]:
        """tasks.conversion in the child: the COG's facts with statistics, its default style, and
        where its blocks lie."""
        self._disk.allow(MOST_OUTPUT * found.info.decoded_bytes)
        result = self._run(
            {"step": "convert", "found": found_to_json(found), "cog": str(cog)},
            seconds=seconds_for(found.info.decoded_bytes, is_warped=bool(found.source.warp)),
            progress=_throttled(report),
        )
        return (
            RasterInfo.from_json(result["info"]),
            RenderingStyle.from_json(result["style"]),
            b64decode(result["block_index"]),
        )

    def prerender(
        self, order: dict[str, Any], raster: Path, archive: Path, report: Callable[[float], None]
    ) -> dict[str, Any]:
        """tasks.pyramids in the child; `order` and the result are JSON of its records."""
        self._disk.allow(2 * order["max_bytes"] or raster.stat().st_size * MOST_OUTPUT)
        return self._run(
            {"step": "prerender", "order": order, "raster": str(raster), "archive": str(archive)},
            progress=_throttled(report),
        )

    def _run(
        self, request: dict[str, Any], *, seconds: float = math.inf,
        progress: Callable[[float], None] = lambda share: None,
        found: Callable[[Findings], None] = lambda found: None,
    ) -> dict[str, Any]:  # fmt: skip
        self._step_seconds = min(seconds, self.seconds)
        self._deadline = time.monotonic() + self._step_seconds
        unsent = memoryview(json.dumps(request).encode() + b"\n")
        try:
            while unsent:
                unsent = unsent[os.write(self._child.requests, unsent) :]
        except BrokenPipeError:
            raise self._death() from None
        while True:
            message = self._next_message()
            if "progress" in message:
                progress(message["progress"])
            elif "found" in message:
                found(Findings.from_json(message["found"]))
            elif "error" in message:
                raise _error_from(message["error"])
            else:
                result: dict[str, Any] = message["result"]
                return result

    def _next_message(self) -> dict[str, Any]:
        answers = self._child.answers
        while b"\n" not in self._unread:
            if not self._can_read():
                continue
            chunk = os.read(answers, 65536)
            if not chunk or len(self._unread) > MAX_MESSAGE_BYTES:
                raise self._death()
            self._unread += chunk
        line, _, self._unread = self._unread.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message

    def _can_read(self) -> bool:
        """Whether the child has said something; waits a moment, and ends it where it must end.

        Raises Rejected `took_too_long`, `too_much_output`, or OutOfSpace.
        """
        left = self._deadline - time.monotonic()
        try:
            self._disk.check()
            if left <= 0:
                raise Rejected(
                    f"Preparing the file took more than {_words(self._step_seconds)}.",
                    code="took_too_long",
                    hint="Cut the raster into smaller ones, or tile it before you upload it.",
                )
        except RastrumError:
            self.kill()
            raise
        return bool(select.select([self._child.answers], [], [], min(left, LOOK_EVERY_SECONDS))[0])

    def _death(self) -> Exception:
        """What it means that the child is gone in the middle of a step."""
        if not self._child.ends_within(ENDS_WITHIN_SECONDS):
            self._child.kill()  # it has only closed its output, or speaks without end
        status = self._child.wait()
        if self._killed_by_us:
            return LeaseLost()
        if -status in (
            signal.SIGSEGV,
            signal.SIGABRT,
            signal.SIGBUS,
            signal.SIGFPE,
            signal.SIGXCPU,
            signal.SIGSYS,
        ):
            return Rejected(
                f"The file crashed the program that reads it ({signal.Signals(-status).name}).",
                code="crashed_reader",
                hint="Rewrite it, for example with gdal_translate, and upload the copy.",
            )
        return StepFailed(f"The process that reads the file ended with {status}.", code="step_died")


def _words(seconds: float) -> str:
    return f"{seconds:.0f} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"


class _LatestFindings:
    """Notes the findings twice a second at most, and the last ones when `note` is called."""

    def __init__(self, note: Callable[[Findings], None]) -> None:
        self._note, self._next = note, time.monotonic() + REPORT_EVERY_SECONDS
        self._waiting: Findings | None = None

    def __call__(self, found: Findings) -> None:
        self._waiting = found
        if time.monotonic() >= self._next:
            self.note()

    def note(self) -> None:
        """Note what was not noted yet."""
        found, self._waiting = self._waiting, None
        self._next = time.monotonic() + REPORT_EVERY_SECONDS
        if found is not None:
            self._note(found)


def _throttled(report: Callable[[float], None]) -> Callable[[float], None]:
    """At most two database writes a second, however often the child speaks."""
    last = 0.0

    def throttled(share: float) -> None:
        nonlocal last
        if time.monotonic() - last >= REPORT_EVERY_SECONDS:
            last = time.monotonic()
            report(share)

    return throttled


def _error_from(data: dict[str, Any]) -> Exception:
    kind = getattr(errors, data["class"], StepFailed)
    error: RastrumError = kind(data["detail"], hint=data["hint"], code=data["code"])
    error.options = data["options"]
    return error
