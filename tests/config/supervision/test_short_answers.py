"""The short way of an answer looks on the wire like the long one, and keeps the order."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from config.supervision.short_answers import ShortAnswers
from config.supervision.waiting import wait_for
from tests.services.product import free_port

LARGE = bytes(3_000_000)
BODIES = {"/short": b"body", "/empty": b"", "/large": LARGE, "/slow": b"late", "/long": b"body"}


class Application:
    """Knows /short, /empty and /large at once; /slow and /long take the long way."""

    def __init__(self) -> None:
        self.long_way: list[str] = []

    def at_once(self, target: bytes, headers: Any) -> Any:
        path = target.decode()
        if path not in ("/short", "/empty", "/large"):
            return None
        return self._answer(path)

    def _answer(self, path: str) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        body = BODIES[path]
        if not body:
            return 204, [(b"x-kind", b"short")], b""
        return 200, [(b"content-length", b"%d" % len(body)), (b"etag", b'"1"')], body

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.long_way.append(f"{scope['method']} {scope['path']}")
        if scope["path"] == "/slow":
            await asyncio.sleep(0.2)
        status, headers, body = self._answer(scope["path"])
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture
def application() -> Application:
    return Application()


@pytest.fixture
def port(application: Application) -> Iterator[int]:
    port = free_port()
    config = uvicorn.Config(
        application, host="127.0.0.1", port=port, lifespan="off", log_config=None,
        access_log=False, server_header=False, http=ShortAnswers, timeout_keep_alive=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_for(lambda: server.started, 20, "The server did not start")
    yield port
    server.should_exit = True
    thread.join(20)


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def request(path: str, method: str = "GET", version: str = "1.1", more: str = "") -> bytes:
    return f"{method} {path} HTTP/{version}\r\nHost: x\r\n{more}\r\n".encode()


def answer(line: socket.socket) -> tuple[str, dict[str, str], bytes]:
    """Status, headers (without the date) and body of the next answer."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = line.recv(1)
        assert byte, "the connection ended"
        head += byte
    status, *lines = head.decode().strip().split("\r\n")
    headers = dict(re.split(": ", text, maxsplit=1) for text in lines)
    body = b""
    while len(body) < int(headers.get("content-length", 0)):
        piece = line.recv(int(headers["content-length"]) - len(body))
        assert piece, "the connection ended"
        body += piece
    assert headers.pop("date")
    return status, headers, body


def test_both_ways_look_the_same(port: int, application: Application) -> None:
    with connect(port) as line:
        line.sendall(request("/short"))
        short = answer(line)
        line.sendall(request("/long"))
        assert answer(line) == short == (
            "HTTP/1.1 200 OK", {"content-length": "4", "etag": '"1"'}, b"body"
        )  # fmt: skip
    assert application.long_way == ["GET /long"]


def test_a_204_has_no_body(port: int) -> None:
    with connect(port) as line:
        line.sendall(request("/empty") + request("/short"))
        assert answer(line)[:2] == ("HTTP/1.1 204 No Content", {"x-kind": "short"})
        assert answer(line)[2] == b"body"


def test_pipelined_requests_are_answered_in_their_order(port: int) -> None:
    paths = ["/short", "/slow", "/short", "/large", "/long", "/slow", "/short", "/short"]
    with connect(port) as line:
        line.sendall(b"".join(map(request, paths)))
        assert [answer(line)[2] for _ in paths] == [BODIES[path] for path in paths]


@pytest.mark.parametrize("unusual", [
    request("/short", version="1.0"), request("/short", more="Connection: close\r\n"),
])  # fmt: skip
def test_a_connection_that_is_to_be_closed_is_closed(port: int, unusual: bytes) -> None:
    with connect(port) as line:
        line.sendall(unusual)
        assert answer(line)[2] == b"body"
        assert line.recv(1) == b""


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT"])
def test_other_methods_go_the_long_way(port: int, application: Application, method: str) -> None:
    with connect(port) as line:
        line.sendall(request("/short", method, more="Content-Length: 2\r\n") + b"ab")
        assert answer(line)[2] == b"body"
    assert application.long_way == [f"{method} /short"]


def test_a_body_that_comes_with_a_get_is_skipped(port: int) -> None:
    with connect(port) as line:
        line.sendall(request("/short", more="Content-Length: 5\r\n") + b"12345" + request("/long"))
        assert [answer(line)[2] for _ in range(2)] == [b"body", b"body"]


def test_who_does_not_read_gets_all_of_it_later(port: int) -> None:
    with connect(port) as line:
        line.sendall(request("/large") * 5)
        threading.Event().wait(0.3)
        for _ in range(5):
            assert answer(line)[2] == LARGE


def test_an_idle_connection_is_closed_and_a_busy_one_is_not(port: int) -> None:
    with connect(port) as line:
        for _ in range(3):
            line.sendall(request("/short"))
            assert answer(line)[2] == b"body"
            threading.Event().wait(0.5)
        assert line.recv(1) == b""


def test_a_request_in_pieces_is_understood(port: int) -> None:
    with connect(port) as line:
        for byte in request("/short"):
            line.sendall(bytes([byte]))
        assert answer(line)[2] == b"body"
