"""Directories of PMTiles (v3, chapter 4): which tile lies where, in compressed columns."""

from __future__ import annotations

import gzip
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.int64]


@dataclass(frozen=True)
class Directory:
    """Entries in rising order of their first tile; all columns have one length."""

    ids: Column
    """Number of the first tile (tiler.pixels.tile_ids)."""
    runs: Column
    """How many tiles from there on have these bytes; 0: the entry names a directory below."""
    lengths: Column
    """Bytes."""
    offsets: Column
    """From the start of the tiles, or of the directories below."""

    def __len__(self) -> int:
        return len(self.ids)

    def part(self, start: int, stop: int) -> Directory:
        """Some of the entries."""
        columns = (self.ids, self.runs, self.lengths, self.offsets)
        return Directory(*(column[start:stop] for column in columns))


def encode(directory: Directory) -> bytes:
    """The directory as gzip; equal ones give equal bytes."""
    ids = np.diff(directory.ids, prepend=0)
    follows = np.zeros(len(directory), bool)
    ends = directory.offsets[:-1] + directory.lengths[:-1]
    follows[1:] = directory.offsets[1:] == ends
    offsets = np.where(follows, 0, directory.offsets + 1)
    columns = np.concatenate([[len(directory)], ids, directory.runs, directory.lengths, offsets])
    return gzip.compress(_varints(columns), 6, mtime=0)


def decode(content: bytes) -> Directory:
    """The inverse of `encode`. Raises ValueError for anything else."""
    try:
        numbers = _numbers(gzip.decompress(content))
    except (OSError, EOFError) as error:
        raise ValueError("the directory cannot be decompressed") from error
    count = int(numbers[0]) if len(numbers) else 0
    if len(numbers) != 1 + 4 * count:
        raise ValueError(f"a directory of {count} entries has {len(numbers)} numbers")
    ids, runs, lengths, offsets = numbers[1:].reshape(4, count)
    return Directory(np.cumsum(ids), runs, lengths, _absolute(offsets, lengths))


def _absolute(offsets: Column, lengths: Column) -> Column:
    """Offsets where 0 stands for "right behind the entry before"."""
    before = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    starts = np.flatnonzero(offsets)
    if not len(offsets) or not len(starts) or starts[0] != 0:
        if len(offsets):
            raise ValueError("the first entry of a directory has no offset")
        return offsets
    last = starts[np.searchsorted(starts, np.arange(len(offsets)), side="right") - 1]
    return offsets[last] - 1 + before - before[last]


def _varints(numbers: Column) -> bytes:
    """Seven bits a byte, the lowest first, the eighth bit saying that more follow."""
    rest = numbers.astype(np.uint64)
    digits = np.zeros((10, len(rest)), np.uint8)
    used = np.zeros((10, len(rest)), bool)
    more = np.ones(len(rest), bool)
    for place in range(10):
        used[place] = more
        digits[place] = (rest & np.uint64(127)).astype(np.uint8)
        rest >>= np.uint64(7)
        more = more & (rest > 0)
        digits[place] |= more.astype(np.uint8) << 7
    return digits.T[used.T].tobytes()


def _numbers(content: bytes) -> Column:
    digits = np.frombuffer(content, np.uint8)
    ends = np.flatnonzero(digits < 128)
    starts = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
    sizes = ends - starts + 1
    if len(ends) == 0 or ends[-1] != len(digits) - 1 or sizes.max() > 9:
        raise ValueError("a directory ends in the middle of a number")
    numbers = np.zeros(len(ends), np.int64)
    for place in range(int(sizes.max())):
        has = sizes > place
        numbers[has] |= (digits[starts[has] + place] & 127).astype(np.int64) << (7 * place)
    return numbers
