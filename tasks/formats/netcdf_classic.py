"""Reads the header of a classic NetCDF file and compares what it promises with the file's size.

NetCDF classic, 64-bit offset and 64-bit data formats (CDF-1, -2, -5) after their specification
by Unidata, "File Format Specifications".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from tasks.formats.errors import corrupt, truncated
from tasks.formats.limits import Limits
from tasks.formats.reading import HeaderReader, header_of
from tasks.formats.records import HeaderFacts

MAGIC = (b"CDF\x01", b"CDF\x02", b"CDF\x05")

_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 8, 7: 1, 8: 2, 9: 4, 10: 8, 11: 8}
_STREAMING = 0xFFFFFFFF
_MAX_ENTRIES = 100_000
_DIMENSIONS, _VARIABLES, _ATTRIBUTES = 10, 11, 12


@dataclass(frozen=True)
class _Variable:
    begin: int
    bytes: int
    """Of one record, where it has records."""
    is_record: bool


def check(path: Path, limits: Limits) -> HeaderFacts:
    """The file's size alone; raises Rejected where the header lies or the data are cut."""
    with header_of(path) as reader:
        header = _Header(reader)
        records = header.count()
        dimensions = header.dimensions()
        header.attributes()
        variables = header.variables(dimensions)
        _check_data(reader.size, records, header.no_count, variables)
        return HeaderFacts(size_bytes=reader.size)


class _Header:
    """Walks through the header from its first byte to its last."""

    def __init__(self, reader: HeaderReader) -> None:
        self._reader, self._at = reader, 4
        version = reader.number("B", 3)
        self._count, self._offset = ">Q" if version == 5 else ">I", ">I" if version == 1 else ">Q"
        self.no_count = 2**64 - 1 if version == 5 else _STREAMING

    def count(self) -> int:
        """A number whose width depends on the version."""
        return self._next(self._count)

    def dimensions(self) -> list[int]:
        """Lengths; 0 is the record dimension."""
        lengths = []
        for _ in range(self._list(_DIMENSIONS)):
            self._skip_name()
            lengths.append(self.count())
        return lengths

    def attributes(self) -> None:
        """Steps over a list of attributes."""
        for _ in range(self._list(_ATTRIBUTES)):
            self._skip_name()
            item = self._item_bytes()
            self._skip(_padded(self.count() * item))

    def variables(self, dimensions: list[int]) -> list[_Variable]:
        """Where each variable's values lie."""
        result = []
        for _ in range(self._list(_VARIABLES)):
            self._skip_name()
            axes = [self.count() for _ in range(self._bounded(self.count()))]
            if any(axis >= len(dimensions) for axis in axes):
                raise corrupt("A variable of the NetCDF file names a dimension that is not there.")
            self.attributes()
            item = self._item_bytes()
            self.count()  # vsize: superfluous, and wrong for large variables
            is_record = bool(axes) and dimensions[axes[0]] == 0
            shape = [dimensions[axis] for axis in axes[1 if is_record else 0 :]]
            result.append(_Variable(self._next(self._offset), math.prod(shape) * item, is_record))
        return result

    def _list(self, tag: int) -> int:
        found, length = self._next(">I"), self.count()
        if found not in (0, tag) or (found == 0 and length):
            raise corrupt("The header of the NetCDF file is damaged.")
        return self._bounded(length)

    def _bounded(self, length: int) -> int:
        if length > _MAX_ENTRIES:
            raise corrupt(f"The header of the NetCDF file claims {length} entries.")
        return length

    def _item_bytes(self) -> int:
        kind = self._next(">I")
        if kind not in _TYPE_BYTES:
            raise corrupt(f"The NetCDF file has values of a type that is not known ({kind}).")
        return _TYPE_BYTES[kind]

    def _skip_name(self) -> None:
        self._skip(_padded(self.count()))

    def _skip(self, length: int) -> None:
        self._reader.bytes_at(self._at + length, 0)
        self._at += length

    def _next(self, pattern: str) -> int:
        value = self._reader.number(pattern, self._at)
        self._at += 8 if pattern == ">Q" else 4
        return value


def _padded(length: int) -> int:
    return -(-length // 4) * 4


def _check_data(size: int, records: int, no_count: int, variables: list[_Variable]) -> None:
    recorded = [variable for variable in variables if variable.is_record]
    # Records are padded to four bytes, unless there is only one variable that has them.
    step = sum(_padded(v.bytes) for v in recorded) if len(recorded) > 1 else 0
    if len(recorded) == 1:
        step = recorded[0].bytes
    needed = max((v.begin + v.bytes for v in variables if not v.is_record), default=0)
    if recorded and records not in (0, no_count):
        last = max(variable.begin + variable.bytes for variable in recorded)
        needed = max(needed, last + (records - 1) * step)
    if needed > size:
        raise truncated(size, needed)
