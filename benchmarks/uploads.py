"""Resumable uploads beside nginx's PUT followed by fsync, over loopback, in turns, as ratios.

    python benchmarks/uploads.py [--quick] [--rounds N]

Both write to the same disk and both are done when the bytes are on it. Ours also
hashes them (SHA-256 and MD5), stores the object and queues its job before the last
answer. nginx (nginx-light, with the DAV module) runs as a process of ours.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import pwd
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.services.product import Product, free_port, running_product  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results"
MEGABYTES = {"quick": 200, "normal": 1000}
GOAL = 0.6
PART_BYTES = 8 * 2**20
"""What the browser and the command-line client send at a time."""
TUS = {"Tus-Resumable": "1.0.0"}
NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log; {user}
events {{ }}
http {{
  access_log off; client_max_body_size 0; client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/t1; fastcgi_temp_path {folder}/t2;
  uwsgi_temp_path {folder}/t3; scgi_temp_path {folder}/t4;
  server {{ listen 127.0.0.1:{port}; location / {{ root {folder}/www; dav_methods PUT; }} }}
}}
"""


def main() -> None:
    """Measure in turns, print a table, write JSON; exit code 1 below the goal."""
    options = _options()
    if shutil.which("nginx") is None:
        sys.exit("nginx is not installed: apt-get install nginx-light")
    size = MEGABYTES["quick" if options.quick else "normal"] * 10**6
    with tempfile.TemporaryDirectory(prefix="rastrum-bench-", dir="/tmp") as name:
        folder = Path(name)
        source = folder / "source"
        _write_noise(source, size)
        with (
            running_product(folder / "data", PUBLISH_SAMPLE="no") as product,
            _nginx(folder / "nginx") as nginx,
        ):
            _make_collection(product)
            cases: dict[str, Callable[[], None]] = {
                "nginx PUT + fsync": lambda: _put(nginx, folder / "nginx" / "www", source),
                "tus, one PATCH": lambda: _tus(product, source, size),
                "tus, parts of 8 MiB": lambda: _tus(product, source, PART_BYTES),
            }
            seconds = _in_turns(cases, options.rounds)
    _report(seconds, size)


def _in_turns(cases: dict[str, Callable[[], None]], rounds: int) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    for case in cases.values():  # pages, connections and code are warm after one
        case()
    for _ in range(rounds):
        for name, case in cases.items():
            os.sync()  # nobody pays for the other's bytes
            began = time.monotonic()
            case()
            seconds[name].append(time.monotonic() - began)
    return seconds


def _put(port: int, www: Path, source: Path) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=600)
    name = f"f{time.monotonic_ns()}"
    with source.open("rb") as stream:
        _send(connection, "PUT", f"/{name}", stream.fileno(), 0, source.stat().st_size, {})
    target = www / name
    descriptor = os.open(target, os.O_RDWR)
    os.fsync(descriptor)
    os.close(descriptor)
    target.unlink()


def _tus(product: Product, source: Path, part: int) -> None:
    where, size = urlsplit(product.url), source.stat().st_size
    connection = HTTPConnection(where.hostname or "", where.port, timeout=600)
    own = TUS | {"Authorization": f"Bearer {product.token()}"}
    fields = {"filename": "noise.tif", "collection": "bench"}
    metadata = ",".join(f"{k} {base64.b64encode(v.encode()).decode()}" for k, v in fields.items())
    connection.request("POST", "/api/uploads/", headers=own | {
        "Upload-Length": str(size), "Upload-Metadata": metadata,
    })  # fmt: skip
    answer = connection.getresponse()
    answer.read()
    address = answer.headers["Location"]
    with source.open("rb") as stream:
        for offset in range(0, size, part):
            headers = own | {
                "Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream",
            }  # fmt: skip
            length = min(part, size - offset)
            job = _send(connection, "PATCH", address, stream.fileno(), offset, length, headers)
    assert job, "the last answer names the job"


def _send(
    connection: HTTPConnection, method: str, path: str, source: int, offset: int, length: int,
    headers: dict[str, str],
) -> str:  # fmt: skip
    """One request whose body goes from the file to the socket within the kernel."""
    connection.putrequest(method, path)
    for name, value in (headers | {"Content-Length": str(length)}).items():
        connection.putheader(name, value)
    connection.endheaders()
    assert isinstance(connection.sock, socket.socket)
    connection.sock.settimeout(None)  # os.sendfile does not wait by itself
    end = offset + length
    while offset < end:
        offset += os.sendfile(connection.sock.fileno(), source, offset, end - offset)
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status in (201, 204), (answer.status, text)
    return answer.headers.get("Upload-Job", "")


@contextmanager
def _nginx(folder: Path) -> Iterator[int]:
    (folder / "www").mkdir(parents=True)
    port = free_port()
    user = f"user {pwd.getpwuid(os.getuid()).pw_name};" if os.getuid() == 0 else ""
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port, user=user))
    command = ["nginx", "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
    with subprocess.Popen(command) as process:
        try:
            _wait_for(port)
            yield port
        finally:
            process.terminate()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit("nginx does not answer")


def _make_collection(product: Product) -> None:
    where = urlsplit(product.url)
    connection = HTTPConnection(where.hostname or "", where.port, timeout=60)
    headers = {"Authorization": f"Bearer {product.token()}", "Content-Type": "application/json"}
    connection.request("POST", "/api/collections", '{"id": "bench"}', headers)
    assert connection.getresponse().status == 201


def _write_noise(path: Path, size: int) -> None:
    block = os.urandom(10**6)
    with path.open("wb") as stream:
        for _ in range(size // len(block)):
            stream.write(block)


def _report(seconds: dict[str, list[float]], size: int) -> None:
    first = next(iter(seconds))
    base = statistics.median(seconds[first])
    print("| upload | MB/s | of nginx |")
    print("|---|---|---|")
    rows = []
    for name, took in seconds.items():
        median = statistics.median(took)
        rows.append({"case": name, "mb_s": size / median / 1e6, "ratio": base / median,
                     "seconds": took})  # fmt: skip
        print(f"| {name} | {size / median / 1e6:.0f} | {base / median:.2f} |")
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"uploads-{time.strftime('%Y%m%dT%H%M%S')}.json"
    path.write_text(json.dumps(rows, indent=1))
    print(f"written to {path.relative_to(ROOT)}")
    least = min(base / statistics.median(took) for took in list(seconds.values())[1:])
    print(f"goal {GOAL:.2f}: {'reached' if least >= GOAL else 'missed'}")
    sys.exit(0 if least >= GOAL else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="200 MB")
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


if __name__ == "__main__":
    main()
