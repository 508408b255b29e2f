"""Draws the late tiles of a collection's overview: leaves from products, others from children."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from repository import overviews
from repository.overviews import Tile
from tasks.overview_members import refs_of
from tiler.pixels.canvas import Canvas
from tiler.pixels.mosaics import canvas_of_tile, draw_mosaic
from tiler.pixels.overview_pictures import decoded, encoded, joined

log = logging.getLogger("rastrum.overviews")

PASS_SECONDS = 60.0
"""Of one delivery; what is left is the next one's."""
BEAT_SECONDS = 1.0
MAX_LARGE = 100
"""Products read for a leaf where they are not small."""


class OutOfTime(Exception):
    """The pass has taken as long as it may."""


@dataclass(frozen=True)
class _Built:
    """A tile's picture; None where nothing is to be seen."""

    canvas: Canvas | None
    by_mode: bool


class Builder:
    """One pass over the tree of a collection, from the root down to what is late and back up."""

    def __init__(self, collection_id: str, *, seconds: float = PASS_SECONDS) -> None:
        self.collection_id = collection_id
        self._deadline = time.monotonic() + seconds
        self._told = time.monotonic()
        self.stored = 0

    def build(self) -> bool:
        """Whether all is drawn; else the time was over. What was drawn is kept either way."""
        try:
            self._tile((0, 0, 0))
        except OutOfTime:
            log.info("overview of %s: %d tiles, more to do", self.collection_id, self.stored)
            return False
        log.info("overview of %s: %d tiles", self.collection_id, self.stored)
        return True

    def _tile(self, tile: Tile) -> _Built:
        begun = overviews.begin(self.collection_id, tile)
        if begun is None:  # the collection, or this branch, is gone meanwhile
            return _Built(None, True)
        if begun.row.is_fresh:
            return _Built(decoded(bytes(begun.row.picture), *tile), begun.row.by_mode)
        self._beat()
        is_leaf = not overviews.has_many(self.collection_id, tile)
        if is_leaf and not begun.row.is_leaf:
            overviews.prune(self.collection_id, tile)
        built = self._leaf(tile) if is_leaf else self._branch(tile)
        picture = b"" if built.canvas is None else encoded(built.canvas)
        self.stored += overviews.store(begun, picture, is_leaf=is_leaf, by_mode=built.by_mode)
        return built

    def _branch(self, tile: Tile) -> _Built:
        overviews.branch(self.collection_id, tile)
        parts = [self._tile(child) for child in overviews.children(tile)]
        by_mode = all(part.by_mode for part in parts if part.canvas is not None)
        return _Built(joined([part.canvas for part in parts], *tile, by_mode=by_mode), by_mode)

    def _beat(self) -> None:
        """Raises OutOfTime."""
        now = time.monotonic()
        if now > self._deadline:
            raise OutOfTime
        if now - self._told > BEAT_SECONDS:
            overviews.beat(self.collection_id)
            self._told = now

    def _leaf(self, tile: Tile) -> _Built:
        canvas = canvas_of_tile(*tile)
        refs = refs_of(overviews.members(self.collection_id, tile)[: MAX_LARGE * 3])
        draw_mosaic(canvas, refs, max_assets=MAX_LARGE)
        by_mode = all(ref.style.kind == "classes" for ref in refs)
        return _Built(canvas if canvas.alpha.any() else None, by_mode)
