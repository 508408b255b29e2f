"""Takes out of a TIFF's GDAL metadata what costs or reaches too much, before GDAL reads it.

GDAL parses the XML in tag 42112 when it opens a file: 100,000 items take it 20 seconds, and an
item OVERVIEW_FILE makes it open another file. The pixels are not to blame, so the file is taken:
a private copy of it, in which the tag holds only the items that describe the raster.
"""

from __future__ import annotations

import re
import shutil
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

GDAL_METADATA = 42112
MAX_BYTES = 1 << 20
MAX_READ_BYTES = 64 << 20
"""Of all texts of a file together; a longer one is left out unread."""

MAX_ITEMS = 2000
MAX_ITEM_BYTES = 8192
MAX_DIRECTORIES = 4096
MAX_ENTRIES = 65535
_ASCII = 2

_ITEM = re.compile(rb"<Item\b[^<>]*>[^<>]*</Item\s*>")
_ANY_ELEMENT = re.compile(rb"<[A-Za-z]")
_REACHES_OUT = re.compile(
    rb"OVERVIEW_FILE|domain\s*=\s*[\"'](?:OVERVIEWS|GEOLOCATION|SUBDATASETS|DERIVED|xml:VRT)|"
    rb"<!DOCTYPE|<!ENTITY",
    re.IGNORECASE,
)
_OF_BANDS = re.compile(rb"\brole\s*=")
"""Items with a role are scale, offset, unit and description of a band."""


@dataclass(frozen=True)
class _Entry:
    """Where a directory keeps tag 42112."""

    at: int
    """Of the entry itself."""
    count: int
    value_at: int
    is_big: bool
    order: str


def without_harmful_metadata(path: Path, copy: Path) -> tuple[Path, tuple[tuple[str, str], ...]]:
    """`path` itself where its metadata are harmless, else `copy`, made with the rest of them.

    Also the warnings for the owner. Never raises over a broken file: whoever checks the header
    next will name what is wrong. Raises OSError where the copy cannot be written.
    """
    entries = _entries(path)
    patches = [(entry, _cleaned(text)) for entry, text in entries if _is_harmful(text)]
    if not patches:
        return path, ()
    shutil.copyfile(path, copy)
    with copy.open("r+b") as file:
        for entry, text in patches:
            _patch(file, entry, text)
    notes = [("metadata_shortened", "Metadata that no raster needs were left out: there were too "
              "many, or they point to other files.")]  # fmt: skip
    if any(b"OVERVIEW_FILE" in text for _, text in entries):
        notes.append(
            ("external_reference", "A reference to overviews in another file was ignored.")
        )
    return copy, tuple(notes)


def _is_harmful(text: bytes) -> bool:
    if len(text) > MAX_BYTES or text.count(b"<Item") > MAX_ITEMS or _REACHES_OUT.search(text):
        return True
    return len(_ANY_ELEMENT.findall(text)) > 2 * MAX_ITEMS


def _cleaned(text: bytes) -> bytes:
    """The harmless items, those of bands first; never longer than `text`."""
    items = [
        item
        for item in _ITEM.findall(text)
        if len(item) <= MAX_ITEM_BYTES and not _REACHES_OUT.search(item)
    ]
    of_bands = [item for item in items if _OF_BANDS.search(item)]
    others = [item for item in items if not _OF_BANDS.search(item)]
    kept = of_bands[:MAX_ITEMS] + others[: MAX_ITEMS // 10]
    result = b"<GDALMetadata>" + b"".join(kept) + b"</GDALMetadata>\0"
    return result if kept and len(result) <= len(text) else b"\0"


def _patch(file: BinaryIO, entry: _Entry, text: bytes) -> None:
    """Put `text` in the place of the longer one, or into the entry where it fits."""
    width = 8 if entry.is_big else 4
    code = entry.order + ("HHQ" if entry.is_big else "HHI")
    file.seek(entry.at)
    file.write(struct.pack(code, GDAL_METADATA, _ASCII, len(text)))
    if len(text) <= width:
        file.write(text.ljust(width, b"\0"))
    else:
        file.seek(entry.value_at)
        file.write(text)


def _entries(path: Path) -> list[tuple[_Entry, bytes]]:
    """All entries of tag 42112 whose text is outside of them, with the text."""
    found: list[tuple[_Entry, bytes]] = []
    texts: dict[tuple[int, int], bytes] = {}
    # A broken file is refused by whoever checks its header next.
    with path.open("rb") as file, suppress(struct.error):
        for entry in _walk(file):
            place = (entry.value_at, entry.count)
            if place not in texts:
                texts[place] = _read(file, entry, MAX_READ_BYTES - sum(map(len, texts.values())))
            found.append((entry, texts[place]))
    return found


def _read(file: BinaryIO, entry: _Entry, room: int) -> bytes:
    """The text; of one that is too long, as much as makes it harmful."""
    file.seek(entry.value_at)
    return file.read(entry.count) if entry.count <= room else b"<Item" * (MAX_ITEMS + 1)


def _walk(file: BinaryIO) -> Iterator[_Entry]:
    size = file.seek(0, 2)
    order, is_big, position = _header(file)
    seen: set[int] = set()
    while 0 < position < size and position not in seen and len(seen) < MAX_DIRECTORIES:
        seen.add(position)
        (count,) = _unpack(file, order + ("Q" if is_big else "H"), position)
        if count > MAX_ENTRIES:
            return
        start, width = position + (8 if is_big else 2), 20 if is_big else 12
        file.seek(start)
        table = file.read(count * width)
        for at in range(0, len(table) - width + 1, width):
            tag, _, length = struct.unpack_from(order + ("HHQ" if is_big else "HHI"), table, at)
            if tag != GDAL_METADATA or length <= (8 if is_big else 4):
                continue
            (value_at,) = struct.unpack_from(
                order + ("Q" if is_big else "I"), table, at + (12 if is_big else 8)
            )
            if value_at + length <= size:
                yield _Entry(start + at, length, value_at, is_big, order)
        (position,) = _unpack(file, order + ("Q" if is_big else "I"), start + count * width)


def _header(file: BinaryIO) -> tuple[str, bool, int]:
    """Byte order, whether it is a BigTIFF, and where the first directory is (TIFF 6.0, 2)."""
    file.seek(0)
    start = file.read(4)
    order = {b"II": "<", b"MM": ">"}.get(start[:2], "<")
    is_big = start[2:4] in (b"+\0", b"\0+")
    (position,) = _unpack(file, order + ("Q" if is_big else "I"), 8 if is_big else 4)
    return order, is_big, position


def _unpack(file: BinaryIO, code: str, at: int) -> tuple[int, ...]:
    file.seek(at)
    return struct.unpack(code, file.read(struct.calcsize(code)))
