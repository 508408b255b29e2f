"""A TCP proxy before an object store that does what networks do: 503, stalls, cuts, lost answers.

Speaks just enough HTTP/1.1 to know where a request ends; one request a connection, so that each
can have a fault of its own.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

BUSY = (
    b"HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nConnection: close\r\n"
    b"Content-Length: 54\r\n\r\n<Error><Code>SlowDown</Code><Message></Message></Error>"
)
FAULTS = ("busy", "stall", "cut", "lost", "refuse")
STALL_SECONDS = 8.0
"""Longer than the product waits for a byte (STORE_READ_SECONDS in tests.faults.world)."""


@dataclass
class StoreProxy:
    """Where it listens, and what it does to the next requests."""

    port: int
    faults: list[tuple[str, str]] = field(default_factory=list)
    """(method, fault) that wait for a request of that method; "" strikes any."""
    struck: list[tuple[str, str]] = field(default_factory=list)
    always: str = ""
    """A fault of every request, until it is empty again."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def endpoint(self) -> str:
        """For STORAGE_URL."""
        return f"http://127.0.0.1:{self.port}"

    def fault_for(self, method: str) -> str:
        """What happens to a request; each fault in waiting strikes once."""
        with self._lock:
            if self.always:
                return self.always
            waiting = next((f for f in self.faults if f[0] in ("", method)), None)
            if waiting is None:
                return ""
            self.faults.remove(waiting)
            self.struck.append((method, waiting[1]))
            return waiting[1]


@contextmanager
def store_proxy(endpoint: str) -> Iterator[StoreProxy]:
    """A proxy on a free port before the store at `endpoint`."""
    store = urlsplit(endpoint)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        proxy = StoreProxy(listening.getsockname()[1])
        threading.Thread(
            target=_serve, args=[listening, proxy, (store.hostname, store.port)], daemon=True
        ).start()
        yield proxy


def _serve(listening: socket.socket, proxy: StoreProxy, store: tuple[str, int]) -> None:
    while True:
        try:
            client, _ = listening.accept()
        except OSError:
            return
        threading.Thread(target=_handle, args=[client, proxy, store], daemon=True).start()


def _handle(client: socket.socket, proxy: StoreProxy, store: tuple[str, int]) -> None:
    with closing(client), suppress(OSError):
        head, body = _head_of(client)
        if not head:
            return
        fault = proxy.fault_for(head.split(b" ", 1)[0].decode())
        if fault == "refuse":
            return
        if fault == "stall":
            time.sleep(STALL_SECONDS)
            return
        if fault == "busy":
            threading.Thread(target=_swallow, args=[client], daemon=True).start()
            client.sendall(BUSY)
            time.sleep(0.2)
            return
        with closing(socket.create_connection(store, timeout=120)) as upstream:
            upstream.sendall(_closing(head) + body)
            threading.Thread(target=_pass_on, args=[client, upstream], daemon=True).start()
            _answer(client, upstream, fault)


def _answer(client: socket.socket, upstream: socket.socket, fault: str) -> None:
    while data := upstream.recv(65536):
        if fault == "lost" and not data.startswith(b"HTTP/1.1 100"):
            continue  # the store has done it; nobody hears of that
        if fault == "cut":
            client.sendall(data[: len(data) * 2 // 3])
            return
        client.sendall(data)


def _pass_on(client: socket.socket, upstream: socket.socket) -> None:
    with suppress(OSError):
        while data := client.recv(65536):
            upstream.sendall(data)


def _swallow(client: socket.socket) -> None:
    with suppress(OSError):
        while client.recv(65536):
            pass


def _head_of(client: socket.socket) -> tuple[bytes, bytes]:
    """The request's head, and what came of its body with it."""
    received = b""
    while b"\r\n\r\n" not in received:
        data = client.recv(65536)
        if not data:
            return b"", b""
        received += data
    head, _, body = received.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", body


def _closing(head: bytes) -> bytes:
    """The head with `Connection: close`: the end of the answer is then the end of the stream."""
    lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    kept = [line for line in lines if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([*kept, b"Connection: close"]) + b"\r\n\r\n"
