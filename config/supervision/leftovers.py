"""Ends an engine that outlived its supervisor and its leash: two on one folder would spoil it."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

from config.supervision.waiting import wait_for


def end_leftover(folder: Path, program: str) -> None:
    """Kill every process of this program that works in this folder, and wait until it is gone.

    Recognised by its working folder, never by a process id in a file: ids are used again.
    Raises TimeoutError when one does not go.
    """
    left = _working_in(folder, program)
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    if left:
        what = f"An earlier {program} still runs on {folder}"
        wait_for(lambda: not _working_in(folder, program), 20, what)


def _working_in(folder: Path, program: str) -> list[int]:
    found = []
    for process in Path("/proc").iterdir():
        # A process of another account, or one that has just ended, cannot be read.
        with contextlib.suppress(OSError):
            name = (process / "comm").read_text().strip() if process.name.isdigit() else ""
            if name == program and Path(os.readlink(process / "cwd")) == folder.resolve():
                found.append(int(process.name))
    return found
