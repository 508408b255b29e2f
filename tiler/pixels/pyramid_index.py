"""Where each tile of a stored pyramid lies: one number an address, in memory."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

import numpy as np

from tiler.pixels.pmtiles import Archive
from tiler.pixels.tile_ids import first_id, tile_ids

Span = tuple[int, int, int, int]
"""First column, first row, last column, last row."""
LENGTH_BITS = 24
"""A place is the offset, shifted by so many bits, and the length; 0: the tile is empty."""
SPANS = "spans"
"""Name in an archive's metadata: zoom -> the Span that was rendered."""


@dataclass(frozen=True)
class Level:
    """One zoom: the tiles of a rectangle, row by row."""

    span: Span
    places: array[int]


class PyramidIndex:
    """Answers in about a microsecond; eight bytes an address of the rectangles."""

    def __init__(self, levels: dict[int, Level]) -> None:
        self._levels = levels
        self.bytes = sum(8 * len(level.places) for level in levels.values())

    def find(self, z: int, x: int, y: int) -> tuple[int, int] | None:
        """(offset in the archive, length) of a tile, (0, 0) for an empty one; None for one that
        was not rendered."""
        level = self._levels.get(z)
        if level is None:
            return None
        left, top, right, bottom = level.span
        if not (left <= x <= right and top <= y <= bottom):
            return None
        place = level.places[(y - top) * (right - left + 1) + x - left]
        return place >> LENGTH_BITS, place & (1 << LENGTH_BITS) - 1


def index_of(archive: Archive) -> PyramidIndex:
    """The index of an archive that `tasks.pyramids` wrote. Raises ValueError for any other."""
    spans = archive.about.get(SPANS)
    if not isinstance(spans, dict):
        raise ValueError("the archive does not say which tiles were rendered")
    return PyramidIndex({int(z): _level(archive, int(z), tuple(spans[z])) for z in spans})


def _level(archive: Archive, z: int, span: Span) -> Level:
    left, top, right, bottom = span
    rows, columns = np.mgrid[top : bottom + 1, left : right + 1]
    wanted = tile_ids(z, columns.ravel(), rows.ravel())
    tiles = archive.tiles
    first, last = np.searchsorted(tiles.ids, [first_id(z), first_id(z + 1)])
    first = max(0, first - 1)  # a run may reach into the level
    ids, runs = tiles.ids[first:last], tiles.runs[first:last]
    if not len(ids):
        return Level(span, array("Q", bytes(8 * len(wanted))))
    entry = np.searchsorted(ids, wanted, side="right") - 1
    found = (entry >= 0) & (wanted < ids[entry] + runs[entry])
    offsets = tiles.offsets[first:last][entry] + archive.data_offset
    places = np.where(found, offsets << LENGTH_BITS | tiles.lengths[first:last][entry], 0)
    return Level(span, array("Q", places.astype(np.uint64).tobytes()))
