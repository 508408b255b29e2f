"""Reads the segments of a JPEG: its size, and whether it is there to its end (ITU-T T.81, B)."""

from __future__ import annotations

from pathlib import Path

from repository.errors import Rejected
from tasks.formats.errors import corrupt
from tasks.formats.limits import Extent, Limits, check_block, check_extent
from tasks.formats.reading import HeaderReader, header_of
from tasks.formats.records import HeaderFacts

MAGIC = (b"\xff\xd8\xff",)
WORLD_FILES = (".jgw", ".jpgw", ".jpegw", ".wld")

_MAX_SEGMENTS = 10_000
_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})
_OTHER_FRAMES = frozenset({0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF})
_PROGRESSIVE = frozenset({0xC2, 0xCA})
_TAIL_BYTES = 1 << 20


def check(path: Path, limits: Limits) -> HeaderFacts:
    """Size and type; raises Rejected where the file is cut or promises too much."""
    with header_of(path) as reader:
        frame, position, scan = _frame_and_scan(reader)
        bits, height, width, components = reader.unpack(">BHHB", position + 4)
        sample = 1 if bits == 8 else 2
        extent = Extent(width, height, components, sample)
        check_extent(extent, reader.size, limits)
        rows = 16 * width * components * sample
        # libjpeg keeps all coefficients of a progressive picture, 16 bits each.
        block = width * height * components * 2 if frame in _PROGRESSIVE else rows
        check_block(block, limits)
        _check_end(reader, scan)
        return HeaderFacts.of(reader.size, extent, f"uint{8 * sample}", block)


def _frame_and_scan(reader: HeaderReader) -> tuple[int, int, int]:
    """The kind of the frame, its place, and where the first scan begins."""
    position, frame, frame_at = 2, 0, 0
    for _ in range(_MAX_SEGMENTS):
        prefix, marker = reader.unpack("BB", position)
        if prefix != 0xFF:
            raise corrupt("The JPEG has bytes where a marker must be.")
        if marker == 0xFF:  # fill byte, B.1.1.2
            position += 1
            continue
        if marker in _OTHER_FRAMES:
            raise Rejected(
                "The JPEG is coded by a method that GDAL does not read.",
                code="unsupported_compression",
                hint="Save it as an ordinary (baseline) JPEG.",
            )
        if marker in _FRAMES:
            frame, frame_at = marker, position
        if marker == 0xDA:
            if not frame:
                raise corrupt("The JPEG does not state its size.")
            return frame, frame_at, position
        position += 2 + max(2, reader.number(">H", position + 2))
    raise corrupt(f"The JPEG has more than {_MAX_SEGMENTS} segments before its picture.")


def _check_end(reader: HeaderReader, scan: int) -> None:
    """The end marker must be there: libjpeg fills a cut picture with grey, without an error."""
    start = max(scan, reader.size - _TAIL_BYTES)
    if b"\xff\xd9" not in reader.bytes_at(start, reader.size - start):
        raise Rejected(
            "The file ends too early: the end marker of the JPEG is missing.",
            code="truncated",
            hint="It was probably cut short while copying. Copy or upload it again.",
        )
