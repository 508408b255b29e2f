"""What a process remembers within a number of bytes; what was not used for longest goes first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class BoundedCache(Generic[Key, Value]):
    """Values by key, of so many bytes together as `size_of` tells. Thread-safe."""

    def __init__(self, limit_bytes: int, size_of: Callable[[Value], int]) -> None:
        self._limit, self._size_of, self._bytes = limit_bytes, size_of, 0
        self._kept: OrderedDict[Key, Value] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key) -> Value | None:
        """The value, or None."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def put(self, key: Key, value: Value) -> None:
        """Keep it, unless there is one by this key."""
        with self._lock:
            if key not in self._kept:
                self._add(key, value)

    def replace(self, key: Key, value: Value) -> None:
        """Keep it instead of the one by this key."""
        with self._lock:
            before = self._kept.pop(key, None)
            if before is not None:
                self._bytes -= self._size_of(before)
            self._add(key, value)

    def _add(self, key: Key, value: Value) -> None:
        self._kept[key] = value
        self._bytes += self._size_of(value)
        while self._bytes > self._limit:
            self._bytes -= self._size_of(self._kept.popitem(last=False)[1])
