"""Where the private PostgreSQL and Redis of a data folder listen: known before they run."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from urllib.parse import quote

DATABASE = "rastrum"


class UnsafeRunFolder(Exception):
    """Somebody else made the folder in which our sockets would lie."""


def run_folder(data_dir: Path) -> Path:
    """The folder of the sockets, the same for every process that names this data folder.

    Not under DATA_DIR, because a unix socket's path must stay below 108 bytes (unix(7)); not
    under XDG_RUNTIME_DIR, because that differs between a terminal, sudo and a cron job.
    """
    digest = hashlib.sha256(str(Path(data_dir).resolve()).encode()).hexdigest()[:12]
    return Path("/tmp") / f"rastrum-{os.geteuid()}-{digest}"


def redis_socket(data_dir: Path) -> Path:
    return run_folder(data_dir) / "redis.sock"


def connection_env(data_dir: Path) -> dict[str, str]:
    """DATABASE_URL, BROKER_URL and CACHE_URL of the private engines, running or not."""
    folder, redis = run_folder(data_dir), redis_socket(data_dir)
    return {
        "DATABASE_URL": f"postgis://{DATABASE}@{quote(str(folder), safe='')}/{DATABASE}",
        "BROKER_URL": f"redis+socket://{redis}?virtual_host=0",
        "CACHE_URL": f"unix://{redis}?db=1",
    }


def make_run_folder(data_dir: Path) -> Path:
    """The folder of the sockets, made for us alone (mode 0700).

    Raises UnsafeRunFolder when it exists and is not ours: /tmp is open to everybody, and a
    folder that another account made could hold a socket that is not our database's.
    """
    folder = run_folder(data_dir)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        found = folder.lstat()
        ours = stat.S_ISDIR(found.st_mode) and found.st_uid in _trusted_owners()
        if not ours or found.st_mode & 0o077:
            raise UnsafeRunFolder(
                f"{folder} exists, but is not a private folder of this account. "
                f"Remove it (rm -r {folder}) and start again."
            ) from None
    return folder


def _trusted_owners() -> set[int]:
    """Ourselves; for root also the account to which the folder may have been handed."""
    from config.supervision.account import service_account

    return {os.geteuid()} | ({service_account().uid} if os.geteuid() == 0 else set())
