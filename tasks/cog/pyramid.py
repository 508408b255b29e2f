"""Strips of pixels in, compressed blocks of every level out, while the pixels are in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from tasks.cog.encoding import encode_block, encode_mask
from tasks.cog.levels import Level
from tasks.cog.reduction import halve_mask, reducer, step_off_nodata
from tasks.cog.validity import Mask, Pixels, Validity, fill_for
from tasks.cog_profiles import CogProfile


@dataclass(frozen=True)
class Strip:
    """Pixels (bands, h, w) with the dataset's mask (h, w), True for valid, if it has one."""

    pixels: Pixels
    mask: Mask | None

    def block(self, x: int, y: int, size: int) -> Strip:
        """The part that starts at column `x`, row `y` and is at most size x size."""
        rows, columns = slice(y, y + size), slice(x, x + size)
        mask = None if self.mask is None else self.mask[rows, columns]
        return Strip(self.pixels[:, rows, columns], mask)


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
            encode_block(sample, profile.block_size, self.predictor, profile.zstd_level)
            for sample in samples
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

    def feed(self, strip: Strip, valid: Sequence[Mask | None] | None = None, *, last: bool) -> None:
        """Take the next rows at full resolution: whole rows of blocks, but for the last."""
        self._take(0, strip, valid)
        for number in range(1, len(self._levels)):
            waiting = self._collected[number]
            if waiting.strips and (last or waiting.height >= self._queue.profile.block_size):
                self._take(number, waiting.take(), None)

    def _take(self, number: int, strip: Strip, valid: Sequence[Mask | None] | None) -> None:
        self._queue_blocks(number, strip)
        is_last = number + 1 == len(self._levels)
        if is_last and self._beyond is None:
            return
        if valid is None:
            valid = self._validity.of_all(strip.pixels, strip.mask)
        halved = halve(strip, valid, self._validity, self._queue)
        if is_last and self._beyond is not None:
            self._beyond(halved)
        else:
            self._collected[number + 1].strips.append(halved)

    def _queue_blocks(self, number: int, strip: Strip) -> None:
        level, size = self._levels[number], self._queue.profile.block_size
        _, height, width = strip.pixels.shape
        for y in range(0, height, size):
            for x in range(0, width, size):
                column = (self._left >> number) + x // size
                self._queue.add(level, column, self._row[number], strip.block(x, y, size))
            self._row[number] += 1


def halve(
    strip: Strip, valid: Sequence[Mask | None], validity: Validity, queue: BlockQueue
) -> Strip:
    """The strip at half the resolution, its bands reduced side by side in the pool."""
    bands, height, width = strip.pixels.shape
    half = _laid_out_like(strip.pixels, (bands, -(-height // 2), -(-width // 2)))
    resampling = queue.profile.resampling

    def halve_band(position: int) -> None:
        band = validity.bands[position]
        band_valid = valid[position]
        half[position] = reducer(resampling)(
            strip.pixels[position], band_valid, fill_for(band.nodata, half.dtype)
        )
        if resampling == "average" and band.mask == "nodata" and band.nodata is not None:
            half_valid = None if band_valid is None else halve_mask(band_valid, resampling)
            step_off_nodata(half[position], half_valid, band.nodata)

    list(queue.pool.map(halve_band, range(bands)))
    mask = None if strip.mask is None else halve_mask(strip.mask, resampling)
    return Strip(half, mask)


def _laid_out_like(pixels: Pixels, shape: tuple[int, int, int]) -> Pixels:
    """An empty (bands, h, w) array whose memory is in the same order as that of `pixels`."""
    if pixels.flags.c_contiguous:
        return np.empty(shape, pixels.dtype)
    bands, height, width = shape
    return np.empty((height, width, bands), pixels.dtype).transpose(2, 0, 1)


def joined(parts: Sequence[Strip], axis: int) -> Strip:
    """Strips below one another (axis 1) or side by side (axis 2) as one."""
    if len(parts) == 1:
        return parts[0]
    shape = list(parts[0].pixels.shape)
    shape[axis] = sum(part.pixels.shape[axis] for part in parts)
    pixels = _laid_out_like(parts[0].pixels, (shape[0], shape[1], shape[2]))
    np.concatenate([part.pixels for part in parts], axis=axis, out=pixels)
    masks = [part.mask for part in parts if part.mask is not None]
    return Strip(pixels, np.concatenate(masks, axis=axis - 1) if masks else None)
