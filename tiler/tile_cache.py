"""Drawn tiles, kept by one process in bounded memory.

The key holds the product's UUID and the version of its pixels, and nobody looks here before
policy has let the caller pass: what one may not see is never answered from here.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import NamedTuple

OVERHEAD = 600
"""Bytes of memory of an entry beside its body, measured."""


class TileKey(NamedTuple):
    """All that a tile's body depends on."""

    uuid: str
    version: int
    style: str
    """Digest of what is drawn."""
    tms: str
    z: int
    x: int
    y: int
    extension: str
    size: int


class TileCache:
    """Bodies by key; the longest unused goes first. An empty body stands for "no content"."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes, self.bytes = limit_bytes, 0
        self._bodies: OrderedDict[TileKey, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: TileKey) -> bytes | None:
        """The body, or None."""
        with self._lock:
            body = self._bodies.get(key)
            if body is not None:
                self._bodies.move_to_end(key)
            return body

    def put(self, key: TileKey, body: bytes) -> None:
        """Keep it, unless it would take a tenth of the room or there is none."""
        size = len(body) + OVERHEAD
        if size * 10 > self.limit_bytes:
            return
        with self._lock:
            if key in self._bodies:
                return
            self._bodies[key] = body
            self.bytes += size
            while self.bytes > self.limit_bytes:
                self.bytes -= len(self._bodies.popitem(last=False)[1]) + OVERHEAD
