"""A picture at half its size, on the grid of Web Mercator's next lower level."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[Any]


@njit(nogil=True, cache=True)
def halve(
    rgb: Array, alpha: Array, row: int, column: int, by_mode: bool, half: Array, half_alpha: Array
) -> None:
    """Fill `half` (h, w, 3) and `half_alpha` (h, w) from a picture that begins at `row`, `column`.

    A pixel covers two by two. Its colour is their average, weighed by alpha, and its alpha the
    share that is covered, rounded up so that nothing small is lost on the way to the whole
    world. By mode, for classes, whose colours do not mix: the most frequent colour, opaque.
    """
    height, width, _ = rgb.shape
    tall, wide = half_alpha.shape
    colours = np.zeros((4, 3), np.int64)
    weights = np.zeros(4, np.int64)
    for i in range(tall):
        for j in range(wide):
            count = 0
            for di in range(2):
                y = 2 * i + di - row
                if y < 0 or y >= height:
                    continue
                for dj in range(2):
                    x = 2 * j + dj - column
                    if x < 0 or x >= width or alpha[y, x] == 0:
                        continue
                    weights[count] = alpha[y, x]
                    for k in range(3):
                        colours[count, k] = rgb[y, x, k]
                    count += 1
            if count == 0:
                continue
            if by_mode:
                best = _most_frequent(colours, count)
                half_alpha[i, j] = weights[best]
                for k in range(3):
                    half[i, j, k] = colours[best, k]
                continue
            total = 0
            for n in range(count):
                total += weights[n]
            half_alpha[i, j] = (total + 3) // 4
            for k in range(3):
                mixed = 0
                for n in range(count):
                    mixed += colours[n, k] * weights[n]
                half[i, j, k] = (mixed + total // 2) // total


@njit(nogil=True, cache=True)
def _most_frequent(colours: Array, count: int) -> int:
    """The first of the most frequent ones."""
    best, most = 0, 0
    for n in range(count):
        same = 0
        for m in range(count):
            if (
                colours[n, 0] == colours[m, 0]
                and colours[n, 1] == colours[m, 1]
                and colours[n, 2] == colours[m, 2]
            ):
                same += 1
        if same > most:
            best, most = n, same
    return best
