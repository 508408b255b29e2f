"""CPU of a server's processes, read from /proc: what a client's clock cannot tell apart."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(root: int) -> float:
    """User and system time of a process, of its living descendants, and of those of them that
    ended and were waited for."""
    total = 0.0
    waiting = [root]
    while waiting:
        process = waiting.pop()
        try:
            fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
            total += sum(int(field) for field in fields[11:15]) / _TICKS
            for task in Path(f"/proc/{process}/task").iterdir():
                waiting += [int(child) for child in (task / "children").read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total


def family(root: int) -> list[int]:
    """The process and its living descendants."""
    found: list[int] = []
    waiting = [root]
    while waiting:
        process = waiting.pop()
        try:
            for task in Path(f"/proc/{process}/task").iterdir():
                waiting += [int(child) for child in (task / "children").read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            continue
        found.append(process)
    return found


def resident_megabytes(root: int) -> float:
    """Memory of the largest process among this one and its descendants."""
    largest = 0
    for process in family(root):
        try:
            text = Path(f"/proc/{process}/status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        lines = [line for line in text.splitlines() if line.startswith("VmRSS:")]
        largest = max([largest, *(int(line.split()[1]) for line in lines)])
    return largest / 1024
