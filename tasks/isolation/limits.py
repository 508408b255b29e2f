"""Bounds of a pixel process: memory, time, size of a file, open files; it dies with its parent."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tasks.isolation.system import control

PR_SET_PDEATHSIG = 1
MOST_LIKELY_VICTIM = "1000"


@dataclass(frozen=True)
class Limits:
    """What the kernel holds the process to (setrlimit(2))."""

    parent: int = 0
    """Process id of the one who started it; 0: whoever it is."""
    memory_bytes: int = 8 * 2**30
    """Address space, not resident memory: threads and mapped files count."""
    cpu_seconds: int = resource.RLIM_INFINITY
    """Of all its threads together."""
    file_bytes: int = resource.RLIM_INFINITY
    """Of the largest file that it writes."""
    open_files: int = 256

    def to_json(self) -> dict[str, int]:
        """A dictionary of JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Limits:
        """The inverse of `to_json`."""
        return cls(**data)


def limit_resources(limits: Limits) -> None:
    """Hold this process to `limits`, leave no core dump, be the first that memory is taken from."""
    die_with_parent(limits.parent)
    for kind, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_CPU, limits.cpu_seconds),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_NOFILE, limits.open_files),
    ):
        _lower(kind, value)
    # Where the machine runs out of memory, the kernel ends this process and no other.
    with contextlib.suppress(OSError):  # /proc may be hidden
        Path("/proc/self/oom_score_adj").write_text(MOST_LIKELY_VICTIM)


def die_with_parent(parent: int) -> None:
    """Be killed when the process that started us ends, however it ends."""
    control(PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent not in (0, os.getppid()):
        os._exit(1)  # it died before we asked to die with it


def _lower(kind: int, value: int) -> None:
    """Never above what was inherited, which an ordinary user may not raise."""
    hard = resource.getrlimit(kind)[1]
    if value != resource.RLIM_INFINITY and (hard == resource.RLIM_INFINITY or value < hard):
        resource.setrlimit(kind, (value, value))
