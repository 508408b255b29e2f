"""The whole product in a process of its own, as `make serve` starts it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROCESSES = ("web", "worker", "scheduler", "postgres", "redis")
LOCAL = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Never through a proxy: the server is on this machine."""


@dataclass
class Product:
    """A running server: where it is, who may log in, and what it has said so far."""

    url: str
    data_dir: Path
    env: dict[str, str]
    process: subprocess.Popen[str]
    output: Path
    admin_user: str = "admin"
    admin_password: str = "correct horse battery"
    _tokens: dict[str, str] = field(default_factory=dict)

    def pid(self, name: str) -> int:
        """Process id of `web`, `worker`, `postgres`, `redis` or `scheduler`."""
        return int((self.data_dir / "run" / f"{name}.pid").read_text())

    def manage(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a management command on this server's data folder."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env=self.env, text=True, capture_output=True, check=check,
        )  # fmt: skip

    def token(self, user: str = "admin") -> str:
        """An API token of the user, made once."""
        if user not in self._tokens:
            lines = self.manage("create_token", user).stdout.split()
            self._tokens[user] = lines[-1]
        return self._tokens[user]

    def said(self) -> str:
        return self.output.read_text()

    def get(self, path: str) -> int:
        """HTTP status of a GET; 0 when nothing answers."""
        try:
            with LOCAL.open(self.url + path, timeout=20) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def wait_until_ready(self, seconds: float = 120) -> None:
        """Until it says that it is ready. Raises AssertionError with its output."""
        deadline = time.monotonic() + seconds
        while "Rastrum is ready" not in self.said():
            assert self.process.poll() is None, f"the server stopped:\n{self.said()}"
            assert time.monotonic() < deadline, f"the server is not ready:\n{self.said()}"
            time.sleep(0.1)

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = 60) -> int:
        """Returns the exit code."""
        self.process.send_signal(number)
        return self.process.wait(seconds)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_product(data_dir: Path, **settings: str) -> Product:
    """Start it on a free port without waiting; settings such as STORAGE_URL as keywords."""
    data_dir.mkdir(parents=True, exist_ok=True)
    inherited = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}
    env = inherited | {
        "DATA_DIR": str(data_dir),
        "PORT": str(free_port()),
        "BIND": "127.0.0.1",
        "ADMIN_USER": Product.admin_user,
        "ADMIN_PASSWORD": Product.admin_password,
        # Tiles are drawn ahead when a test asks for it, not while another looks at the store.
        "PRERENDER_SETTLE_SECONDS": "1000000",
        **settings,
    }
    output = data_dir / "output.txt"
    with output.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "serve"],
            cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
            start_new_session=True, text=True,
        )  # fmt: skip
    return Product(f"http://127.0.0.1:{env['PORT']}", data_dir, env, process, output)


@contextmanager
def running_product(data_dir: Path, **settings: str) -> Iterator[Product]:
    """A product that is ready, and stopped afterwards."""
    product = start_product(data_dir, **settings)
    try:
        product.wait_until_ready()
        yield product
    finally:
        if product.process.poll() is None:
            product.stop()
