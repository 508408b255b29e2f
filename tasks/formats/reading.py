"""Reads numbers of a binary header, never past the end of the file."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from tasks.formats.errors import truncated


class HeaderReader:
    """The bytes of one file, by their place."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self.size = file, size

    def bytes_at(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes; raises Rejected `truncated` where the file has fewer."""
        if offset < 0 or length < 0 or offset + length > self.size:
            raise truncated(self.size, offset + length)
        self._file.seek(offset)
        return self._file.read(length)

    def unpack(self, pattern: str, offset: int) -> tuple[Any, ...]:
        """The numbers at `offset`, by a pattern of `struct`; raises Rejected `truncated`."""
        return struct.unpack(pattern, self.bytes_at(offset, struct.calcsize(pattern)))

    def number(self, pattern: str, offset: int) -> int:
        """One integer at `offset`; raises Rejected `truncated`."""
        value: int = self.unpack(pattern, offset)[0]
        return value


@contextmanager
def header_of(path: Path) -> Iterator[HeaderReader]:
    """A reader of the file at `path`, while it is open."""
    with path.open("rb") as file:
        yield HeaderReader(file, os.path.getsize(path))
