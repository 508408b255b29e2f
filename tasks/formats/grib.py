"""Walks the messages of a GRIB file: each must be there to its end, and fields must fit the limits.

WMO Manual on Codes (WMO-No. 306), FM 92 GRIB editions 1 and 2.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tasks.formats.errors import corrupt
from tasks.formats.limits import Extent, Limits, check_block, check_extent
from tasks.formats.reading import HeaderReader, header_of
from tasks.formats.records import HeaderFacts

MAGIC = (b"GRIB",)

_MAX_MESSAGES = 200_000
_MAX_SECTIONS = 200_000
_PIXEL_BYTES = 8
"""GDAL gives every field as float64."""
_GAP_BYTES = 4096
"""Bulletins put a few lines of text between messages."""


def check(path: Path, limits: Limits) -> HeaderFacts:
    """Fields on the grid of the first one; raises Rejected where a message is cut or too large."""
    fields: list[int] = []
    with header_of(path) as reader:
        position: int | None = 0
        for _ in range(_MAX_MESSAGES):
            position = _next_message(reader, position, bool(fields))
            if position is None:
                break
            position = _message(reader, position, fields)
        size = reader.size
    if not fields:
        raise corrupt("The GRIB file holds no field.")
    alike = fields.count(fields[0])
    for points in set(fields):
        check_block(points * _PIXEL_BYTES, limits)
        check_extent(Extent(points, 1, 1, _PIXEL_BYTES), size, limits)
    total = Extent(fields[0], 1, alike, _PIXEL_BYTES)
    check_extent(total, size, limits)
    facts = HeaderFacts(
        size_bytes=size,
        bands=alike,
        dtype="float64",
        decoded_bytes=total.decoded_bytes,
        block_bytes=fields[0] * _PIXEL_BYTES,
    )
    if alike < len(fields):
        sentence = (
            f"The file holds {len(fields)} fields; only the {alike} on the grid of the first "
            "one can be published together."
        )
        facts = replace(facts, warnings=(("other_grids", sentence),))
    return facts


def _next_message(reader: HeaderReader, position: int | None, later: bool) -> int | None:
    """Where the next message begins; None where only padding follows."""
    assert position is not None
    gap = reader.bytes_at(position, min(_GAP_BYTES, reader.size - position))
    found = gap.find(b"GRIB")
    if found < 0 and not later:
        raise corrupt("The file does not hold a GRIB message.")
    return None if found < 0 else position + found


def _message(reader: HeaderReader, start: int, fields: list[int]) -> int:
    edition = reader.number("B", start + 7)
    if edition == 2:
        return _message_2(reader, start, fields)
    if edition == 1:
        return _message_1(reader, start, fields)
    raise corrupt(f"The file holds a GRIB message of edition {edition}; 1 and 2 are known.")


def _message_2(reader: HeaderReader, start: int, fields: list[int]) -> int:
    """A message is sections; each data section (7) is a field on the grid of the last section 3."""
    end = start + reader.number(">Q", start + 8)
    reader.bytes_at(end - 4, 4)
    position, points = start + 16, 0
    for _ in range(_MAX_SECTIONS):
        if position >= end - 4:
            break
        length, kind = reader.unpack(">IB", position)
        if length < 5 or position + length > end - 4:
            raise corrupt("A section of a GRIB message has an impossible length.")
        if kind == 3:
            points = reader.number(">I", position + 6)
        elif kind == 7:
            fields.append(points)
        position += length
    _check_mark(reader, end)
    return end


def _message_1(reader: HeaderReader, start: int, fields: list[int]) -> int:
    length = int.from_bytes(reader.bytes_at(start + 4, 3), "big")
    product_bytes = int.from_bytes(reader.bytes_at(start + 8, 3), "big")
    flags = reader.number("B", start + 8 + 7)
    points = 0
    if flags & 0x80:
        points = _product(reader.unpack(">HH", start + 8 + product_bytes + 6))
    fields.append(points)
    if length & 0x800000:
        return _large_message_1(reader, start, length, product_bytes, flags)
    end = start + length
    reader.bytes_at(end - 4, 4)
    _check_mark(reader, end)
    return end


def _large_message_1(
    reader: HeaderReader, start: int, length: int, product_bytes: int, flags: int
) -> int:
    """ECMWF's convention above 8 MB: units of 120 bytes, less what the data section says."""
    position = start + 8 + product_bytes
    for bit in (0x80, 0x40):
        if flags & bit:
            position += int.from_bytes(reader.bytes_at(position, 3), "big")
    rest = int.from_bytes(reader.bytes_at(position, 3), "big")
    end = start + (length & 0x7FFFFF) * 120 - rest + 4
    reader.bytes_at(end - 4, 4)
    return end


def _product(numbers: tuple[int, ...]) -> int:
    across, down = numbers
    # 65535 means "differs by row": the thinned grids of edition 1, which state no total.
    return across * down if 65535 not in numbers else max(numbers if min(numbers) else (1,))


def _check_mark(reader: HeaderReader, end: int) -> None:
    if reader.bytes_at(end - 4, 4) != b"7777":
        raise corrupt("A GRIB message does not end where it says.")
