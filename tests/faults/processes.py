"""Processes of the running product: which there are, and how to end them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from pathlib import Path

from tests.journeys.cutting import descendants

__all__ = ["command_of", "descendants", "send"]


def command_of(pid: int) -> str:
    """Its command line; empty where it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def send(pids: Iterable[int], number: signal.Signals = signal.SIGKILL) -> None:
    """A signal to each; those that are gone do not mind."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
