"""Web processes that are killed come back, whatever they were doing."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.product import LOCAL, ROOT

PROCESSES = 2
START_SECONDS = 1
BACK_SECONDS = 20
"""Far below the minute for which a silent process is borne."""


@pytest.fixture
def web() -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Our web processes around an application that starts slowly; the process and its address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        fd, port = listening.fileno(), listening.getsockname()[1]
        command = [sys.executable, "-m", "config.supervision.web", "--fd", str(fd),
                   "--processes", str(PROCESSES),
                   "--app", "tests.config.supervision.slow_app:application"]  # fmt: skip
        env = os.environ | {"SLOW_START_SECONDS": str(START_SECONDS)}
        process = subprocess.Popen(command, cwd=ROOT, env=env, pass_fds=[fd])
        try:
            yield process, f"http://127.0.0.1:{port}/"
        finally:
            process.terminate()
            assert process.wait(15) is not None


def children(pid: int) -> list[int]:
    """Processes that were spawned to serve, not Python's own helper."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(c) for c in listed if "spawn_main" in Path(f"/proc/{c}/cmdline").read_text()]


def wait_for_children(pid: int, *, without: set[int]) -> list[int]:
    deadline = time.monotonic() + BACK_SECONDS
    while len(new := [c for c in children(pid) if c not in without]) < PROCESSES:
        assert time.monotonic() < deadline, f"no new web processes, only {new}"
        time.sleep(0.05)
    return new


def answers_within(address: str, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with LOCAL.open(address, timeout=1) as answer:
                return bool(answer.read())
        except OSError:
            time.sleep(0.1)
    return False


def test_processes_that_are_killed_with_a_question_open_are_replaced_at_once(
    web: tuple[subprocess.Popen[bytes], str],
) -> None:
    """Busy ones answer late to the question for their health; now nobody ever will."""
    process, address = web
    assert answers_within(address, BACK_SECONDS)
    busy = children(process.pid)
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in busy:
            os.kill(pid, number)
        time.sleep(1.5)
    wait_for_children(process.pid, without=set(busy))
    assert answers_within(address, BACK_SECONDS)


def test_all_processes_killed_in_service_are_replaced_at_once(
    web: tuple[subprocess.Popen[bytes], str],
) -> None:
    process, address = web
    assert answers_within(address, BACK_SECONDS)
    old = children(process.pid)
    for pid in old:
        os.kill(pid, signal.SIGKILL)
    assert not set(wait_for_children(process.pid, without=set(old))) & set(old)
    assert answers_within(address, BACK_SECONDS)


def test_a_process_that_hangs_is_found_without_waiting_for_it(
    web: tuple[subprocess.Popen[bytes], str],
) -> None:
    """The others are still watched: one that is killed meanwhile is replaced."""
    process, address = web
    assert answers_within(address, BACK_SECONDS)
    hung, killed = children(process.pid)
    os.kill(hung, signal.SIGSTOP)
    time.sleep(1.5)
    os.kill(killed, signal.SIGKILL)
    try:
        assert len(wait_for_children(process.pid, without={killed})) == PROCESSES
        assert answers_within(address, BACK_SECONDS)
    finally:
        os.kill(hung, signal.SIGCONT)
