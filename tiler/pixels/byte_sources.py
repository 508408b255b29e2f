"""Byte ranges of one stored object: what that is, and files of this machine.

Many ranges are asked for at once, so that a remote store is asked in as few requests as
their places allow (`tiler.pixels.object_bytes`).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Protocol

Range = tuple[int, int]
"""First byte, number of bytes."""


class ByteSource(Protocol):
    """An object that never changes, as bytes."""

    def start(self, length: int) -> tuple[bytes, int]:
        """Its first `length` bytes, fewer where it is shorter, and its whole size."""

    def read(self, ranges: Sequence[Range]) -> Sequence[bytes | memoryview]:
        """The bytes of each range. Raises OSError where one cannot be had whole."""


class FileBytes:
    """A local file, open as long as anybody holds this."""

    def __init__(self, path: str) -> None:
        self._descriptor = os.open(path, os.O_RDONLY)

    def __del__(self) -> None:
        if hasattr(self, "_descriptor"):
            os.close(self._descriptor)  # the last reader has gone: nobody else may close it

    def start(self, length: int) -> tuple[bytes, int]:
        """See ByteSource."""
        return os.pread(self._descriptor, length, 0), os.fstat(self._descriptor).st_size

    def read(self, ranges: Sequence[Range]) -> list[bytes]:
        """See ByteSource."""
        found = [os.pread(self._descriptor, length, offset) for offset, length in ranges]
        for data, (offset, length) in zip(found, ranges, strict=True):
            if len(data) != length:
                raise OSError(f"{length} bytes at {offset} end too early")
        return found
