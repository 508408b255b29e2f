"""The private Redis of a data folder: doorbells in database 0, the cache in database 1."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

from config.embedded import make_run_folder, redis_socket
from config.supervision.leftovers import end_leftover
from config.supervision.waiting import wait_for

SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "daemonize": "no",
    # Without the append-only file a SIGKILL lost every queued message (measured).
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    "maxmemory-policy": "noeviction",
    "always-show-logo": "no",
    "loglevel": "warning",
}


class RedisMissing(Exception):
    """There is no Redis on this machine."""


class RedisServer:
    """A Redis in DATA_DIR/redis that listens on a unix socket in the run folder alone."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "redis"
        self._socket = redis_socket(data_dir)
        make_run_folder(data_dir)

    def prepare(self) -> None:
        """Raises RedisMissing."""
        if shutil.which("redis-server") is None:
            raise RedisMissing(
                "Redis is not installed. Install it (apt-get install redis-server), or set "
                "BROKER_URL and CACHE_URL."
            )
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        end_leftover(self._folder, "redis-server")
        self._socket.unlink(missing_ok=True)

    def command(self) -> list[str]:
        """The command that runs the server in the foreground."""
        options = [part for name, value in SETTINGS.items() for part in (f"--{name}", value)]
        where = ["--dir", str(self._folder), "--unixsocket", str(self._socket)]
        return ["redis-server", *where, *options]

    def wait_until_ready(self, seconds: float = 60) -> None:
        """Raises TimeoutError. A large append-only file is read first, which may take a while."""
        wait_for(self._answers, seconds, "Redis does not answer")

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            try:
                client.connect(str(self._socket))
                client.sendall(b"PING\r\n")
                return client.recv(16).startswith(b"+PONG")
            except OSError:
                return False
