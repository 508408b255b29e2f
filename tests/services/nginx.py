"""nginx with deploy/nginx.conf, word for word but for its addresses and folders."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.services.product import LOCAL, free_port

ROOT = Path(__file__).resolve().parents[2]
CONF = ROOT / "deploy" / "nginx.conf"
EDITED = {
    "server 127.0.0.1:8000;": "server {upstream};",
    "/var/cache/nginx/rastrum": "{folder}/cache",
    "listen 80;": "listen 127.0.0.1:{port};",
    "server_name maps.example.org;": "server_name localhost;",
}
"""What the operator edits, too: a line of the file -> what it becomes."""
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
MAIN = """
{user}
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ worker_connections 256; }}
http {{
    default_type application/octet-stream;
    access_log off;
    {temporary}
    include {folder}/rastrum.conf;
}}
"""


def is_installed() -> bool:
    """Whether there is an nginx to start."""
    return shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin") is not None


@contextmanager
def nginx(folder: Path, upstream: str) -> Iterator[str]:
    """Its address, in front of the server at `upstream` (host:port); stopped afterwards."""
    port = free_port()
    values = {"folder": str(folder), "upstream": upstream, "port": str(port)}
    conf = CONF.read_text()
    for line, edited in EDITED.items():
        assert line in conf, line
        conf = conf.replace(line, edited.format(**values))
    (folder / "rastrum.conf").write_text(conf)
    user = "user root;" if os.geteuid() == 0 else ""
    temporary = "\n    ".join(f"{name}_temp_path {folder}/{name};" for name in TEMPORARY)
    main = folder / "nginx.conf"
    main.write_text(MAIN.format(user=user, temporary=temporary, **values))
    program = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin") or "nginx"
    process = subprocess.Popen(
        [program, "-p", str(folder), "-c", str(main), "-e", str(folder / "error.log")]
    )
    try:
        _wait(process, port, folder)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def _wait(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        try:
            LOCAL.open(f"http://127.0.0.1:{port}/livez", timeout=20).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"nginx does not answer: {(folder / 'error.log').read_text()}")
