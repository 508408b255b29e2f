"""How far each file is: one line that is drawn over on a terminal, few lines elsewhere."""

from __future__ import annotations

import sys
import threading
import time

UNITS = ("bytes", "kB", "MB", "GB", "TB")
LINE_SECONDS = 30.0
"""In a log file of a cluster a line now and then is enough."""


class Screen:
    """Standard error, shared by all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_terminal = sys.stderr.isatty()
        self._last: dict[str, float] = {}

    def show(self, name: str, words: str) -> None:
        """A state that will change."""
        with self._lock:
            if self._is_terminal:
                sys.stderr.write(f"\r\033[K{name}: {words}"[:200])
            elif time.monotonic() - self._last.get(name, -LINE_SECONDS) >= LINE_SECONDS:
                self._last[name] = time.monotonic()
                sys.stderr.write(f"{name}: {words}\n")
            sys.stderr.flush()

    def say(self, name: str, words: str) -> None:
        """A line that stays."""
        with self._lock:
            start = "\r\033[K" if self._is_terminal else ""
            sys.stderr.write(f"{start}{name}: {words}\n")
            sys.stderr.flush()


class Meter:
    """Bytes of one file, with the time that is left."""

    def __init__(self, screen: Screen, name: str, size: int) -> None:
        self._screen, self._name, self._size = screen, name, size
        self._began: tuple[float, int] | None = None

    def __call__(self, safe: int) -> None:
        now = time.monotonic()
        since, first = self._began or (now, safe)
        self._began = (since, first)
        words = f"{bytes_text(safe)} of {bytes_text(self._size)}, {safe * 100 // self._size} %"
        if safe > first and now - since > 2:
            words += f", {(self._size - safe) * (now - since) / (safe - first):.0f} s left"
        self._screen.show(self._name, words)


def bytes_text(size: float) -> str:
    """1234567 as 1.2 MB."""
    unit = 0
    while size >= 1000 and unit < len(UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.{1 if unit and size < 10 else 0}f} {UNITS[unit]}"
