"""Walks the boxes of a JPEG 2000 file to its codestream (ISO/IEC 15444-1, annex I)."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.formats.errors import amount, corrupt, external_reference, too_large, truncated
from tasks.formats.reading import HeaderReader

CODESTREAM = b"\xff\x4f\xff\x51"
"""How a codestream begins, within a box or as a file of its own."""

_MAX_BOXES = 10_000
_MAX_METADATA_BYTES = 16 * 2**20
_MAX_DEPTH = 8
_SUPERBOXES = frozenset({b"jp2h", b"asoc", b"res ", b"uinf"})
"""Boxes made of boxes."""


def find_codestream(reader: HeaderReader) -> tuple[int, int]:
    """Where the first codestream begins and ends; every other box is looked at too.

    Raises Rejected `truncated`, `corrupt`, `too_large` or `external_reference`.
    """
    if reader.bytes_at(0, 4) == CODESTREAM:
        return 0, reader.size
    found = None
    for kind, start, end in _boxes(reader, 0, reader.size):
        if kind == b"jp2c":
            found = found or (start, end)
            continue
        _check_metadata(reader, start, end)
        if kind in _SUPERBOXES:
            _check_children(reader, start, end)
    if found is None:
        raise corrupt("The JPEG 2000 file holds no picture.")
    return found


def _boxes(
    reader: HeaderReader, position: int, stop: int, *, is_inner: bool = False
) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of the content of each box; the last one may go on to the end (I.4)."""
    for _ in range(_MAX_BOXES):
        length, kind = reader.unpack(">I4s", position)
        start = position + 8
        if length == 1:
            length, start = reader.number(">Q", position + 8), position + 16
        end = stop if length == 0 and not is_inner else position + length
        if end < start or (is_inner and end > stop):
            raise corrupt(f"A box of the JPEG 2000 file has an impossible length ({length}).")
        if end > stop:
            raise truncated(reader.size, end)
        yield kind, start, end
        # Fewer bytes than a box's head are padding.
        if end + 8 > stop:
            return
        position = end
    raise corrupt(f"The JPEG 2000 file has more than {_MAX_BOXES} boxes.")


def _check_children(reader: HeaderReader, start: int, end: int, depth: int = 1) -> None:
    """GDAL walks through inner boxes without end where one says that it has no length."""
    if depth > _MAX_DEPTH:
        raise corrupt("The boxes of the JPEG 2000 file lie too deep in one another.")
    if end - start < 8:
        return
    for kind, inner_start, inner_end in _boxes(reader, start, end, is_inner=True):
        if kind in _SUPERBOXES:
            _check_children(reader, inner_start, inner_end, depth + 1)


def _check_metadata(reader: HeaderReader, start: int, end: int) -> None:
    """GDAL obeys its own metadata in a box, even where they name overviews in another file."""
    if end - start > _MAX_METADATA_BYTES:
        raise too_large(
            f"The JPEG 2000 file has a box of {amount(end - start)} beside its picture."
        )
    content = reader.bytes_at(start, end - start)
    if b"GDALMultiDomainMetadata" in content and (b"OVERVIEW" in content or b"&#" in content):
        raise external_reference("The JPEG 2000 file names its overviews in another file.")
