"""Children for pixel steps, each forked from a zygote that has loaded the libraries already.

A worker process keeps its zygotes (`tasks.pixel_zygote`), usually one: it works on one job at
a time. A zygote that died is replaced.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from repository.errors import StepFailed
from tasks.isolation.limits import Limits

ZYGOTE_ARGUMENTS = ("-m", "tasks.pixel_zygote")
TILE_ARGUMENTS = (*ZYGOTE_ARGUMENTS, "tiles")
"""Of a zygote that has loaded the tile server's libraries instead: twice the memory."""
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "NUMBA_CACHE_DIR")
"""Of our environment the child sees these alone: no database, no store, no secret key."""

GDAL_ENVIRONMENT = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_VRT_ENABLE_PYTHON": "NO",
    "GDAL_DRIVER_PATH": "",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": "{none}",
    "GDAL_CACHEMAX": "64",
    "PROJ_NETWORK": "OFF",
    # A file in the child's folder is never taken for a module.
    "PYTHONSAFEPATH": "1",
    # A process with one thread can be forked safely.
    "OPENBLAS_NUM_THREADS": "1",
}
PROJECT = Path(__file__).resolve().parent.parent


class PixelChild:
    """One child, in a session of its own. `requests` and `answers` are our ends of its pipes."""

    def __init__(self, zygote: Zygote, pid: int, requests: int, answers: int) -> None:
        self._zygote, self.pid = zygote, pid
        self.requests, self.answers = requests, answers
        self._exit_code: int | None = None

    def kill(self) -> None:
        """End the child and all that it started, at once."""
        if self._exit_code is not None:
            return
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:  # just forked: it has no session yet
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def ends_within(self, seconds: float) -> bool:
        """Whether it has ended, or does so soon."""
        return self._exit_code is not None or self._zygote.has_spoken(seconds)

    def wait(self) -> int:
        """Its exit code; negative where a signal ended it."""
        if self._exit_code is None:
            try:
                status = self._zygote.receive()["status"]
            except ZygoteLost:
                self._exit_code = -signal.SIGKILL
            else:
                self._exit_code = os.waitstatus_to_exitcode(status)
                _give_back(self._zygote)
        return self._exit_code

    def close(self) -> None:
        """End it and let go of its pipes."""
        self.kill()
        self.wait()
        os.close(self.requests)
        os.close(self.answers)


class ZygoteLost(Exception):
    """It does not answer any more."""


class Zygote:
    """The process that forks; `arguments` are Python's."""

    def __init__(self, arguments: tuple[str, ...]) -> None:
        self.arguments = arguments
        ours, theirs = socket.socketpair()
        environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        self._process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=theirs.fileno(),
            env=environment | GDAL_ENVIRONMENT | {"PYTHONPATH": str(PROJECT)},
            cwd="/",
            start_new_session=True,
        )
        theirs.close()
        self._control, self._unread = ours, b""
        self.receive()  # it is ready

    def fork(self, folder: Path, limits: Limits, layers: Sequence[str]) -> PixelChild:
        """A child that is shut into `folder` (`tasks.isolation`). Raises ZygoteLost."""
        requests_read, requests = os.pipe()
        answers, answers_write = os.pipe()
        try:
            order = {"folder": str(folder), "limits": limits.to_json(), "layers": list(layers)}
            message = [json.dumps(order).encode()]
            socket.send_fds(self._control, message, [requests_read, answers_write])
            pid = self.receive()["pid"]
        except (OSError, ZygoteLost) as error:
            os.close(requests)
            os.close(answers)
            raise ZygoteLost from error
        finally:
            os.close(requests_read)
            os.close(answers_write)
        return PixelChild(self, pid, requests, answers)

    def has_spoken(self, seconds: float) -> bool:
        """Whether a message waits, or comes within so long."""
        return bool(self._unread or select.select([self._control], [], [], seconds)[0])

    def receive(self) -> dict[str, Any]:
        """Its next message. Raises ZygoteLost."""
        while b"\n" not in self._unread:
            try:
                chunk = self._control.recv(4096)
            except OSError as error:
                raise ZygoteLost from error
            if not chunk:
                self.stop()
                raise ZygoteLost
            self._unread += chunk
        line, _, self._unread = self._unread.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message

    def stop(self) -> None:
        """End it."""
        self._control.close()
        self._process.kill()
        self._process.wait()


_idle: list[Zygote] = []
_owner = 0
"""Process id of whose zygotes `_idle` lists: a forked worker process starts its own."""


def start_child(
    folder: Path, limits: Limits, layers: Sequence[str], *, draws_tiles: bool = False
) -> PixelChild:
    """A child for one job, shut in (`tasks.isolation`). Raises StepFailed where none starts."""
    for _ in range(3):
        try:
            arguments = TILE_ARGUMENTS if draws_tiles else ZYGOTE_ARGUMENTS
            return _zygote(arguments).fork(folder, limits, layers)
        except ZygoteLost:
            continue
    raise StepFailed("The process that reads files does not start.", code="step_died")


def start_drawing() -> None:
    """Have a zygote that draws tiles ready: on a new machine it compiles for a while."""
    _idle.append(_zygote(TILE_ARGUMENTS))


def stop_drawing() -> None:
    """End the idle zygote that draws tiles: it is not often needed."""
    if _owner == os.getpid():
        for zygote in [z for z in _idle if z.arguments == TILE_ARGUMENTS]:
            _idle.remove(zygote)
            zygote.stop()


def _zygote(arguments: tuple[str, ...]) -> Zygote:
    """An idle one, or a new one; those that are of no use any more are ended."""
    global _owner
    if _owner != os.getpid():
        _idle.clear()
        _owner = os.getpid()
    for zygote in list(_idle):
        if zygote.arguments == arguments:
            _idle.remove(zygote)
            return zygote
        if zygote.arguments not in (ZYGOTE_ARGUMENTS, TILE_ARGUMENTS):
            _idle.remove(zygote)
            zygote.stop()
    return Zygote(arguments)


def _give_back(zygote: Zygote) -> None:
    if _owner == os.getpid():
        _idle.append(zygote)
