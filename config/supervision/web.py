"""The web processes on the listening socket that the supervisor bound.

`uvicorn --fd` takes any descriptor for a unix socket, and then knows no client address.
"""

from __future__ import annotations

import argparse
import os
import pickle
import socket
import time

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process

from config.supervision.short_answers import ShortAnswers

STOP_SECONDS = 4
"""An open event stream must not hold a stop up for longer."""
KEEP_ALIVE_SECONDS = 75
"""Longer than a proxy in front of us keeps its connections: else it may ask on a closed one."""
SILENT_SECONDS = 60
"""A busy machine may answer late; a process that hangs for a minute is replaced."""

MEMORY = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": str(4 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(8 * 2**20),
    "GDAL_CACHEMAX": "32",
}
"""How glibc and GDAL of each process keep memory. Large pictures' is given back at once, and
threads share what is free: ten previews of 2048 pixels left 75 MB behind, with this 4 (measured).
GDAL would keep blocks in a twentieth of the machine's memory, where we keep our own."""


class WebProcess(Process):
    """A process that is asked for its health without waiting for the answer.

    uvicorn's own check waits for it, up to its whole timeout and for one process after the
    other. The parent holds both ends of the pipe, so a child that is killed with a question open
    never ends that wait: two busy ones that were killed left no server for a minute.
    """

    _asked: float | None = None
    """When the open question was asked; None: it was answered."""

    def is_alive(self, timeout: float = SILENT_SECONDS) -> bool:
        """Whether it runs, and has answered within the last `timeout` seconds. Returns at once."""
        if not self.process.is_alive():
            return False
        try:
            if self._asked is not None and self.parent_conn.poll(0):
                self.parent_conn.recv()
                self._asked = None
            if self._asked is None:
                self.parent_conn.send(b"ping")
                self._asked = time.monotonic()
        except (OSError, EOFError, pickle.UnpicklingError):
            return False
        return time.monotonic() - self._asked < timeout


class WebProcesses(Multiprocess):
    """Keeps the processes running; all that died are replaced in the same half second."""

    def init_processes(self) -> None:
        """Start them all."""
        self.processes.extend(self._started() for _ in range(self.processes_num))

    def keep_subprocess_alive(self) -> None:
        """Replace what died or hangs; stop where a process cannot start at all."""
        for index, process in enumerate(self.processes):
            if self.should_exit.is_set() or process.is_alive(SILENT_SECONDS):
                continue
            process.kill()
            process.join()
            if process.exitcode == STARTUP_FAILURE:
                # Started again it would fail the same way: our supervisor waits between tries.
                self.should_exit.set()
                return
            self.processes[index] = self._started()

    def _started(self) -> WebProcess:
        process = WebProcess(self.config, self.sockets)
        process.start()
        return process


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--fd", type=int, required=True)
    arguments.add_argument("--processes", type=int, required=True)
    arguments.add_argument("--app", default="config.asgi:application")
    given = arguments.parse_args()
    config = uvicorn.Config(
        given.app,
        workers=given.processes,
        lifespan="auto",
        loop="uvloop",
        http=ShortAnswers,
        ws="none",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    for name, value in MEMORY.items():
        os.environ.setdefault(name, value)  # read by the processes that we start
    listening = socket.socket(fileno=given.fd)
    WebProcesses(config, sockets=[listening]).run()


if __name__ == "__main__":
    main()
