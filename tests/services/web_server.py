"""A small web server on loopback with a certificate of its own, and a canary that must not hear
anything."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

Answerer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class WebServer:
    """`pages` says what each path answers; `asked` lists what was asked for, with its headers."""

    port: int
    scheme: str
    pages: dict[str, Answerer] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def url(self, path: str = "/", host: str = "localhost") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"


class Canary:
    """Listens and answers nobody; counts who connects."""

    def __init__(self) -> None:
        self.connections = 0
        self._sockets = [_listener(socket.AF_INET, "127.0.0.1", 0)]
        self.port: int = self._sockets[0].getsockname()[1]
        with suppress(OSError):  # a machine without IPv6
            self._sockets.append(_listener(socket.AF_INET6, "::1", self.port))
        for line in self._sockets:
            threading.Thread(target=self._count, args=(line,), daemon=True).start()

    def _count(self, line: socket.socket) -> None:
        with suppress(OSError):
            while True:
                caller, _ = line.accept()
                self.connections += 1
                caller.close()

    def close(self) -> None:
        for line in self._sockets:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            line.close()


def _listener(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    line = socket.socket(family, socket.SOCK_STREAM)
    line.bind((host, port))
    line.listen(50)
    return line


def make_certificate(folder: Path, name: str = "localhost") -> tuple[Path, Path]:
    """Certificate and key of a server; the certificate is its own authority."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(
        [shutil.which("openssl") or "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", f"/CN={name}",
         "-addext", f"subjectAltName=DNS:{name}", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    return certificate, key


@contextmanager
def web_server(certificate: tuple[Path, Path] | None = None) -> Iterator[WebServer]:
    """A server that ends with the block; https where it is given a certificate."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler := _make_handler())
    server.daemon_threads = True
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    running = WebServer(server.server_address[1], "https" if certificate else "http")
    _handler.server_record = running
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _make_handler() -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        server_record: WebServer
        protocol_version = "HTTP/1.1"
        timeout = 20

        def do_GET(self) -> None:
            record = self.server_record
            record.asked.append((self.path, dict(self.headers.items())))
            page = record.pages.get(self.path.partition("?")[0])
            with suppress(OSError):  # the client left, as some tests want it to
                page(self) if page else answer(404, b"none")(self)
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


def answer(status: int, body: bytes = b"", **headers: str) -> Answerer:
    """A page: status, headers (`Content_Length` is added where it is not given), body."""

    def page(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in ({"Content-Length": str(len(body))} | named).items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)

    return page


def file_page(content: bytes, *, etag: str = '"1"', cut_after: list[int] | None = None) -> Answerer:
    """A file that can be had in parts (RFC 9110, 14); each number of `cut_after` breaks one
    answer off after so many bytes."""
    cuts = cut_after if cut_after is not None else []

    def page(request: BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("Range", "")
        known = etag and request.headers.get("If-Range") == etag
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and known else 0
        request.send_response(206 if wanted and known else 200)
        if wanted and known:
            request.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if etag:
            request.send_header("ETag", etag)
        request.send_header("Content-Length", str(len(content) - start))
        request.end_headers()
        body = content[start:]
        request.wfile.write(body[: cuts.pop(0)] if cuts else body)

    return page
