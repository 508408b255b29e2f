"""One server to a data folder, and the next one only when the last one's processes are gone."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from config.supervision.waiting import wait_for

LEASHES_SECONDS = 20


class AlreadyRunning(Exception):
    """Another server runs on this data folder."""


class ServerLock:
    """Two locks of the kernel, which a SIGKILL releases; files that are left behind mean nothing.

    The first is the supervisor's own. The second is shared with the leashes of its children
    (`children_fd`), so it is free only when the children of a killed supervisor have ended.
    """

    def __init__(self, run_dir: Path) -> None:
        run_dir.mkdir(parents=True, exist_ok=True)
        self._run_dir = run_dir

    def take(self) -> None:
        """Raises AlreadyRunning, or TimeoutError when a dead server's processes do not end."""
        self._server = os.open(self._run_dir / "serve.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        if not _locked(self._server):
            holder = os.read(self._server, 32).decode().strip()
            raise AlreadyRunning(
                f"A server already runs on this data folder, {self._run_dir.parent} "
                f"(process {holder}). Stop it first, or choose another folder with DATA_DIR."
            )
        os.ftruncate(self._server, 0)
        os.pwrite(self._server, f"{os.getpid()}\n".encode(), 0)
        path = self._run_dir / "children.lock"
        self.children_fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        what = "The processes of the last server on this data folder have not ended"
        wait_for(lambda: _locked(self.children_fd), LEASHES_SECONDS, what)


def _locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
