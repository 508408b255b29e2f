"""The peers, each on a free port of loopback: TiTiler, MapServer, and nginx with files."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

from tests.services.product import free_port

ROOT = Path(__file__).resolve().parents[2]
MAPSERV = Path("/usr/lib/cgi-bin/mapserv")
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
LOCAL = build_opener(ProxyHandler({}))


@dataclass(frozen=True)
class Peer:
    """A running server."""

    url: str
    pids: tuple[int, ...]


@contextmanager
def titiler(**environment: str) -> Iterator[Peer]:
    """Plain TiTiler in one process, with GDAL as it comes."""
    port = free_port()
    command = [
        sys.executable, "-m", "uvicorn", "benchmarks.titiler_app:app", "--port", str(port),
        "--log-level", "warning", "--no-access-log",
    ]  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    with _running(command, os.environ | environment) as pid:
        wait_for(f"{url}/openapi.json")
        yield Peer(url, (pid,))


@contextmanager
def mapserver(folder: Path, layers: dict[str, tuple[Path, str]]) -> Iterator[Peer | None]:
    """MapServer in two FastCGI processes behind nginx, as its documentation advises; None where
    it is not installed. `layers`: name -> raster and lines of the layer. nginx is not counted."""
    if not (MAPSERV.exists() and shutil.which("spawn-fcgi") and NGINX):
        yield None
        return
    mapfile = folder / "bench.map"
    mapfile.write_text(_mapfile(layers))
    (folder / "mapserver.conf").write_text("CONFIG\n  ENV\n  END\nEND\n")
    environment = os.environ | {"MAPSERVER_CONFIG_FILE": str(folder / "mapserver.conf")}
    with ExitStack() as stack:
        sockets = [folder / f"ms{number}.sock" for number in (1, 2)]
        pids = [
            stack.enter_context(
                _running(["spawn-fcgi", "-n", "-s", str(path), "--", str(MAPSERV)], environment)
            )
            for path in sockets
        ]
        upstream = " ".join(f"server unix:{path};" for path in sockets)
        location = f"location / {{ fastcgi_pass ms; {_fastcgi(mapfile)} }}"
        peer = stack.enter_context(nginx(folder, location, f"upstream ms {{ {upstream} }}"))
        yield Peer(peer.url, tuple(pids)) if peer else None


@contextmanager
def nginx(folder: Path, location: str, http: str = "") -> Iterator[Peer | None]:
    """nginx with one server of these locations; None where it is not installed."""
    if not NGINX:
        yield None
        return
    port, work = free_port(), folder / f"nginx-{free_port()}"
    work.mkdir()
    temporary = " ".join(
        f"{kind}_temp_path {work}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (work / "nginx.conf").write_text(
        # Its workers read our folder and sockets, which belong to whoever runs this.
        f"{'user root; ' if os.getuid() == 0 else ''}daemon off; worker_processes 2;\n"
        f"pid {work}/pid; error_log {work}/error.log;\n"
        "events { worker_connections 512; }\n"
        "http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;\n"
        f"types {{ image/webp webp; image/png png; }} {temporary} {http}\n"
        f"server {{ listen 127.0.0.1:{port}; {location} }} }}\n"
    )
    with _running([NGINX, "-c", f"{work}/nginx.conf"], dict(os.environ)) as pid:
        url = f"http://127.0.0.1:{port}"
        wait_for(url)
        yield Peer(url, (pid,))


@contextmanager
def _running(command: list[str], environment: dict[str, str]) -> Iterator[int]:
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process.pid
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_for(url: str, seconds: float = 120) -> None:
    """Until something answers at the address. Raises SystemExit."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            LOCAL.open(url, timeout=5).close()
        except HTTPError:
            return
        except OSError:
            time.sleep(0.3)
        else:
            return
    raise SystemExit(f"{url} does not answer")


def _fastcgi(mapfile: Path) -> str:
    names = {
        "QUERY_STRING": "$query_string", "REQUEST_METHOD": "$request_method",
        "REQUEST_URI": "$request_uri", "SERVER_PROTOCOL": "$server_protocol",
        "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "$server_port", "HTTP_HOST": "$http_host",
        "CONTENT_TYPE": "$content_type", "CONTENT_LENGTH": "$content_length",
        "SCRIPT_NAME": "/", "MS_MAPFILE": str(mapfile),
    }  # fmt: skip
    lines = " ".join(f"fastcgi_param {name} {value};" for name, value in names.items())
    return f"{lines} fastcgi_buffers 32 64k; fastcgi_buffer_size 64k;"


def _mapfile(layers: dict[str, tuple[Path, str]]) -> str:
    drawn = "\n".join(
        f'LAYER NAME "{name}" TYPE RASTER STATUS ON DATA "{path}"\n'
        f'PROJECTION "init=epsg:32633" END METADATA "wms_title" "{name}" END\n{lines}\nEND'
        for name, (path, lines) in layers.items()
    )
    formats = "\n".join(
        f'OUTPUTFORMAT NAME "{name}" DRIVER "AGG/{driver}" MIMETYPE "{media}" '
        f'IMAGEMODE {mode} EXTENSION "{name}" FORMATOPTION "{option}" {extra} END'
        for name, driver, media, mode, option, extra in (
            ("png", "PNG", "image/png", "RGBA", "COMPRESSION=6", "TRANSPARENT ON"),
            ("jpg", "JPEG", "image/jpeg", "RGB", "QUALITY=75", ""),
        )
    )
    return f"""MAP
NAME "bench" SIZE 256 256 MAXSIZE 4096 IMAGETYPE png EXTENT 300000 5000000 700000 6000000
PROJECTION "init=epsg:32633" END
{formats}
WEB METADATA "ows_enable_request" "*" "wms_title" "bench" "wms_srs" "EPSG:3857 EPSG:32633"
"wms_onlineresource" "http://127.0.0.1/?" END END
{drawn}
END
"""
