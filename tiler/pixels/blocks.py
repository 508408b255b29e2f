"""Blocks of COGs: read in as few requests as can be, decoded, and kept in bounded memory.

A map asks for neighbouring tiles, which share blocks; decoding a block costs more than
drawing from it. Objects never change, so a block that was decoded stays right.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiler.pixels.asset_ref import AssetRef
from tiler.pixels.block_decoding import Part, Raw, copy_part, decode_part, decoded, shape_of
from tiler.pixels.block_index import unpack
from tiler.pixels.byte_sources import ByteSource
from tiler.pixels.cog_header import CogHeader, Level, read_header
from tiler.pixels.stored_bytes import stored_bytes

CACHE_BYTES = 160 * 2**20
"""Decoded blocks kept by one process, unless the wiring sets `CACHE.limit_bytes`; 0 for none."""
MAX_OPEN = 256
MAX_OPEN_BYTES = 32 * 2**20
"""Of the open COGs' tables."""

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
            if key in self._blocks or block.nbytes > self.limit_bytes:
                return
            self._blocks[key] = block
            self.bytes += block.nbytes
            while self.bytes > self.limit_bytes:
                self.bytes -= self._blocks.popitem(last=False)[1].nbytes


CACHE = BlockCache(CACHE_BYTES)


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels of a level."""

    column: int
    row: int
    width: int
    height: int

    def blocks(self, side: int) -> Iterator[tuple[int, int]]:
        """Column and row of each block of `side` pixels that it touches."""
        for y in range(self.row // side, (self.row + self.height - 1) // side + 1):
            for x in range(self.column // side, (self.column + self.width - 1) // side + 1):
                yield x, y


@dataclass(frozen=True)
class _Layer:
    """What is read in one piece: a level, or its mask; one plane of it, or all samples."""

    path: str
    about: Level
    level: int
    is_mask: bool
    plane: int = 0

    def key(self, x: int, y: int) -> BlockKey:
        """Of the block in that column and row."""
        number = (self.plane * self.about.down + y) * self.about.across + x
        return self.path, self.is_mask, self.level, number


class CogFile:
    """An open COG."""

    def __init__(self, path: str, source: ByteSource, header: CogHeader) -> None:
        self.path, self._source, self.header = path, source, header

    def read(
        self, level: int, box: Box, samples: Sequence[int], *, with_mask: bool = False
    ) -> tuple[Array, Array | None]:
        """Pixels (height, width, samples) of a level, `samples` from 0; and on demand the mask
        (height, width), True for valid. All blocks that are missing are read at once. Maybe a view
        of what the cache holds: not to be written to."""
        about = self.header.levels[level]
        planes = samples if about.planes else (0,)
        layers = [_Layer(self.path, about, level, False, plane) for plane in planes]
        if with_mask:
            layers.append(_Layer(self.path, self.header.masks[level], level, True))
        blocks = self._blocks(layers, box)
        parts = [_assembled(layer, blocks, box) for layer in layers]
        mask = parts.pop()[..., 0] != 0 if with_mask else None
        if about.planes:
            return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2), mask
        return _of_samples(parts[0], list(samples)), mask

    def window(
        self, level: int, column: int, row: int, width: int, height: int, samples: Sequence[int]
    ) -> Array:
        """Pixels (height, width, samples) of a level; `samples` from 0."""
        return self.read(level, Box(column, row, width, height), samples)[0]

    def mask(self, level: int, column: int, row: int, width: int, height: int) -> Array:
        """The mask (height, width) of a level, True for valid."""
        layer, box = (
            _Layer(self.path, self.header.masks[level], level, True),
            Box(column, row, width, height),
        )
        return _assembled(layer, self._blocks([layer], box), box)[..., 0] != 0

    def _blocks(self, layers: Sequence[_Layer], box: Box) -> dict[BlockKey, Array | Raw]:
        """Every block that the box touches in the layers: decoded, or where none are kept as it
        is stored."""
        found: dict[BlockKey, Array | Raw] = {}
        missing: list[tuple[Level, BlockKey]] = []
        for layer in layers:
            for x, y in box.blocks(layer.about.block):
                key = layer.key(x, y)
                block = CACHE.get(key)
                if block is None:
                    missing.append((layer.about, key))
                else:
                    found[key] = block
        if missing:
            raw = self._source.read([_range(about, key[-1]) for about, key in missing])
            for (about, key), data in zip(missing, raw, strict=True):
                if CACHE.limit_bytes:
                    block = decoded(about, data)
                    CACHE.put(key, block)
                    found[key] = block
                else:
                    found[key] = data
        return found


def _range(about: Level, number: int) -> tuple[int, int]:
    return int(about.offsets[number]), int(about.sizes[number])


def _of_samples(whole: Array, samples: list[int]) -> Array:
    """Those samples, as a view where they lie evenly."""
    steps = {after - before for before, after in pairwise(samples)} or {1}
    if len(steps) > 1 or steps == {0}:
        return np.take(whole, samples, axis=2)
    step = steps.pop()
    end = samples[-1] + (1 if step > 0 else -1)
    return whole[..., samples[0] : None if end < 0 else end : step]


def _assembled(layer: _Layer, blocks: dict[BlockKey, Array | Raw], box: Box) -> Array:
    """The box out of its blocks: (height, width, samples)."""
    about, side = layer.about, layer.about.block
    result: Array | None = None
    for x, y in box.blocks(side):
        block, part = blocks[layer.key(x, y)], _part(box, x * side, y * side, side)
        if not isinstance(block, np.ndarray):
            if result is None:
                result = np.empty(shape_of(about, box.height, box.width), about.dtype)
            decode_part(about, block, part, result)
            continue
        if (part.height, part.width) == (box.height, box.width):
            rows = block[part.row : part.row + part.height]
            return rows[:, part.column : part.column + part.width]
        if result is None:
            result = np.empty(shape_of(about, box.height, box.width), about.dtype)
        copy_part(block, part, result)
    assert result is not None, "a box has a block"
    return result


def _part(box: Box, left: int, top: int, side: int) -> Part:
    """What the box has of the block of `side` pixels that begins at (left, top)."""
    column, row = max(left, box.column), max(top, box.row)
    right = min(left + side, box.column + box.width)
    bottom = min(top + side, box.row + box.height)
    return Part(row - top, column - left, bottom - row, right - column,
                row - box.row, column - box.column)  # fmt: skip


class _OpenCogs:
    """Open COGs by path, bounded in number and in the bytes of their tables."""

    def __init__(self) -> None:
        self._files: OrderedDict[str, CogFile | None] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, path: str) -> tuple[bool, CogFile | None]:
        """Whether it is known, and the COG: None where only GDAL reads it."""
        with self._lock:
            if path not in self._files:
                return False, None
            self._files.move_to_end(path)
            return True, self._files[path]

    def keep(self, path: str, file: CogFile | None) -> None:
        """Keep it, and forget the longest unused ones."""
        with self._lock:
            if path in self._files:
                return
            self._files[path] = file
            self._bytes += _table_bytes(file)
            while len(self._files) > MAX_OPEN or self._bytes > MAX_OPEN_BYTES:
                self._bytes -= _table_bytes(self._files.popitem(last=False)[1])


_open = _OpenCogs()


def _table_bytes(file: CogFile | None) -> int:
    levels = file.header.levels + file.header.masks if file else ()
    return sum(level.offsets.nbytes + level.sizes.nbytes for level in levels)


def open_cog(ref: AssetRef) -> CogFile | None:
    """The product's COG, in a folder or in the S3 store; None where only GDAL reads it.

    With the catalogue's index of its blocks no header is read. Raises OSError.
    """
    path = ref.gdal_path
    is_known, file = _open.get(path)
    if is_known:
        return file
    source = stored_bytes(path, ref.gdal_environment)
    header = source and (unpack(ref.block_index) or read_header(source))
    file = CogFile(path, source, header) if source and header else None
    _open.keep(path, file)
    return file
