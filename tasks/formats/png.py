"""Reads the chunks of a PNG: its size, and whether it is there to its end (ISO/IEC 15948)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tasks.formats.errors import corrupt
from tasks.formats.limits import Extent, Limits, check_block, check_extent
from tasks.formats.reading import HeaderReader, header_of
from tasks.formats.records import HeaderFacts

MAGIC = (b"\x89PNG\r\n\x1a\n",)
WORLD_FILES = (".pgw", ".pngw", ".wld")

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""By colour type (11.2.2)."""
_MAX_CHUNKS = 5_000_000
_SUSPICIOUS_BYTES = 2**30
"""A picture is read from its first row to its last: less of nothing is suspicious than in tiles."""


def check(path: Path, limits: Limits) -> HeaderFacts:
    """Size and type; raises Rejected where the file is cut or promises too much."""
    with header_of(path) as reader:
        length, kind, width, height, bits, color, _, _, interlaced = reader.unpack(">I4sIIBBBBB", 8)
        if (
            kind != b"IHDR"
            or length != 13
            or color not in _CHANNELS
            or bits not in (1, 2, 4, 8, 16)
        ):
            raise corrupt("The PNG does not begin with a proper header.")
        sample = 2 if bits == 16 else 1
        extent = Extent(width, height, _CHANNELS[color], sample)
        suspicious = min(limits.suspicious_bytes, _SUSPICIOUS_BYTES)
        check_extent(extent, reader.size, replace(limits, suspicious_bytes=suspicious))
        # An interlaced picture is spread over the whole file: it is decoded in one piece.
        block = extent.decoded_bytes if interlaced else extent.decoded_bytes // height
        check_block(block, limits)
        _check_chunks(reader)
        return HeaderFacts.of(reader.size, extent, f"uint{8 * sample}", block)


def _check_chunks(reader: HeaderReader) -> None:
    position = 8
    for _ in range(_MAX_CHUNKS):
        length, kind = reader.unpack(">I4s", position)
        position += 12 + length
        reader.bytes_at(position - 4, 4)
        if kind == b"IEND":
            return
    raise corrupt(f"The PNG has more than {_MAX_CHUNKS} chunks.")
