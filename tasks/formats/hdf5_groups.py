"""Follows the links of HDF5 groups, old style and new (specification, III and IV.A.2.c, g, r)."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.formats.errors import corrupt, external_reference
from tasks.formats.hdf5_heaps import LinkHeap, heap_ids
from tasks.formats.hdf5_objects import Hdf5Reader, Message

_LINK_INFO, _LINK, _SYMBOL_TABLE = 0x02, 0x06, 0x11
_HARD, _SOFT, _EXTERNAL = 0, 1, 64
_MAX_NODES = 100_000


def links_of_group(reader: Hdf5Reader, found: list[Message]) -> Iterator[int]:
    """Addresses of the objects that a group with these messages holds.

    Raises Rejected `external_reference` for a link to another file, `corrupt` or `truncated`.
    """
    for message in found:
        if message.kind == _LINK:
            yield from _link(reader, message.data)
        elif message.kind == _SYMBOL_TABLE:
            yield from _symbols(reader, message.data)
        elif message.kind == _LINK_INFO:
            yield from _dense_links(reader, message.data)


def _link(reader: Hdf5Reader, data: bytes) -> Iterator[int]:
    """One link message: yields the address of a hard link, nothing for a soft one."""
    if len(data) < 4 or data[0] != 1:
        raise corrupt("A link of the HDF5 file is damaged.")
    flags, position, kind = data[1], 2, _HARD
    if flags & 8:
        kind, position = data[2], 3
    position += (8 if flags & 4 else 0) + (1 if flags & 16 else 0)
    width = 1 << (flags & 3)
    position += width + int.from_bytes(data[position : position + width], "little")
    if kind not in (_HARD, _SOFT):
        raise external_reference("A link of the HDF5 file leads to another file.")
    if kind == _HARD and (address := reader.address_in(data[position:])) is not None:
        yield address


def _symbols(reader: Hdf5Reader, data: bytes) -> Iterator[int]:
    """Links of an old group: a B-tree (version 1) over nodes of symbols."""
    waiting = [reader.address_in(data)]
    seen: set[int] = set()
    while waiting:
        address = waiting.pop()
        if address is None or address in seen:
            continue
        seen.add(address)
        if len(seen) > _MAX_NODES:
            raise corrupt("A group of the HDF5 file is far too large.")
        signature = reader.bytes_at(address, 4)
        if signature == b"TREE":
            waiting += _children(reader, address)
        elif signature == b"SNOD":
            yield from _symbol_node(reader, address)
        else:
            raise corrupt("A group of the HDF5 file is damaged.")


def _children(reader: Hdf5Reader, address: int) -> list[int | None]:
    count = reader.number("H", address + 6)
    step = reader.offset_bytes + reader.length_bytes
    first = address + 8 + 2 * reader.offset_bytes + reader.length_bytes
    return [reader.address(first + i * step) for i in range(count)]


def _symbol_node(reader: Hdf5Reader, address: int) -> Iterator[int]:
    count = reader.number("H", address + 6)
    step = 2 * reader.offset_bytes + 24
    for i in range(count):
        entry = address + 8 + i * step + reader.offset_bytes
        is_soft = reader.number("I", entry + reader.offset_bytes) == 2
        target = reader.address(entry)
        if target is not None and not is_soft:
            yield target


def _dense_links(reader: Hdf5Reader, data: bytes) -> Iterator[int]:
    """Links of a large group: in a heap, found by a B-tree (version 2)."""
    position = 2 + (8 if data[1] & 1 else 0)
    addresses = [
        reader.address_in(data[position + i * reader.offset_bytes :])
        for i in range(3 if data[1] & 2 else 2)
    ]
    if addresses[0] is None:
        return
    heap = LinkHeap(reader, addresses[0])
    # By name and by order of creation: readers may follow either.
    for index in addresses[1:]:
        if index is not None:
            for heap_id in heap_ids(reader, index):
                yield from _link(reader, heap.object(heap_id))
