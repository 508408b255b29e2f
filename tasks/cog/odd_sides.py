"""Halving where a side is odd: the overview still covers exactly what its source covers.

Half of an odd side is rounded up, so a pixel of the overview is a little less than
two pixels wide: pixel i takes a share of its left neighbour 2i - 1, all of 2i, and
the rest of 2i + 1. Taking aligned pairs instead would move the picture by up to a
pixel a level, which shows when overviews and full resolution lie side by side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tasks.cog.reduction import narrowed, wide_type
from tasks.cog.validity import Mask, Pixels


@dataclass(frozen=True)
class Side:
    """One side of a strip: the level's length where that is odd, else 0, and the strip's start."""

    odd_length: int
    start: int = 0

    def shares(self, count: int) -> tuple[Pixels, Pixels]:
        """Weights of the pixels before and after, for `count` pixels of the overview."""
        position = self.start // 2 + np.arange(count + 1)
        if not self.odd_length:
            return np.zeros(count), np.ones(count)
        shift = 2 * position / (self.odd_length + 1)
        return shift[:-1], 1 - shift[1:]

    def pairs(self, length: int) -> Pixels:
        """Positions, from -1, of the two pixels nearest to each pixel of the overview."""
        count = -(-length // 2)
        before, _ = self.shares(count)
        first = 2 * np.arange(count) - (before > 0.5)
        return np.minimum(np.stack([first, first + 1], axis=1).ravel(), length - 1)


@dataclass(frozen=True)
class Sides:
    """Both sides of a strip; either may be even."""

    rows: Side
    columns: Side

    @property
    def any_odd(self) -> bool:
        """Whether plain cells of 2 x 2 would not do."""
        return bool(self.rows.odd_length or self.columns.odd_length)


def weighted_mean(
    band: Pixels, valid: Mask | None, fill: float, above: tuple[Pixels, Mask | None], sides: Sides
) -> Pixels:
    """The mean of valid pixels by covered area; (h, w) -> half. `above`: the row before, (1, w)."""
    wide = wide_type(band.dtype)
    row, row_valid = above
    if valid is None and row_valid is None:
        total = _both(band.astype(wide), row.astype(wide), sides)
        area = _both(np.ones((len(band), 1), wide), np.ones((1, 1), wide), sides, rows_only=True)
        across = _along(np.ones((band.shape[1], 1), wide), None, sides.columns)
        return narrowed(total / (area * across.T), band.dtype)
    seen, row_seen = _filled(valid, band), _filled(row_valid, row)
    total = _both(
        np.where(seen, band, 0).astype(wide), np.where(row_seen, row, 0).astype(wide), sides
    )
    area = _both(seen.astype(wide), row_seen.astype(wide), sides)
    empty = area == 0
    area[empty] = 1
    result = narrowed(total / area, band.dtype)
    result[empty] = fill
    return result


def covered(valid: Mask, above: Mask, sides: Sides) -> Mask:
    """A mask, halved: True where any valid pixel contributes."""
    area = _both(valid.astype(np.float32), above.astype(np.float32), sides)
    return np.asarray(area > 0)


def realigned(band: Pixels, above: Pixels, sides: Sides) -> Pixels:
    """The two nearest pixels a side for each pixel of the overview: ready for 2 x 2 cells."""
    height, width = band.shape
    rows, columns = sides.rows.pairs(height), np.maximum(sides.columns.pairs(width), 0)
    return np.concatenate([above, band])[rows + 1][:, columns]


def _filled(valid: Mask | None, like: Pixels) -> Mask:
    return np.ones(like.shape, dtype=np.bool_) if valid is None else valid


def _both(values: Pixels, above: Pixels, sides: Sides, *, rows_only: bool = False) -> Pixels:
    down = _along(values, above[0], sides.rows)
    return down if rows_only else _along(down.T, None, sides.columns).T


def _along(values: Pixels, before: Pixels | None, side: Side) -> Pixels:
    """Weighted sums along the first axis; `before` is what precedes the first row."""
    total: Pixels = values[::2].copy()
    later: Any = values[1::2]
    left, right = (share.astype(values.dtype)[:, None] for share in side.shares(len(total)))
    total[: len(later)] += later * right[: len(later)]
    if side.odd_length:
        total[1:] += later[: len(total) - 1] * left[1:]
        if before is not None:
            total[0] += before * left[0]
    return total
