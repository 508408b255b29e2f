"""A client that leaves while its tile waits is not drawn for: over a real socket."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn

from config.guard import Guard
from config.supervision.waiting import wait_for
from tests.services.product import free_port
from tiler import drawing
from tiler.app import app


@contextmanager
def served() -> Iterator[int]:
    """The tile server on a port of loopback, as the web processes serve it."""
    port = free_port()
    config = uvicorn.Config(
        Guard(app), host="127.0.0.1", port=port, lifespan="off", log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_for(lambda: server.started, 20, "The server did not start")
        yield port
    finally:
        server.should_exit = True
        thread.join(20)


def ask(port: int, path: str) -> socket.socket:
    line = socket.create_connection(("127.0.0.1", port), timeout=20)
    line.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
    return line


@pytest.mark.parametrize("query", ["", "?x="])
def test_nothing_is_drawn_for_a_client_that_left_the_queue(
    client: Any, tile: Any, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    go, begun = threading.Event(), []

    def draw(ref: Any, tms: Any, z: int, x: int, *_: Any) -> bytes:
        begun.append(x)
        assert go.wait(20)
        return b"body"

    monkeypatch.setattr(drawing, "tile_body", draw)
    monkeypatch.setattr(drawing.CACHE, "limit_bytes", 0)
    gate, (z, x, y) = drawing.TILES, tile
    path = f"/tiles/c/p/WebMercatorQuad/{z}/{{}}/{y}.png{query}"
    with served() as port:
        drawn = [ask(port, path.format(x + n)) for n in range(gate.at_once)]
        wait_for(lambda: len(begun) == gate.at_once, 20, "It is not drawn")
        stays, leaves = ask(port, path.format(900)), ask(port, path.format(901))
        wait_for(lambda: len(gate._queue) == 2, 20, "They do not wait")
        leaves.close()
        wait_for(lambda: len(gate._queue) == 1, 20, "The place is not free")
        go.set()
        for line in (*drawn, stays):
            assert line.recv(1000).startswith(b"HTTP/1.1 200")
            line.close()
    assert sorted(begun) == sorted([*(x + n for n in range(gate.at_once)), 900])
