"""Blocks of COGs on this machine's disk: read, decoded, and kept in bounded memory.

A map asks for neighbouring tiles, which share blocks; decoding a block costs more than
drawing from it. Objects never change, so a block that was decoded stays right.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from tiler.pixels.cog_header import (
    DEFLATE,
    LZW,
    NONE,
    OLD_DEFLATE,
    ZSTD,
    CogHeader,
    Level,
    read_header,
)  # fmt: skip

CACHE_BYTES = 160 * 2**20
"""Decoded blocks kept by one process."""
MAX_OPEN = 256

Array = NDArray[Any]
BlockKey = tuple[str, bool, int, int]


class BlockCache:
    """Decoded blocks by (path, is of the mask, level, number); the longest unused goes first."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes, self.bytes = limit_bytes, 0
        self._blocks: OrderedDict[BlockKey, Array] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: BlockKey) -> Array | None:
        """The block, or None."""
        with self._lock:
            block = self._blocks.get(key)
            if block is not None:
                self._blocks.move_to_end(key)
            return block

    def put(self, key: BlockKey, block: Array) -> None:
        """Keep it."""
        with self._lock:
            if key in self._blocks:
                return
            self._blocks[key] = block
            self.bytes += block.nbytes
            while self.bytes > self.limit_bytes:
                self.bytes -= self._blocks.popitem(last=False)[1].nbytes


CACHE = BlockCache(CACHE_BYTES)


class CogFile:
    """An open COG."""

    def __init__(self, path: str, descriptor: int, header: CogHeader) -> None:
        self.path, self._descriptor, self.header = path, descriptor, header

    def __del__(self) -> None:
        os.close(self._descriptor)  # the last reader has gone: nobody else may close it

    def window(
        self, level: int, column: int, row: int, width: int, height: int, samples: Sequence[int]
    ) -> Array:
        """Pixels (height, width, samples) of a level; `samples` from 0. Maybe a view of what the
        cache holds: not to be written to."""
        about = self.header.levels[level]
        if not about.planes:
            whole = self._assembled(about, level, False, 0, column, row, width, height)
            return _of_samples(whole, list(samples))
        return np.concatenate(
            [self._assembled(about, level, False, s, column, row, width, height) for s in samples],
            axis=2,
        )

    def mask(self, level: int, column: int, row: int, width: int, height: int) -> Array:
        """The mask (height, width) of a level, True for valid."""
        about = self.header.masks[level]
        return self._assembled(about, level, True, 0, column, row, width, height)[..., 0] != 0

    def _assembled(
        self, about: Level, level: int, is_mask: bool, plane: int,
        column: int, row: int, width: int, height: int,
    ) -> Array:  # fmt: skip
        side = about.block
        first_x, last_x = column // side, (column + width - 1) // side
        first_y, last_y = row // side, (row + height - 1) // side
        result: Array | None = None
        for y in range(first_y, last_y + 1):
            for x in range(first_x, last_x + 1):
                number = (plane * about.down + y) * about.across + x
                block = self._block(about, level, is_mask, number)
                left, top = max(x * side, column), max(y * side, row)
                right, bottom = (
                    min((x + 1) * side, column + width),
                    min((y + 1) * side, row + height),
                )
                part = block[top - y * side : bottom - y * side, left - x * side : right - x * side]
                if result is None:
                    if (first_x, first_y) == (last_x, last_y):
                        return part
                    result = np.empty((height, width, block.shape[2]), block.dtype)
                result[top - row : bottom - row, left - column : right - column] = part
        assert result is not None, "a window has a block"
        return result

    def _block(self, about: Level, level: int, is_mask: bool, number: int) -> Array:
        key = (self.path, is_mask, level, number)
        block = CACHE.get(key)
        if block is None:
            size = int(about.sizes[number])
            raw = os.pread(self._descriptor, size, int(about.offsets[number]))
            if len(raw) != size:
                raise OSError(f"block {number} ends too early")
            block = _decoded(about, raw)
            CACHE.put(key, block)
        return block


def _of_samples(whole: Array, samples: list[int]) -> Array:
    """Those samples, as a view where they lie evenly."""
    steps = {after - before for before, after in pairwise(samples)} or {1}
    if len(steps) > 1 or steps == {0}:
        return np.take(whole, samples, axis=2)
    step = steps.pop()
    end = samples[-1] + (1 if step > 0 else -1)
    return whole[..., samples[0] : None if end < 0 else end : step]


def _decoded(about: Level, raw: bytes) -> Array:
    """A block (block, block, samples)."""
    side, samples = about.block, 1 if about.planes else about.samples
    if about.bits == 1:
        packed = _unpacked(about, raw, side * side // 8)
        return np.unpackbits(packed).reshape(side, side, 1)
    size = side * side * samples * about.dtype.itemsize
    block: Array = _unpacked(about, raw, size).view(about.dtype).reshape(side, side, samples)
    if about.predictor == 2:
        return np.asarray(imagecodecs.delta_decode(block, axis=-2, out=block))
    if about.predictor == 3:
        return np.asarray(imagecodecs.floatpred_decode(block, axis=-2))
    return block


def _unpacked(about: Level, raw: bytes, size: int) -> Array:
    """The block's bytes. Into an array of ours: kernels are compiled for arrays that may be
    written, and those made of `bytes` may not."""
    if about.compression == NONE:
        return np.frombuffer(bytearray(raw), np.uint8)
    out = np.empty(size, np.uint8)
    # imagecodecs fills any buffer; its stubs name only bytearray.
    _DECODERS[about.compression](raw, out=out)  # type: ignore[arg-type]
    return out


_DECODERS = {
    DEFLATE: imagecodecs.zlib_decode,
    OLD_DEFLATE: imagecodecs.zlib_decode,
    LZW: imagecodecs.lzw_decode,
    ZSTD: imagecodecs.zstd_decode,
}


_open: OrderedDict[str, CogFile | None] = OrderedDict()
_lock = threading.Lock()


def open_cog(path: str) -> CogFile | None:
    """The COG at a local path; None where only GDAL reads it. Raises OSError."""
    with _lock:
        if path in _open:
            _open.move_to_end(path)
            return _open[path]
    descriptor = os.open(path, os.O_RDONLY)
    header = read_header(descriptor)
    if header is None:
        os.close(descriptor)
    file = CogFile(path, descriptor, header) if header else None
    with _lock:
        _open[path] = file
        while len(_open) > MAX_OPEN:
            _open.popitem(last=False)
    return file
