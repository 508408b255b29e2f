"""Bait for hostile files: a file that nobody may read, and a listener that nobody may call."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

LONG_AGO = time.time() - 3 * 24 * 3600
"""So long that every mount that records reads at all records the first (relatime: a day)."""


@dataclass
class Canary:
    """What a hostile file aims at."""

    path: Path
    """A file of one line that stands nowhere else."""
    text: bytes
    port: int
    """Of the listener on 127.0.0.1."""
    callers: list[str] = field(default_factory=list)
    """Who connected, and the first line that was said."""

    def is_in(self, data: bytes) -> bool:
        """Whether any run of the file's bytes is among these."""
        return any(self.text[start : start + 12] in data for start in range(0, 60, 6))

    def was_read(self) -> bool:
        """Whether the file system saw a read; never where it records none."""
        return self.path.stat().st_atime > LONG_AGO + 1


@contextmanager
def canaries(folder: Path) -> Iterator[Canary]:
    """A canary file in `folder`, and a listener for as long as the context lasts."""
    path = folder / "canary.txt"
    text = f"canary-{secrets.token_hex(40)}\n".encode()
    path.write_bytes(text)
    os.utime(path, (LONG_AGO, path.stat().st_mtime))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        canary = Canary(path, text, listener.getsockname()[1])
        threading.Thread(target=_listen, args=(listener, canary.callers), daemon=True).start()
        try:
            yield canary
        finally:
            listener.shutdown(socket.SHUT_RDWR)  # wakes the thread


def _listen(listener: socket.socket, callers: list[str]) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            connection.settimeout(0.5)
            try:
                said = connection.recv(200)
            except OSError:
                said = b""
            callers.append(said.split(b"\r\n")[0].decode(errors="replace"))
