"""Reads object headers of HDF5: the messages that say what an object is (specification, IV.A)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tasks.formats.errors import corrupt
from tasks.formats.reading import HeaderReader

_CONTINUATION = 0x10
_MAX_MESSAGES = 100_000
_SHARED = 2


class Hdf5Reader:
    """Numbers of an HDF5 file, whose widths its superblock states."""

    def __init__(self, plain: HeaderReader, offset_bytes: int = 8, length_bytes: int = 8) -> None:
        self.plain, self.size = plain, plain.size
        self.offset_bytes, self.length_bytes = offset_bytes, length_bytes

    def bytes_at(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes; raises Rejected `truncated`."""
        return self.plain.bytes_at(offset, length)

    def unpack(self, pattern: str, offset: int) -> tuple[Any, ...]:
        """Little-endian numbers at `offset`."""
        return self.plain.unpack("<" + pattern, offset)

    def number(self, pattern: str, offset: int) -> int:
        """One integer at `offset`."""
        return self.plain.number("<" + pattern, offset)

    def integer(self, offset: int, width: int) -> int:
        """An integer of any width."""
        return int.from_bytes(self.bytes_at(offset, width), "little")

    def address(self, offset: int) -> int | None:
        """The address written at `offset`; None where it is undefined (all bits set)."""
        return self.address_in(self.bytes_at(offset, self.offset_bytes))

    def address_in(self, data: bytes) -> int | None:
        """The address that begins `data`; None where it is undefined or missing."""
        raw = data[: self.offset_bytes]
        undefined = len(raw) < self.offset_bytes or raw == b"\xff" * self.offset_bytes
        return None if undefined else int.from_bytes(raw, "little")


@dataclass(frozen=True)
class Message:
    """One message of an object header."""

    kind: int
    data: bytes
    is_shared: bool


def messages(reader: Hdf5Reader, address: int) -> list[Message]:
    """All messages of the object at `address`; raises Rejected `corrupt` or `truncated`."""
    start = reader.bytes_at(address, 4)
    if start == b"OHDR":
        return _messages_2(reader, address)
    if start[0] == 1:
        length = reader.number("I", address + 8)
        return _collect(reader, [(address + 16, length)], _Shape(version=1))
    raise corrupt("A link of the HDF5 file leads to something that is no object.")


@dataclass(frozen=True)
class _Shape:
    """How the messages of one header are written."""

    version: int
    has_order: bool = False

    @property
    def prefix(self) -> int:
        return 8 if self.version == 1 else 6 if self.has_order else 4


def _messages_2(reader: Hdf5Reader, address: int) -> list[Message]:
    flags = reader.number("B", address + 5)
    position = address + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
    width = 1 << (flags & 3)
    length = reader.integer(position, width)
    return _collect(reader, [(position + width, length)], _Shape(2, bool(flags & 4)))


def _collect(reader: Hdf5Reader, blocks: list[tuple[int, int]], shape: _Shape) -> list[Message]:
    """Messages of all blocks; a continuation message adds one."""
    result: list[Message] = []
    seen: set[int] = set()
    while blocks:
        start, length = blocks.pop()
        if start in seen:
            raise corrupt("An object header of the HDF5 file goes round in a circle.")
        seen.add(start)
        block = reader.bytes_at(start, length)
        position = 0
        while position + shape.prefix <= length:
            kind, size, flags = _prefix(block, position, shape)
            position += shape.prefix
            data = block[position : position + size]
            position += size
            if kind == _CONTINUATION:
                blocks.append(_continued(reader, data, shape))
            elif kind:
                result.append(Message(kind, data, bool(flags & _SHARED)))
            if len(result) > _MAX_MESSAGES:
                raise corrupt("An object header of the HDF5 file is far too long.")
    return result


def _prefix(block: bytes, position: int, shape: _Shape) -> tuple[int, int, int]:
    """Kind, size and flags of the message at `position`."""
    if shape.version == 1:
        return (
            int.from_bytes(block[position : position + 2], "little"),
            int.from_bytes(block[position + 2 : position + 4], "little"),
            block[position + 4],
        )
    size = int.from_bytes(block[position + 1 : position + 3], "little")
    return block[position], size, block[position + 3]


def _continued(reader: Hdf5Reader, data: bytes, shape: _Shape) -> tuple[int, int]:
    address = reader.address_in(data)
    length = int.from_bytes(
        data[reader.offset_bytes : reader.offset_bytes + reader.length_bytes], "little"
    )
    if address is None:
        raise corrupt("An object header of the HDF5 file is continued nowhere.")
    # A block of version 2 is framed by its signature and a checksum.
    return (address, length) if shape.version == 1 else (address + 4, length - 8)
