"""Starts a whole server, keeps it running, and stops it in order."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import OperationalError, ProgrammingError, connections

from config.embedded import connection_env
from config.sandbox_check import SandboxDoesNotHold, check_sandbox
from config.supervision.child import Child
from config.supervision.console import Console
from config.supervision.listening import listen, local_url
from config.supervision.locks import ServerLock
from config.supervision.postgres import PostgresCluster
from config.supervision.redis import RedisServer
from config.supervision.static_files import collect_static_files

STOP_SECONDS = {"worker": 10.0, "scheduler": 3.0, "web": 6.0, "redis": 10.0, "postgres": 20.0}
"""The order of stopping, and how long each may take. A conversion that the worker does not
finish in time goes on at the next start: its job is in the database."""
START_SECONDS = 90.0
EARLY_DEATHS = 4


class StopRequested(BaseException):
    """Ctrl-C or SIGTERM; not an Exception, so that nothing on the way swallows it."""


class CannotStart(Exception):
    """A part of the server does not come up."""


class Supervisor:
    """The process that `./manage.py serve` runs in the foreground."""

    def __init__(self) -> None:
        self._data_dir = Path(settings.DATA_DIR)
        self._run_dir = self._data_dir / "run"
        self._private = connection_env(self._data_dir)
        self._children: dict[str, Child] = {}
        self._stopping = False
        self._started = time.monotonic()

    def serve(self) -> None:
        """Run until Ctrl-C or SIGTERM.

        Raises AlreadyRunning, CannotListen, CannotStart and the errors of the engines, each
        with a sentence for the operator; whatever had been started is then stopped again.
        """
        self._lock = ServerLock(self._run_dir)
        self._lock.take()
        self._socket = listen(settings.BIND, settings.PORT)
        self._console = Console(self._data_dir / "log")
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        try:
            self._start_engines()
            self._prepare_database()
            self._start_web()
            self._wait_for_the_web()
            self._start_workers()
            self._say_where_to_look(self._bootstrap())
            threading.Event().wait()
        except StopRequested:
            pass
        finally:
            self._stop()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._stopping:
            # The second Ctrl-C: somebody is in a hurry.
            for child in self._children.values():
                threading.Thread(target=child.kill, daemon=True).start()
            return
        self._stopping = True
        raise StopRequested

    # --- starting ---------------------------------------------------------------------------

    def _start_engines(self) -> None:
        """The private ones that are needed, and the static files meanwhile."""
        self._write_connections()
        own_postgres = settings.DATABASE_URL == self._private["DATABASE_URL"]
        own_redis = self._private["BROKER_URL"] == settings.BROKER_URL
        own_redis = own_redis or self._private["CACHE_URL"] == settings.CACHE_URL
        with ThreadPoolExecutor() as pool:
            steps: list[Future[Any]] = [
                pool.submit(collect_static_files, Path(settings.STATIC_ROOT)),
                pool.submit(self._check_sandbox),
            ]
            if own_postgres:
                steps.append(pool.submit(self._start_postgres))
            else:
                self._step("Using the database of DATABASE_URL")
            if own_redis:
                steps.append(pool.submit(self._start_redis))
            else:
                self._step("Using the Redis of BROKER_URL and CACHE_URL")
            for step in steps:
                step.result()

    def _start_postgres(self) -> None:
        cluster = PostgresCluster(self._data_dir)
        if cluster.is_new:
            self._step(f"Making a private PostgreSQL cluster in {self._data_dir / 'postgres'}")
        if cluster.note:
            self._step(cluster.note)
        cluster.prepare()
        self._add("postgres", cluster.command(), stop_signal=signal.SIGINT, orphan_seconds=5)
        cluster.wait_until_ready()
        self._step("PostgreSQL is up (private, unix socket)")

    def _start_redis(self) -> None:
        server = RedisServer(self._data_dir)
        server.prepare()
        self._add("redis", server.command(), orphan_seconds=5)
        server.wait_until_ready()
        self._step("Redis is up (private, unix socket)")

    def _check_sandbox(self) -> None:
        """Before anything takes uploads; the worker looks again, for those who run it alone."""
        try:
            self._step(check_sandbox())
        except SandboxDoesNotHold as error:
            raise CannotStart(str(error)) from error

    def _prepare_database(self) -> None:
        self._step("Bringing the database up to date")
        try:
            call_command("migrate", interactive=False, verbosity=0, skip_checks=True)
        except (OperationalError, ProgrammingError) as error:
            raise CannotStart(_database_sentence(error)) from error
        finally:
            connections.close_all()

    def _start_web(self) -> None:
        """Alone at first: the cores are its own until the portal answers."""
        processes = str(settings.WEB_PROCESSES)
        self._step(f"Starting the web server ({processes} processes)")
        fd = self._socket.fileno()
        module = [sys.executable, "-m", "config.supervision.web"]
        self._add("web", [*module, "--fd", str(fd), "--processes", processes], keep_fds=[fd])

    def _start_workers(self) -> None:
        processes = str(settings.WORKER_PROCESSES)
        self._step(f"Starting the worker ({processes} processes) and the scheduler")
        celery = [sys.executable, "-m", "celery", "--quiet", "-A", "config.celery", "worker"]
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        self._add("worker", [*celery, "--loglevel=INFO", f"--concurrency={processes}", *quiet])
        self._add("scheduler", [sys.executable, "manage.py", "scheduler"])

    def _add(
        self,
        name: str,
        command: list[str],
        *,
        stop_signal: signal.Signals = signal.SIGTERM,
        orphan_seconds: float = 0,
        keep_fds: list[int] | None = None,
    ) -> None:
        child = Child(
            name,
            command,
            console=self._console,
            run_dir=self._run_dir,
            env=self._child_env(),
            stop_signal=stop_signal,
            orphan_seconds=orphan_seconds,
            keep_fds=keep_fds or [],
            lock_fd=self._lock.children_fd,
        )
        self._children[name] = child
        child.start()

    def _child_env(self) -> dict[str, str]:
        where = {"DATA_DIR": str(self._data_dir), "PYTHONUNBUFFERED": "1"}
        if not os.access(settings.BASE_DIR / "tiler" / "pixels", os.W_OK):
            # The tile server's compiled loops are kept beside their source where that may be.
            where["NUMBA_CACHE_DIR"] = str(self._data_dir / "compiled")
        # Celery's standing remark about root is no news to who chose to be root.
        return os.environ | where | {"PYTHONWARNINGS": "ignore:::celery.platforms"}

    def _write_connections(self) -> None:
        """For the operator's own clients: psql "$(. var/run/env; echo $DATABASE_URL)"."""
        path = self._run_dir / "env"
        path.touch(mode=0o600)
        names = ("DATABASE_URL", "BROKER_URL", "CACHE_URL")
        path.write_text("".join(f"{name}='{getattr(settings, name)}'\n" for name in names))

    def _wait_for_the_web(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            log = self._console.log_dir / "web.log"
            if self._children["web"].early_deaths >= EARLY_DEATHS:
                raise CannotStart(f"The web server does not start; {log} says why.")
            if time.monotonic() > deadline:
                raise CannotStart(f"The web server does not answer; {log} may say why.")
            time.sleep(0.1)
        self._step(f"The portal answers on {self._url()}/")

    def _answers(self) -> bool:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            opener.open(f"{local_url(settings.BIND, settings.PORT)}/livez", timeout=10).close()
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    def _bootstrap(self) -> list[str]:
        """First content: administrator, collection, sample. Does nothing the next time.

        Returns what it says to the operator: the administrator's password, at the first start.
        """
        command = [sys.executable, "manage.py", "bootstrap"]
        done = subprocess.run(
            command,
            env=self._child_env(),
            cwd=settings.BASE_DIR,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        for line in done.stderr.splitlines():
            self._console.line("bootstrap", line)
        if done.returncode != 0:
            self._console.tell(done.stdout)
            raise CannotStart("The first content could not be made; see the lines above.")
        return done.stdout.splitlines()

    # --- telling ----------------------------------------------------------------------------

    def _step(self, text: str) -> None:
        self._console.tell(f"==> {text}")

    def _url(self) -> str:
        return settings.PUBLIC_URL or local_url(settings.BIND, settings.PORT)

    def _say_where_to_look(self, first_words: list[str]) -> None:
        seconds = time.monotonic() - self._started
        user = settings.ADMIN_USER
        account = first_words or [
            f"with the password of the first start; ./manage.py changepassword {user}",
            "sets a new one",
        ]
        lines = [
            "",
            f"Rastrum is ready (started in {seconds:.1f} s).",
            f"  Portal   {self._url()}/",
            f"  Log in   {self._url()}/accounts/login/ as `{user}`",
            *(f"           {line}" for line in account),
            f"  Logs     {self._console.log_dir}/ (one file per process)",
            "  Stop     Ctrl-C",
            "",
        ]
        for line in lines:
            self._console.tell(line)

    # --- stopping ---------------------------------------------------------------------------

    def _stop(self) -> None:
        self._stopping = True
        self._step("Stopping (Ctrl-C again: at once)")
        for name, seconds in STOP_SECONDS.items():
            if name in self._children:
                self._children[name].stop(seconds)
        with contextlib.suppress(OSError):
            self._socket.close()
        self._step("Stopped")


def _database_sentence(error: Exception) -> str:
    """What the database said, and what to do about the two things that stop a first start."""
    said = str(error).strip()
    if "permission denied to create extension" in said:
        return (
            f"The database refuses: {said}\nLet an administrator of the database run "
            "`CREATE EXTENSION postgis` in it once, then start again."
        )
    return f"The database cannot be used: {said}\nDATABASE_URL says where it is."
