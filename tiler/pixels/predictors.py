"""Compiled loops that undo TIFF's predictors, for a part of a block or for all of it.

A tile needs a third of the pixels of its blocks; where blocks are not kept, only those are
summed up, and straight into the tile's window. For floating point this takes a fifth of what
imagecodecs needs. Both write bit patterns: what the bits mean is the caller's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[Any]


@njit(nogil=True, cache=True)
def sum_rows(
    packed: Array, row: int, column: int, height: int, width: int,
    result: Array, at_row: int, at_column: int,
) -> None:  # fmt: skip
    """Predictor 2 (TIFF 6.0, section 14): `packed` (side, side, samples) holds differences to the
    pixel before. Fill `height` by `width` pixels of `result` at (at_row, at_column)."""
    samples = packed.shape[2]
    for i in range(height):
        before = packed[row + i, :column]
        source = packed[row + i, column : column + width]
        target = result[at_row + i, at_column : at_column + width]
        # A running sum in a register: read back from memory it would take five times as long.
        for k in range(samples):
            total = np.uint64(0)
            for j in range(column):
                total += before[j, k]
            for j in range(width):
                total += source[j, k]
                target[j, k] = total


@njit(nogil=True, cache=True)
def join_floats(
    packed: Array, itemsize: int, row: int, column: int, height: int, width: int,
    result: Array, at_row: int, at_column: int,
) -> None:  # fmt: skip
    """Predictor 3 (TIFF Technical Note 3): each row of `packed` (side, bytes) holds the numbers'
    first bytes, then their second ones and so on, as differences to the byte `samples` before.
    `result` is (height, width, samples * itemsize) bytes, little-endian."""
    samples = result.shape[2] // itemsize
    length = packed.shape[1] // itemsize // samples
    for i in range(height):
        target = result[at_row + i, at_column : at_column + width]
        for k in range(samples):
            total = np.uint64(0)
            for b in range(itemsize):
                source = packed[row + i, b * length * samples + k : (b + 1) * length * samples]
                before = source[: column * samples : samples]
                wanted = source[column * samples : (column + width) * samples : samples]
                after = source[(column + width) * samples :: samples]
                place = target[:, k * itemsize + itemsize - 1 - b]
                for n in range(len(before)):
                    total += before[n]
                for n in range(len(wanted)):
                    total += wanted[n]
                    place[n] = total
                for n in range(len(after)):
                    total += after[n]


def compile_for(item_sizes: Sequence[int] = (1, 2, 4)) -> None:
    """Compile for pixels of these many bytes, so that no tile waits for it (seconds each)."""
    for size in item_sizes:
        block = np.zeros((1, 1, 1), f"u{size}")
        sum_rows(block, 0, 0, 1, 1, block.copy(), 0, 0)
    join_floats(np.zeros((1, 4), np.uint8), 4, 0, 0, 1, 1, np.zeros((1, 1, 4), np.uint8), 0, 0)
