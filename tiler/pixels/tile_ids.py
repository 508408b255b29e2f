"""Numbers of tiles along a Hilbert curve, level after level, as PMTiles counts them (v3, 3.1)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]


def first_id(z: int) -> int:
    """The number of the first tile of a level: all of the levels above come before it."""
    return int((4**z - 1) // 3)


def tile_ids(z: int, x: NDArray[Any], y: NDArray[Any]) -> Numbers:
    """The numbers of tiles of level z in columns `x` and rows `y`."""
    x, y = x.astype(np.int64), y.astype(np.int64)
    found = np.full(x.shape, first_id(z), np.int64)
    for level in range(z - 1, -1, -1):
        side = 1 << level
        right, low = (x >> level) & 1, (y >> level) & 1
        found += side * side * ((3 * right) ^ low)
        x, y = _turned(x & (side - 1), y & (side - 1), right, low, side)
    return found


def tiles_of(z: int, ids: NDArray[Any]) -> tuple[Numbers, Numbers]:
    """Columns and rows of tiles of level z: the inverse of `tile_ids`."""
    left = ids.astype(np.int64) - first_id(z)
    x, y = np.zeros_like(left), np.zeros_like(left)
    for level in range(z):
        side = 1 << level
        right = (left >> 1) & 1
        low = (left ^ right) & 1
        x, y = _turned(x, y, right, low, side)
        x, y = x + side * right, y + side * low
        left >>= 2
    return x, y


def _turned(
    x: Numbers, y: Numbers, right: Numbers, low: Numbers, side: int
) -> tuple[Numbers, Numbers]:
    """Positions within a quadrant as the curve runs through it: mirrored, transposed, or as is."""
    mirrored = (low == 0) & (right == 1)
    x, y = np.where(mirrored, side - 1 - x, x), np.where(mirrored, side - 1 - y, y)
    return np.where(low == 0, y, x), np.where(low == 0, x, y)
