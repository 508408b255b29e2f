"""A COG's header as the catalogue keeps it: so that a cold tile reads blocks and nothing else.

Where a block begins is nearly always where the one before it ended, so offsets pack to almost
nothing; a scene of 10,980 by 10,980 pixels takes about 5 kB.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiler.pixels.cog_header import MAX_TABLE_BYTES, CogHeader, Level, is_affordable

VERSION = b"RBI1"
"""Opens every index; one of another version is not read, and the file's own header is."""
MAX_PACKED_BYTES = 4 * 2**20
"""A raster with a longer one is read by its own header."""
FACTS = (
    "width", "height", "block", "samples", "planes", "bits", "compression", "predictor",
    "photometric",
)  # fmt: skip


def pack(header: CogHeader, size: int) -> bytes:
    """The index of a file of `size` bytes; nothing where it would be too long to keep."""
    levels = header.levels + header.masks
    facts = {
        "size": size, "masks": len(header.masks), "levels": [_facts(level) for level in levels],
    }  # fmt: skip
    head = json.dumps(facts, separators=(",", ":")).encode()
    body = b"".join([len(head).to_bytes(4, "little"), head, *map(_table, levels)])
    packed = VERSION + zlib.compress(body, 6)
    return packed if len(packed) <= MAX_PACKED_BYTES else b""


def unpack(packed: bytes) -> CogHeader | None:
    """The header; None for no index, for one of another version, and for a broken one."""
    if not packed.startswith(VERSION) or len(packed) > MAX_PACKED_BYTES:
        return None
    try:
        body = zlib.decompressobj().decompress(packed[len(VERSION) :], MAX_TABLE_BYTES)
        start = 4 + int.from_bytes(body[:4], "little")
        facts = json.loads(body[4:start])
        levels = tuple(_levels(facts["levels"], memoryview(body)[start:]))
        header = CogHeader(*_halves(levels, len(levels) - int(facts["masks"])))
        usable = bool(header.levels) and is_affordable(header, int(facts["size"]))
    except (zlib.error, ValueError, KeyError, TypeError, OverflowError, ZeroDivisionError):
        return None
    return header if usable else None


def _halves(levels: tuple[Level, ...], first: int) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
    return levels[:first], levels[first:]


def _facts(level: Level) -> dict[str, Any]:
    facts: dict[str, Any] = {name: getattr(level, name) for name in FACTS}
    tables = b64encode(level.jpeg_tables).decode()
    return facts | {"dtype": level.dtype.str, "jpeg_tables": tables}


def _table(level: Level) -> bytes:
    """Gaps between blocks, then sizes, each with the bytes of like weight side by side."""
    sizes = level.sizes.astype("<i8")
    offsets = level.offsets.astype("<i8")
    gaps = np.diff(offsets, prepend=0) - np.concatenate([[0], sizes[:-1]])
    return _planes(gaps) + _planes(sizes)


def _planes(numbers: NDArray[np.int64]) -> bytes:
    return np.ascontiguousarray(numbers.astype("<i8").view(np.uint8).reshape(-1, 8).T).tobytes()


def _levels(facts: list[dict[str, Any]], tables: memoryview) -> Iterator[Level]:
    at = 0
    for known in facts:
        level = Level(
            **{name: known[name] for name in FACTS}, dtype=np.dtype(known["dtype"]),
            jpeg_tables=b64decode(known["jpeg_tables"]), offsets=_NONE, sizes=_NONE,
        )  # fmt: skip
        if level.dtype.kind not in "uif":
            raise ValueError("no type of pixels")
        end = at + 16 * level.blocks
        numbers = np.frombuffer(tables[at:end], np.uint8).reshape(2, 8, -1)
        gaps, sizes = (np.ascontiguousarray(part.T).view("<i8").ravel() for part in numbers)
        offsets = np.cumsum(gaps + np.concatenate([[0], sizes[:-1]]))
        if not (sizes > 0).all() or not (offsets >= 0).all():
            raise ValueError("no place in a file")
        at = end
        yield replace(level, offsets=offsets.astype(np.uint64), sizes=sizes.astype(np.uint64))


_NONE = np.empty(0, np.uint64)
