"""What the server says: one line per event, to the terminal and to a file per process."""

from __future__ import annotations

import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from config.supervision.routine import is_routine

ROTATE_BYTES = 10 * 2**20
WIDTH = 9
"""Of the longest process name, so that the lines stand in columns."""


class Console:
    """Lines of all processes, each with the name of the process that said it."""

    def __init__(self, log_dir: Path) -> None:
        log_dir.mkdir(parents=True, exist_ok=True)
        self.log_dir = log_dir
        self._files: dict[str, IO[str]] = {}
        self._lock = threading.Lock()

    def say(self, name: str, text: str) -> None:
        """An event that the supervisor itself reports about a process."""
        self.line(name, f"** {text}")

    def line(self, name: str, text: str) -> None:
        """One line of a process, as it wrote it; what is routine goes to its file only."""
        if not text.strip():
            return
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        with self._lock:
            self._file(name).write(f"{stamp} {text}\n")
            if not is_routine(name, text):
                self._print(f"{name:<{WIDTH}} | {text}")

    def tell(self, text: str = "") -> None:
        """A line for the person at the terminal, kept in no file: it may hold a password."""
        with self._lock:
            self._print(text)

    def _print(self, text: str) -> None:
        try:
            print(text, flush=True)
        except OSError:
            # The terminal is gone (closed window, `| head`); the files still have it all.
            sys.stdout = open("/dev/null", "w")  # noqa: SIM115

    def _file(self, name: str) -> IO[str]:
        if name not in self._files:
            path = self.log_dir / f"{name}.log"
            if path.exists() and path.stat().st_size > ROTATE_BYTES:
                path.replace(path.with_suffix(".log.1"))
            self._files[name] = path.open("a", buffering=1, errors="replace")
        return self._files[name]
