"""Fills all levels of a COG from strips, however wide the raster: in rows, or column by column."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rasterio.windows import Window

from tasks.cog.halving import Strip
from tasks.cog.levels import Level
from tasks.cog.pyramid import BlockQueue, Pyramid
from tasks.cog.scratch import Scratch
from tasks.cog.traversal import Traversal, plan_level
from tasks.cog.validity import Mask, Validity

Strips = Iterator[tuple[Window, Strip]]
OnValid = Callable[[Strip, Sequence["Mask | None"]], None]


@dataclass
class Filling:
    """One run over a raster's strips.

    A raster that is read in columns fills the finer levels column by column. The first level
    that a column cannot fill in whole blocks is kept aside, and read again as a raster of its
    own: of the raster's pixels, that is one in 4 to the number of levels before it.
    """

    validity: Validity
    queue: BlockQueue
    dtype: np.dtype[Any]
    interleaved: bool
    folder: Path
    """For what does not fit into memory."""

    def fill(
        self, levels: Sequence[Level], traversal: Traversal, strips: Strips, on_valid: OnValid
    ) -> None:
        """Fill `levels`, full resolution first. `on_valid` gets each full strip's validity."""
        with ExitStack() as stack:
            seen: OnValid | None = on_valid
            while levels:
                count = min(len(levels), self._own_levels(traversal))
                scratch = None
                if count < len(levels):
                    bands = len(self.validity.bands)
                    scratch = Scratch(levels[count], bands, self.dtype, self.folder)
                    stack.enter_context(scratch)
                self._fill_columns(levels[:count], strips, scratch, seen)
                seen, levels = None, levels[count:]
                if scratch is not None:
                    traversal = self._plan(levels[0])
                    strips = scratch.strips(traversal, interleaved=self.interleaved)
        self.queue.drain()

    def _own_levels(self, traversal: Traversal) -> int:
        """The number of levels that each column fills by itself."""
        if len(traversal.column_starts) == 1:
            return 1_000
        return int(np.log2(traversal.columns // self.queue.profile.block_size)) + 1

    def _plan(self, level: Level) -> Traversal:
        bytes_per_pixel = len(self.validity.bands) * self.dtype.itemsize
        return plan_level(level.width, level.height, bytes_per_pixel, level.block_size)

    def _fill_columns(
        self,
        levels: Sequence[Level],
        strips: Strips,
        scratch: Scratch | None,
        on_valid: OnValid | None,
    ) -> None:
        size = self.queue.profile.block_size
        pyramid = Pyramid(levels, self.validity, self.queue)
        for window, strip in strips:
            if window.row_off == 0:
                beyond = None if scratch is None else _Below(scratch, window, len(levels))
                pyramid = Pyramid(
                    levels, self.validity, self.queue,
                    left=window.col_off // size, beyond=beyond,
                )  # fmt: skip
            valid = self.validity.of_all(strip.pixels, strip.mask)
            if on_valid is not None:
                on_valid(strip, valid)
            pyramid.feed(strip, valid, last=window.row_off + window.height == levels[0].height)


class _Below:
    """Puts what one column halves to into the scratch, from top to bottom."""

    def __init__(self, scratch: Scratch, first: Window, level_count: int) -> None:
        self._scratch, self._left, self._row = scratch, int(first.col_off) >> level_count, 0

    def __call__(self, strip: Strip) -> None:
        self._scratch.put(self._left, self._row, strip)
        self._row += strip.pixels.shape[1]
