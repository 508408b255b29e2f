"""Checks an HDF5 file before GDAL: complete, of one piece, chunks that can be afforded.

HDF5 File Format Specification 3.0. A dataset may take its values from any file of this
machine (external data files, external links, virtual datasets); such files are refused.
"""

from __future__ import annotations

import math
from pathlib import Path

from tasks.formats.errors import corrupt, external_reference, truncated
from tasks.formats.hdf5_groups import links_of_group
from tasks.formats.hdf5_objects import Hdf5Reader, Message, messages
from tasks.formats.limits import Limits, check_block
from tasks.formats.reading import header_of
from tasks.formats.records import HeaderFacts

MAGIC = (b"\x89HDF\r\n\x1a\n",)

_MAX_OBJECTS = 100_000
_DATATYPE, _EXTERNAL_FILES, _LAYOUT = 0x03, 0x07, 0x08
_DRIVER, _CACHE_IMAGE = 0x14, 0x18
_CHUNKED, _VIRTUAL = 2, 3


def check(path: Path, limits: Limits) -> HeaderFacts:
    """The largest chunk; raises Rejected where the file is cut or takes values from elsewhere."""
    with header_of(path) as plain:
        reader, root, extension = _superblock(Hdf5Reader(plain))
        if extension is not None:
            _check_extension(messages(reader, extension))
        chunk_bytes = _walk(reader, root)
        check_block(chunk_bytes, limits)
        return HeaderFacts(size_bytes=plain.size, block_bytes=chunk_bytes or None)


def _superblock(reader: Hdf5Reader) -> tuple[Hdf5Reader, int, int | None]:
    """A reader that knows the widths of numbers, the root's address, that of the extension."""
    version = reader.number("B", 8)
    if version not in (0, 1, 2, 3):
        raise corrupt(f"The superblock of the HDF5 file is of version {version}.")
    old = version < 2
    offset_bytes, length_bytes = reader.unpack("BB", 13 if old else 9)
    if offset_bytes not in (2, 4, 8) or length_bytes not in (2, 4, 8):
        raise corrupt("The superblock of the HDF5 file is damaged.")
    start = {0: 24, 1: 28}.get(version, 12)
    sized = Hdf5Reader(reader.plain, offset_bytes, length_bytes)
    base, second, third, fourth = (sized.address(start + i * offset_bytes) for i in range(4))
    if base != 0:
        raise corrupt("The HDF5 file does not begin where it says.")
    if third is None or third > reader.size:
        raise truncated(reader.size, third or 2**62)
    if old:
        if fourth is not None:
            raise external_reference("The HDF5 file is spread over several files.")
        root, extension = sized.address(start + 5 * offset_bytes), None
    else:
        root, extension = fourth, second
    if root is None:
        raise corrupt("The HDF5 file has no root.")
    return sized, root, extension


def _check_extension(found: list[Message]) -> None:
    kinds = {message.kind for message in found}
    if _DRIVER in kinds:
        raise external_reference("The HDF5 file is spread over several files.")
    if _CACHE_IMAGE in kinds:  # the library would take objects from it that no link leads to
        raise corrupt("The HDF5 file was not closed as it should: it holds a cache.")


def _walk(reader: Hdf5Reader, root: int) -> int:
    """Bytes of the largest chunk of all datasets; every object that a link reaches is looked at."""
    waiting, seen, largest = [root], {root}, 0
    while waiting:
        found = messages(reader, waiting.pop())
        largest = max(largest, _chunk_bytes(reader, found))
        for address in links_of_group(reader, found):
            if address not in seen:
                seen.add(address)
                waiting.append(address)
        if len(seen) > _MAX_OBJECTS:
            raise corrupt(f"The HDF5 file has more than {_MAX_OBJECTS} objects.")
    return largest


def _chunk_bytes(reader: Hdf5Reader, found: list[Message]) -> int:
    """0 for what is no dataset in chunks; raises Rejected for values from other files."""
    result, item = 0, 1
    for message in found:
        data = message.data
        if message.kind == _EXTERNAL_FILES:
            raise external_reference("A dataset of the HDF5 file has its values in another file.")
        if message.kind == _DATATYPE and len(data) >= 8 and not message.is_shared:
            item = int.from_bytes(data[4:8], "little")
        if message.kind != _LAYOUT or len(data) < 2:
            continue
        version, kind = data[0], data[1]
        if version in (1, 2):  # rank comes before the class
            rank, kind = data[1], data[2]
        if version >= 4 and kind == _VIRTUAL:
            raise external_reference("A dataset of the HDF5 file is made of others.")
        if kind == _CHUNKED:
            shape = _chunk_shape(reader, data, version, rank if version < 3 else 0)
            result = math.prod(shape) * (item if version >= 4 else 1)
    return result


def _chunk_shape(reader: Hdf5Reader, data: bytes, version: int, rank: int) -> list[int]:
    """Below version 4 the last number is the size of an element."""
    if version < 3:
        start, width = 8 + reader.offset_bytes, 4
    elif version == 3:
        rank, start, width = data[2], 3 + reader.offset_bytes, 4
    else:
        rank, width, start = data[3] - 1, data[4], 5
    numbers = [data[start + i * width : start + (i + 1) * width] for i in range(rank)]
    return [int.from_bytes(number, "little") for number in numbers]
