"""Strips of pixels in, compressed blocks of every level out, while the pixels are in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from tasks.cog.encoding import encode_block, encode_mask
from tasks.cog.halving import Checked, Halving, Strip, joined
from tasks.cog.levels import Level
from tasks.cog.odd_sides import Side, Sides
from tasks.cog.validity import Mask, Validity
from tasks.cog_profiles import CogProfile


@dataclass
class _Collected:
    """Strips of one level that do not yet fill a row of blocks."""

    strips: list[Strip] = field(default_factory=list)

    @property
    def height(self) -> int:
        return sum(strip.pixels.shape[1] for strip in self.strips)

    def take(self) -> Strip:
        strips, self.strips = self.strips, []
        return joined(strips, axis=1)


@dataclass
class BlockQueue:
    """Blocks on their way through the pool, written to their spools in the order given.

    Never more than `limit` wait, so that a slow disk slows the reader, not the memory.
    """

    pool: ThreadPoolExecutor
    profile: CogProfile
    predictor: int
    limit: int
    written: Callable[[Level], None]
    _waiting: deque[tuple[Level, int, int, Future[list[bytes]]]] = field(default_factory=deque)

    def add(self, level: Level, column: int, row: int, block: Strip) -> None:
        """Compress all planes of the block at `column`, `row`, and its mask."""
        job = self.pool.submit(self._encode, level.planes, block)
        self._waiting.append((level, column, row, job))
        self.drain(self.limit)

    def drain(self, remaining: int = 0) -> None:
        """Write finished blocks until at most `remaining` are on their way."""
        while len(self._waiting) > remaining:
            level, column, row, job = self._waiting.popleft()
            encoded = job.result()
            for plane in range(level.planes):
                number = level.block_number(column, row, plane)
                level.append(level.image, number, encoded[plane])
            if len(encoded) > level.planes:
                level.append(level.mask, level.block_number(column, row), encoded[-1])
            self.written(level)

    def _encode(self, planes: int, block: Strip) -> list[bytes]:
        profile = self.profile
        samples = [block.pixels] if planes == 1 else [band[np.newaxis] for band in block.pixels]
        encoded = [
            encode_block(sample, profile.block_size, self.predictor, profile) for sample in samples
        ]
        if block.mask is not None:
            encoded.append(encode_mask(block.mask, profile.block_size))
        return encoded


class Pyramid:
    """One vertical run through some levels: fed from the top, it fills each level's blocks."""

    def __init__(
        self,
        levels: Sequence[Level],
        validity: Validity,
        queue: BlockQueue,
        *,
        left: int = 0,
        beyond: Callable[[Strip], None] | None = None,
    ) -> None:
        """`left` is the first column of blocks at full resolution; it must halve down to
        every level. `beyond` gets the strips that the last level halves to.
        """
        self._levels, self._validity, self._queue = levels, validity, queue
        self._left, self._beyond = left, beyond
        self._collected = [_Collected() for _ in levels]
        self._row = [0] * len(levels)
        self._above: list[Checked | None] = [None] * len(levels)
        self._halving = Halving(validity, queue.profile.resampling, queue.pool)

    def feed(self, strip: Strip, valid: Sequence[Mask | None] | None = None, *, last: bool) -> None:
        """Take the next rows at full resolution: whole rows of blocks, but for the last."""
        self._take(0, strip, valid)
        for number in range(1, len(self._levels)):
            waiting = self._collected[number]
            if waiting.strips and (last or waiting.height >= self._queue.profile.block_size):
                self._take(number, waiting.take(), None)

    def _take(self, number: int, strip: Strip, valid: Sequence[Mask | None] | None) -> None:
        sides = self._sides(number, strip)
        self._queue_blocks(number, strip)
        is_last = number + 1 == len(self._levels)
        if is_last and self._beyond is None:
            return
        if valid is None:
            valid = self._validity.of_all(strip.pixels, strip.mask)
        checked = Checked(strip, valid)
        halved = self._halving.halve(checked, self._above[number], sides)
        self._above[number] = checked.last_row()
        if is_last and self._beyond is not None:
            self._beyond(halved)
        else:
            self._collected[number + 1].strips.append(halved)

    def _sides(self, number: int, strip: Strip) -> Sides:
        """Where a raster is read in columns, each halves by aligned pairs across."""
        level, size = self._levels[number], self._queue.profile.block_size
        whole = strip.pixels.shape[2] == level.width
        rows = Side(level.height if level.height % 2 else 0, self._row[number] * size)
        return Sides(rows, Side(level.width if whole and level.width % 2 else 0))

    def _queue_blocks(self, number: int, strip: Strip) -> None:
        level, size = self._levels[number], self._queue.profile.block_size
        _, height, width = strip.pixels.shape
        for y in range(0, height, size):
            for x in range(0, width, size):
                column = (self._left >> number) + x // size
                self._queue.add(level, column, self._row[number], strip.block(x, y, size))
            self._row[number] += 1
