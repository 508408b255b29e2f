"""Writes the smallest HDF5 files, byte by byte: also those that take their values from elsewhere.

Superblock version 0 and object headers version 1 (HDF5 File Format Specification 3.0), which
have no checksums.
"""

from __future__ import annotations

import struct
from pathlib import Path

UNDEFINED = b"\xff" * 8
ROOT_AT = 96
DATASET_AT = 1024
HEAP_AT = 2048
VALUES_AT = 4096
HEIGHT, WIDTH = 4, 4

DATASPACE = struct.pack("<BBBB4xQQ", 1, 2, 0, 0, HEIGHT, WIDTH)
BYTES_TYPE = struct.pack("<BBBBIHH", 0x10, 0, 0, 0, 1, 0, 8)
FILL_VALUE = struct.pack("<BBBB", 2, 2, 2, 0)
LINK_INFO = struct.pack("<BB", 0, 0) + UNDEFINED + UNDEFINED
CONTIGUOUS = struct.pack("<BBQQ", 3, 1, VALUES_AT, HEIGHT * WIDTH)
NOWHERE = struct.pack("<BB", 3, 1) + UNDEFINED + struct.pack("<Q", HEIGHT * WIDTH)


def hard_link(name: str, address: int) -> tuple[int, bytes]:
    return 6, struct.pack("<BBB", 1, 0, len(name)) + name.encode() + struct.pack("<Q", address)


def external_link(name: str, file: str, target: str) -> tuple[int, bytes]:
    value = b"\0" + file.encode() + b"\0" + target.encode() + b"\0"
    head = struct.pack("<BBBB", 1, 8, 64, len(name)) + name.encode()
    return 6, head + struct.pack("<H", len(value)) + value


def external_values(offset: int = 8) -> tuple[int, bytes]:
    """Values lie in the file whose name is at `offset` of the heap."""
    head = struct.pack("<B3xHHQ", 1, 1, 1, HEAP_AT)
    return 7, head + struct.pack("<QQQ", offset, 0, HEIGHT * WIDTH)


def chunked(*shape: int) -> tuple[int, bytes]:
    """Chunks of one byte an element, none of them written."""
    numbers = b"".join(struct.pack("<I", n) for n in (*shape, 1))
    return 8, struct.pack("<BBB", 3, 2, len(shape) + 1) + UNDEFINED + numbers


def dataset(*messages: tuple[int, bytes]) -> list[tuple[int, bytes]]:
    return [(1, DATASPACE), (3, BYTES_TYPE), (5, FILL_VALUE), *messages]


def write_hdf5(
    path: Path,
    root: list[tuple[int, bytes]],
    values: list[tuple[int, bytes]],
    *,
    heap_text: str = "",
) -> Path:
    """A file with a root group of these messages and, at DATASET_AT, a dataset of those."""
    content = bytearray(VALUES_AT + HEIGHT * WIDTH)
    content[:ROOT_AT] = _superblock(len(content))
    _put(content, ROOT_AT, _header([(2, LINK_INFO), *root]))
    _put(content, DATASET_AT, _header(values))
    _put(content, HEAP_AT, _heap(heap_text))
    content[VALUES_AT:] = bytes(range(HEIGHT * WIDTH))
    path.write_bytes(content)
    return path


def with_extension(path: Path, kind: int) -> Path:
    """The same file under a superblock of version 2 whose extension has a message of `kind`."""
    content = bytearray(path.read_bytes())
    places = struct.pack("<QQQQ", 0, 3072, len(content), ROOT_AT)
    head = b"\x89HDF\r\n\x1a\n" + struct.pack("<BBBB", 2, 8, 8, 0)
    content[:ROOT_AT] = (head + places).ljust(ROOT_AT, b"\0")
    _put(content, 3072, _header([(kind, bytes(8))]))
    path.write_bytes(content)
    return path


def _superblock(size: int) -> bytes:
    head = b"\x89HDF\r\n\x1a\n" + struct.pack("<8B", 0, 0, 0, 0, 0, 8, 8, 0)
    places = struct.pack("<HHIQ", 4, 16, 0, 0) + UNDEFINED + struct.pack("<Q", size) + UNDEFINED
    return head + places + struct.pack("<QQII16x", 0, ROOT_AT, 0, 0)


def _header(messages: list[tuple[int, bytes]]) -> bytes:
    body = b""
    for kind, data in messages:
        data = data.ljust(-(-len(data) // 8) * 8, b"\0")
        body += struct.pack("<HHB3x", kind, len(data), 0) + data
    return struct.pack("<BxHII4x", 1, len(messages), 1, len(body)) + body


def _heap(text: str) -> bytes:
    names = b"\0" * 8 + text.encode() + b"\0"
    names = names.ljust(256, b"\0")
    # The last 16 bytes are the one free block: next (1: none) and its size.
    names = names[:240] + struct.pack("<QQ", 1, 16)
    return b"HEAP" + struct.pack("<BxxxQQQ", 0, 256, 240, HEAP_AT + 32) + names


def _put(content: bytearray, at: int, data: bytes) -> None:
    content[at : at + len(data)] = data
