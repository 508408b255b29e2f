"""One at a time on this machine: a lock that its holder's death releases."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ASK_EVERY_SECONDS = 1.0


@contextmanager
def alone(lock: Path, while_waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Wait until no other process holds `lock`, and hold it. The file stays; it is empty.

    `while_waiting` is called each second; what it raises ends the waiting.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as file:
        while not _taken(file.fileno()):
            while_waiting()
            time.sleep(ASK_EVERY_SECONDS)
        yield


@contextmanager
def first_come(lock: Path) -> Iterator[bool]:
    """Hold `lock` if no other process does; whether we hold it."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as file:
        yield _taken(file.fileno())


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
