"""The private PostgreSQL cluster of a data folder: made, repaired and waited for."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from pathlib import Path

import psycopg

from config.embedded import DATABASE, make_run_folder
from config.supervision.account import hand_over, service_account
from config.supervision.leftovers import end_leftover
from config.supervision.waiting import wait_for

OLDEST_MAJOR = 15
SETTINGS = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "effective_cache_size": "2GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "1GB",
    "random_page_cost": "1.1",
    # Catalogue queries last a few milliseconds: compiling one costs more than it saves.
    "jit": "off",
    "fsync": "on",
    "synchronous_commit": "on",
    "logging_collector": "off",
    "log_line_prefix": "",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "timezone": "UTC",
}
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""For tests that are thrown away; a crash may lose the cluster."""


class PostgresMissing(Exception):
    """No PostgreSQL on this machine fits the data folder."""


class PostgresCluster:
    """A cluster in DATA_DIR/postgres that listens on a unix socket in the run folder alone."""

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        self._folder = data_dir / "postgres"
        self._sockets = make_run_folder(data_dir)
        self._settings = SETTINGS if durable else SETTINGS | NOT_DURABLE
        self._account = service_account()
        self.is_new = not (self._folder / "PG_VERSION").exists()
        self.note = self._account.note
        hand_over(self._sockets, self._account)

    def prepare(self) -> None:
        """Make the cluster at the first start; after a crash remove what would stop a start.

        Raises PostgresMissing, NoAccount, or CalledProcessError when initdb fails.
        """
        if self.is_new:
            self._initialise()
        hand_over(self._folder, self._account)
        end_leftover(self._folder, "postgres")
        # The process id in it may by now belong to another process, and would then refuse us.
        (self._folder / "postmaster.pid").unlink(missing_ok=True)
        (self._sockets / ".s.PGSQL.5432.lock").unlink(missing_ok=True)

    def command(self) -> list[str]:
        """The command that runs the server in the foreground; SIGINT stops it fast and cleanly."""
        options = [f"--{name}={value}" for name, value in self._settings.items()]
        where = ["-D", str(self._folder), "-k", str(self._sockets)]
        return [*self._account.prefix, self._program("postgres"), *where, *options]

    def wait_until_ready(self, seconds: float = 60) -> None:
        """Wait for the server, and make the database if it is not there.

        Raises TimeoutError.
        """
        wait_for(self._answers, seconds, "PostgreSQL does not answer")

    def _answers(self) -> bool:
        try:
            with psycopg.connect(
                host=str(self._sockets), user=DATABASE, dbname="postgres", autocommit=True
            ) as connection:
                names = connection.execute("select datname from pg_database").fetchall()
                if (DATABASE,) not in names:
                    connection.execute(f'create database "{DATABASE}"')
        except psycopg.OperationalError:
            return False
        return True

    def _initialise(self) -> None:
        """Into a folder beside it first: a start that is killed here leaves no half cluster."""
        draft = self._folder.with_name("postgres.new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True, mode=0o700)
        hand_over(draft, self._account)
        how = ["-U", DATABASE, "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"]
        command = [*self._account.prefix, self._program("initdb"), "-D", str(draft), *how]
        subprocess.run(command, check=True, capture_output=True, text=True, cwd="/")
        with contextlib.suppress(FileNotFoundError):
            self._folder.rmdir()
        draft.rename(self._folder)

    def _program(self, name: str) -> str:
        """The program of the version that made the cluster, else of the newest with PostGIS."""
        made_by = self._folder / "PG_VERSION"
        wanted = int(made_by.read_text()) if made_by.exists() else None
        found = installed_versions()
        major = wanted if wanted in found else None if wanted else max(found, default=None)
        if major is None:
            which = f"PostgreSQL {wanted}, which made {self._folder}," if wanted else "PostgreSQL"
            package = wanted or OLDEST_MAJOR
            raise PostgresMissing(
                f"{which} with PostGIS is not installed. Install it "
                f"(apt-get install postgresql-{package}-postgis-3) or set DATABASE_URL."
            )
        return str(found[major] / name)


def installed_versions() -> dict[int, Path]:
    """Major version -> folder of its programs, of those that have PostGIS beside them.

    Debian's places first; elsewhere the one whose initdb is on PATH.
    """
    found = {}
    for folder in Path("/usr/lib/postgresql").glob("*/bin"):
        major = folder.parent.name
        extension = Path(f"/usr/share/postgresql/{major}/extension/postgis.control")
        if major.isdigit() and int(major) >= OLDEST_MAJOR and extension.exists():
            found[int(major)] = folder
    if not found and (initdb := shutil.which("initdb")):
        version = subprocess.run([initdb, "--version"], capture_output=True, text=True, check=False)
        if match := re.search(r" (\d+)", version.stdout):
            found[int(match[1])] = Path(os.path.realpath(initdb)).parent
    return found
