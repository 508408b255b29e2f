"""Runs one command and sees to it that nothing of it outlives its supervisor or its main process.

A program of its own (standard library only, so that it starts in a few milliseconds):

    leash.py CONTROL_FD PID_FILE ORPHAN_SIGNAL ORPHAN_SECONDS KEEP_FDS COMMAND...

Each byte that arrives on CONTROL_FD is a signal for the command. When CONTROL_FD closes, the
supervisor is gone, however it died: the command gets ORPHAN_SIGNAL and, after ORPHAN_SECONDS,
SIGKILL. When the command's main process ends, its descendants are killed, also those that moved
to another process group or session, because this process is their subreaper (prctl(2)).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def main() -> int:
    control, pid_file, orphan_signal, orphan_seconds, keep_fds, *command = sys.argv[1:]
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    wake = _wake_on_child()
    keep = [int(fd) for fd in keep_fds.split(",") if fd]
    child = _spawn(command, keep)
    # The supervisor keeps the listening socket open; here it would only outlive it.
    for fd in keep:
        os.close(fd)
    _write(pid_file, child)
    status = _watch(int(control), wake, child, int(orphan_signal), float(orphan_seconds))
    _kill_descendants(child)
    with contextlib.suppress(OSError):
        os.unlink(pid_file)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _wake_on_child() -> int:
    """A descriptor that becomes readable when a child ends; the terminal's signals are not ours."""
    wake, alarm = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    # Handlers, not SIG_IGN, which the command would inherit.
    for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(alarm, warn_on_full_buffer=False)
    return wake


def _spawn(command: list[str], keep: list[int]) -> int:
    leash = os.getpid()

    def die_with_the_leash() -> None:
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != leash:
            os._exit(1)

    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        process_group=0,
        pass_fds=keep,
        preexec_fn=die_with_the_leash,
    )
    return process.pid


def _write(pid_file: str, pid: int) -> None:
    with open(f"{pid_file}.new", "w") as file:
        file.write(f"{pid}\n")
    os.replace(f"{pid_file}.new", pid_file)


def _watch(control: int, wake: int, child: int, orphan_signal: int, orphan_seconds: float) -> int:
    """Returns the wait status of the main process, once it has ended."""
    watched, deadline = [control, wake], None
    while True:
        if (status := _reap(child)) is not None:
            return status
        timeout = None if deadline is None else max(0.0, deadline - time.monotonic())
        readable, _, _ = select.select(watched, [], [], timeout)
        if wake in readable:
            os.read(wake, 512)
        if control in readable:
            orders = os.read(control, 64)
            for number in orders or [orphan_signal]:
                _send(child, number)
            if not orders:
                watched, deadline = [wake], time.monotonic() + orphan_seconds
        if deadline is not None and time.monotonic() >= deadline:
            _send(child, signal.SIGKILL)
            deadline = time.monotonic() + 1


def _reap(child: int) -> int | None:
    """Collect whatever has ended; the status of the main process if it is among it."""
    while True:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == child:
            return status
        if pid == 0:
            return None


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _kill_descendants(group: int) -> None:
    """Until no process is left: those killed hand their own children to us."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        while True:
            for pid in _children():
                _send(pid, signal.SIGKILL)
            os.waitpid(-1, 0)


def _children() -> list[int]:
    """Process ids whose parent is this process (field 4 of /proc/PID/stat, proc(5))."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat") as file:
            if int(file.read().rpartition(")")[2].split()[1]) == os.getpid():
                found.append(int(name))
    return found


if __name__ == "__main__":
    sys.exit(main())
