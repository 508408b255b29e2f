"""One supervised process: started on a leash, logged line by line, started again when it dies."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from config.supervision.console import Console

LEASH = Path(__file__).with_name("leash.py")
FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 30.0
STEADY_SECONDS = 10.0
"""A process that ran for so long counts as sound again, and restarts without delay."""


class Child:
    """A process that shall always run; `stop` is the only way to end it for good."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        console: Console,
        run_dir: Path,
        env: Mapping[str, str] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        orphan_seconds: float = 0.0,
        keep_fds: Sequence[int] = (),
        lock_fd: int | None = None,
    ) -> None:
        self.name = name
        self.early_deaths = 0
        """How often in a row it has died soon after its start."""
        self._command = list(command)
        self._console = console
        self._pid_file = run_dir / f"{name}.pid"
        self._env = dict(os.environ if env is None else env)
        self._stop_signal = stop_signal
        # A process that gets no time of its own is killed when its supervisor is gone.
        self._orphan = (stop_signal if orphan_seconds else signal.SIGKILL, orphan_seconds)
        self._keep_fds = list(keep_fds)
        # Inherited by the leash alone: the lock is free when the last leash has ended.
        self._lock_fds = [] if lock_fd is None else [lock_fd]
        self._control = -1
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep_running, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Ask it to end, wait so long at most, then kill it and everything that it started."""
        self._stopping.set()
        with self._lock:
            self._order(self._stop_signal)
        self._thread.join(seconds if self._thread.is_alive() else 0)
        self.kill()
        if self._thread.is_alive():
            self._thread.join(10)

    def kill(self) -> None:
        """End it at once. Safe to call from a signal handler's thread."""
        self._stopping.set()
        with self._lock:
            self._order(signal.SIGKILL)

    def _order(self, number: signal.Signals) -> None:
        if self._control >= 0:
            with contextlib.suppress(OSError):
                os.write(self._control, bytes([number]))

    def _keep_running(self) -> None:
        delay = FIRST_DELAY_SECONDS
        while not self._stopping.is_set():
            started = time.monotonic()
            how = self._run_once()
            if self._stopping.is_set():
                return
            steady = time.monotonic() - started > STEADY_SECONDS
            delay = FIRST_DELAY_SECONDS if steady else delay
            self.early_deaths = 0 if steady else self.early_deaths + 1
            self._console.say(
                self.name, f"stopped unexpectedly ({how}); starting it again in {delay:g} s"
            )
            self._stopping.wait(delay)
            delay = min(2 * delay, LONGEST_DELAY_SECONDS)

    def _run_once(self) -> str:
        """Start the process and pass its lines on until it has ended; says how it ended."""
        process = self._spawn()
        if process is None:
            return "not started"
        assert process.stdout is not None
        for line in process.stdout:
            self._console.line(self.name, line.rstrip("\n"))
        code = process.wait()
        with self._lock:
            os.close(self._control)
            self._control = -1
        if code <= 128:
            return f"exit code {code}"
        with contextlib.suppress(ValueError):
            return f"killed by {signal.Signals(code - 128).name}"
        return f"exit code {code}"

    def _spawn(self) -> subprocess.Popen[str] | None:
        with self._lock:
            if self._stopping.is_set():
                return None
            theirs, self._control = os.pipe2(os.O_CLOEXEC)
            number, seconds = self._orphan
            fds = ",".join(str(fd) for fd in self._keep_fds)
            leash = [sys.executable, "-I", "-S", str(LEASH), str(theirs), str(self._pid_file)]
            try:
                return subprocess.Popen(
                    [*leash, str(int(number)), str(seconds), fds, *self._command],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    env=self._env,
                    # Its own session: Ctrl-C reaches the supervisor alone, which stops in order.
                    start_new_session=True,
                    pass_fds=[theirs, *self._keep_fds, *self._lock_fds],
                    text=True,
                    errors="replace",
                    bufsize=1,
                )
            finally:
                os.close(theirs)
