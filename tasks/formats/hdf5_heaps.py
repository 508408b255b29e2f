"""Finds objects in HDF5's fractal heaps by B-trees of version 2 (specification, III.A.2, G)."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.formats.errors import corrupt
from tasks.formats.hdf5_objects import Hdf5Reader

_NODE_OVERHEAD = 10
"""Signature, version, type and checksum of a B-tree's node."""
_KEY_BYTES = {5: 4, 6: 8}
"""Before the heap id, by the type of record: a hash of the name, or the order of creation."""
_MAX_RECORDS = 100_000


def heap_ids(reader: Hdf5Reader, address: int) -> Iterator[bytes]:
    """Heap ids of all records in the index of links at `address`."""
    kind = reader.number("B", address + 5)
    if reader.bytes_at(address, 4) != b"BTHD" or kind not in _KEY_BYTES:
        raise corrupt("The index of a group in the HDF5 file is damaged.")
    node_bytes, record_bytes, depth = reader.unpack("IHH", address + 6)
    root = reader.address(address + 16)
    count = reader.number("H", address + 16 + reader.offset_bytes)
    if root is None or not count:
        return
    if record_bytes <= _KEY_BYTES[kind] or node_bytes < _NODE_OVERHEAD + record_bytes or depth > 16:
        raise corrupt("The index of a group in the HDF5 file is damaged.")
    tree = _Tree(reader, node_bytes, record_bytes, depth)
    for number, record in enumerate(tree.records(root, count, depth)):
        if number >= _MAX_RECORDS:
            raise corrupt("A group of the HDF5 file is far too large.")
        yield record[_KEY_BYTES[kind] :]


class _Tree:
    """A B-tree whose pointers have widths that follow from the size of its nodes."""

    def __init__(self, reader: Hdf5Reader, node: int, record: int, depth: int) -> None:
        self._reader, self._record = reader, record
        most = (node - _NODE_OVERHEAD) // record
        self._count_bytes, total, total_bytes = _width(most), most, 0
        self._pointer_bytes = [0]
        for _ in range(depth):
            pointer = reader.offset_bytes + self._count_bytes + total_bytes
            self._pointer_bytes.append(pointer)
            most = (node - _NODE_OVERHEAD - pointer) // (record + pointer)
            total = (most + 1) * total + most
            total_bytes = _width(total)

    def records(self, address: int, count: int, depth: int) -> Iterator[bytes]:
        """All records at and below the node at `address`."""
        signature = b"BTIN" if depth else b"BTLF"
        if self._reader.bytes_at(address, 4) != signature:
            raise corrupt("The index of a group in the HDF5 file is damaged.")
        table = self._reader.bytes_at(address + 6, count * self._record)
        for at in range(0, len(table), self._record):
            yield table[at : at + self._record]
        if not depth:
            return
        position = address + 6 + len(table)
        for _ in range(count + 1):
            child = self._reader.address(position)
            below = self._reader.integer(position + self._reader.offset_bytes, self._count_bytes)
            if child is not None:
                yield from self.records(child, below, depth - 1)
            position += self._pointer_bytes[depth]


class LinkHeap:
    """A fractal heap that holds links."""

    def __init__(self, reader: Hdf5Reader, address: int) -> None:
        self._reader = reader
        offset, length = reader.offset_bytes, reader.length_bytes
        if reader.bytes_at(address, 4) != b"FRHP":
            raise corrupt("A heap of the HDF5 file is damaged.")
        filter_bytes = reader.number("H", address + 7)
        largest = reader.number("I", address + 10)
        counts = address + 14 + length + offset + length + offset + 4 * length
        huge = reader.integer(counts + length, length)
        table = counts + 4 * length
        self._width = reader.number("H", table)
        self._start = reader.integer(table + 2, length)
        self._max_direct = reader.integer(table + 2 + length, length)
        bits, _ = reader.unpack("HH", table + 2 + 2 * length)
        self._root = reader.address(table + 6 + 2 * length)
        self._rows = reader.number("H", table + 6 + 2 * length + offset)
        self._position_bytes = -(-bits // 8)
        self._length_bytes = _width(min(self._max_direct, largest))
        if filter_bytes or huge or not (self._width and self._start) or bits > 64:
            raise corrupt("A group of the HDF5 file is stored in an unusual way.")

    def object(self, heap_id: bytes) -> bytes:
        """The bytes of the object with this id."""
        if heap_id[0] & 0x30 or self._root is None:
            raise corrupt("A group of the HDF5 file is stored in an unusual way.")
        end = 1 + self._position_bytes
        position = int.from_bytes(heap_id[1:end], "little")
        length = int.from_bytes(heap_id[end : end + self._length_bytes], "little")
        return self._reader.bytes_at(self._locate(position), length)

    def _locate(self, position: int) -> int:
        """Where in the file the heap's byte `position` lies: blocks double in size row by row."""
        block, is_direct = self._root, self._rows == 0
        while not is_direct:
            row_unit = self._width * self._start
            row = (position // row_unit).bit_length()
            size = self._start << max(0, row - 1)
            position -= 0 if row == 0 else row_unit << (row - 1)
            column, position = divmod(position, size)
            block = self._child(block, row, column)
            is_direct = size <= self._max_direct
        assert block is not None
        return block + position

    def _child(self, block: int | None, row: int, column: int) -> int:
        if block is None or self._reader.bytes_at(block, 4) != b"FHIB":
            raise corrupt("A heap of the HDF5 file is damaged.")
        start = block + 5 + self._reader.offset_bytes + self._position_bytes
        entry = row * self._width + column
        address = self._reader.address(start + entry * self._reader.offset_bytes)
        if address is None:
            raise corrupt("A heap of the HDF5 file is damaged.")
        return address


def _width(limit: int) -> int:
    """Bytes in which numbers up to `limit` are written."""
    return max(1, -(-max(limit, 1).bit_length() // 8))
