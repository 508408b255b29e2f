"""A level that several columns fill and that is read again in rows: in memory, or on disk."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np
from rasterio.windows import Window

from tasks.cog.halving import Strip
from tasks.cog.levels import Level
from tasks.cog.traversal import Traversal
from tasks.cog.validity import Pixels

MEMORY_BYTES = 32 << 20


class Scratch:
    """Pixels (bands, height, width) of one level and its mask; a context manager."""

    def __init__(self, level: Level, bands: int, dtype: np.dtype[Any], folder: Path) -> None:
        """Room in `folder` is taken only where the pixels need more than MEMORY_BYTES."""
        self._shape = (bands, level.height, level.width)
        self._dtype, self._folder = dtype, folder
        self._stack = ExitStack()
        self._pixels = self._room(self._shape, dtype)
        self._mask: IO[bytes] | Pixels | None = None

    def __enter__(self) -> Scratch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def put(self, left: int, top: int, strip: Strip) -> None:
        """Keep a strip whose upper left pixel is at column `left`, row `top`."""
        _, height, width = strip.pixels.shape
        place = (..., slice(top, top + height), slice(left, left + width))
        _opened(self._pixels, self._shape, self._dtype)[place] = strip.pixels
        if strip.mask is not None:
            if self._mask is None:
                self._mask = self._room(self._shape[1:], np.dtype(np.bool_))
            _opened(self._mask, self._shape[1:], np.dtype(np.bool_))[place] = strip.mask

    def strips(self, traversal: Traversal, *, interleaved: bool) -> Iterator[tuple[Window, Strip]]:
        """What was kept, in the order of `traversal`."""
        for window in traversal.strips():
            rows = slice(window.row_off, window.row_off + window.height)
            columns = slice(window.col_off, window.col_off + window.width)
            kept = _opened(self._pixels, self._shape, self._dtype)[:, rows, columns]
            if interleaved:
                kept = kept.transpose(1, 2, 0).copy().transpose(2, 0, 1)
            else:
                kept = np.array(kept)
            mask = None
            if self._mask is not None:
                all_masks = _opened(self._mask, self._shape[1:], np.dtype(np.bool_))
                mask = np.array(all_masks[rows, columns])
            yield window, Strip(kept, mask)

    def _room(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> IO[bytes] | Pixels:
        size = int(np.prod(shape, dtype=object)) * dtype.itemsize
        if size <= MEMORY_BYTES:
            return np.empty(shape, dtype)
        file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 the stack closes it
        self._stack.enter_context(file)
        file.truncate(size)
        return file


def _opened(room: IO[bytes] | Pixels, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Pixels:
    """The array; of a file a new map each time, as pages of an old one count as our memory."""
    if isinstance(room, np.ndarray):
        return room
    return np.memmap(room, dtype=dtype, mode="r+", shape=shape)
