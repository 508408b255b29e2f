"""Plain bytes out of gzip, bzip2 and xz, in pieces and with bounded memory."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tasks.archives.members import ByteStream

XZ_MEMORY_BYTES = 256 * 2**20
"""`xz -9` needs 65 MB to unpack; an xz file may ask for 4 GB."""

_PIECE = 1 << 16


class XzStream:
    """Reads one xz file after the other, as `xz -d` does."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decoder = self._new_decoder()

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes. Raises LZMAError on damage, EOFError where the end is missing."""
        while True:
            if self._decoder.eof:
                rest = self._decoder.unused_data.lstrip(b"\0") or self._file.read(_PIECE)
                rest = rest.lstrip(b"\0")
                if not rest:
                    return b""
                self._decoder = self._new_decoder()
            else:
                rest = self._file.read(_PIECE) if self._decoder.needs_input else b""
                if self._decoder.needs_input and not rest:
                    raise EOFError("the compressed data end too early")
            if data := self._decoder.decompress(rest, size):
                return data

    @staticmethod
    def _new_decoder() -> lzma.LZMADecompressor:
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY_BYTES)


DECOMPRESSORS: dict[str, Callable[[BinaryIO], ByteStream]] = {
    "gzip": lambda file: gzip.GzipFile(fileobj=file, mode="rb"),
    "bzip2": lambda file: bz2.BZ2File(file),
    "xz": XzStream,
}
MAGIC = {b"\x1f\x8b\x08": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz"}


def compression_of(start: bytes) -> str | None:
    """The name of the compression that a file's first bytes tell; None for any other file."""
    return next((name for magic, name in MAGIC.items() if start.startswith(magic)), None)


@contextmanager
def plain_bytes(path: Path, compression: str | None) -> Iterator[ByteStream]:
    """The file's bytes, decompressed. Raises what the standard library raises on damage."""
    with path.open("rb") as file:
        yield file if compression is None else DECOMPRESSORS[compression](file)
