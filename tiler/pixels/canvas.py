"""A picture that fills up: each layer shows only where those before it let light through."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from repository.raster_info import Bounds
from tiler.pixels.colours import Colours, Indexed
from tiler.pixels.tile_matrix_sets import WEB_MERCATOR_QUAD

Array = NDArray[Any]
Bytes = NDArray[np.uint8]

Rectangle = tuple[int, int, int, int]
"""First row, first column, and the row and column behind the last."""

_OPAQUE = np.empty((0, 0), np.uint8)


class Canvas:
    """A square of Web Mercator's pixels at a zoom level, transparent at first.

    `left` and `top` count pixels of 256-pixel tiles of that level from the world's corner.
    """

    def __init__(self, zoom: int, left: int, top: int, size: int) -> None:
        self.zoom, self.left, self.top, self.size = zoom, left, top, size
        self.rgb: Bytes = np.zeros((size, size, 3), np.uint8)
        self.alpha: Bytes = np.zeros((size, size), np.uint8)

    def colours(self) -> Colours:
        """What was drawn, as a picture."""
        return Colours(self.rgb, None if self.alpha.min() == 255 else self.alpha)

    def bounds(self, rectangle: Rectangle) -> Bounds:
        """Metres of EPSG:3857 of a part."""
        first_row, first_column, end_row, end_column = rectangle
        side = WEB_MERCATOR_QUAD.pixel_size(self.zoom)
        west, _, _, north = WEB_MERCATOR_QUAD.bounds(0, 0, 0)
        return (
            west + (self.left + first_column) * side, north - (self.top + end_row) * side,
            west + (self.left + end_column) * side, north - (self.top + first_row) * side,
        )  # fmt: skip

    def cut(self, left: int, top: int, width: int, height: int) -> Rectangle | None:
        """The canvas's part of a rectangle of the level's pixels; None where it has none."""
        row, column = top - self.top, left - self.left
        found = (
            max(0, row), max(0, column), min(self.size, row + height),
            min(self.size, column + width),
        )  # fmt: skip
        return found if found[0] < found[2] and found[1] < found[3] else None

    def open_part(self, rectangle: Rectangle) -> Rectangle | None:
        """The least rectangle that holds whatever is not opaque of a part; None: all is."""
        found = _open_part(self.alpha, *rectangle)
        return found if found[0] < found[2] else None

    def lay_under(self, picture: Indexed | Colours, row: int = 0, column: int = 0) -> None:
        """Draw what shows of a picture, whose corner lies at row and column of the canvas."""
        if isinstance(picture, Indexed):
            _lay_indexed(self.rgb, self.alpha, picture.index, picture.palette, row, column)
            return
        self.lay(picture.rgb, _OPAQUE if picture.alpha is None else picture.alpha, row, column)

    def lay(self, rgb: Bytes, alpha: Bytes, row: int, column: int) -> None:
        """As `lay_under`; a picture may reach beyond the canvas. Empty alpha: all is opaque."""
        _lay_under(self.rgb, self.alpha, rgb, alpha, row, column)


@njit(nogil=True, cache=True)
def _open_part(
    alpha: Array, first_row: int, first_column: int, end_row: int, end_column: int
) -> Rectangle:
    top, left, bottom, right = end_row, end_column, first_row, first_column
    for i in range(first_row, end_row):
        for j in range(first_column, end_column):
            if alpha[i, j] != 255:
                top, bottom = min(top, i), i + 1
                left, right = min(left, j), max(right, j + 1)
    return top, left, bottom, right


@njit(nogil=True, cache=True)
def _lay_under(
    below: Array, below_alpha: Array, rgb: Array, alpha: Array, row: int, column: int
) -> None:
    """Porter and Duff's destination over, on colours that are not multiplied by alpha."""
    height, width, _ = rgb.shape
    for i in range(max(0, -row), min(height, below.shape[0] - row)):
        for j in range(max(0, -column), min(width, below.shape[1] - column)):
            own = np.int64(below_alpha[row + i, column + j])
            new = np.int64(alpha[i, j]) if alpha.size else np.int64(255)
            if own == 255 or new == 0:
                continue
            if own == 0:
                below_alpha[row + i, column + j] = new
                for k in range(3):
                    below[row + i, column + j, k] = rgb[i, j, k]
                continue
            share = (new * (255 - own) + 127) // 255
            total = own + share
            below_alpha[row + i, column + j] = total
            for k in range(3):
                mixed = np.int64(below[row + i, column + j, k]) * own + rgb[i, j, k] * share
                below[row + i, column + j, k] = (mixed + total // 2) // total


@njit(nogil=True, cache=True)
def _lay_indexed(
    below: Array, below_alpha: Array, index: Array, palette: Array, row: int, column: int
) -> None:
    """As `_lay_under`, of colours by number."""
    height, width = index.shape
    for i in range(max(0, -row), min(height, below.shape[0] - row)):
        for j in range(max(0, -column), min(width, below.shape[1] - column)):
            own = np.int64(below_alpha[row + i, column + j])
            number = index[i, j]
            new = np.int64(palette[number, 3])
            if own == 255 or new == 0:
                continue
            share = (new * (255 - own) + 127) // 255
            total = own + share
            below_alpha[row + i, column + j] = total
            for k in range(3):
                mixed = np.int64(below[row + i, column + j, k]) * own + palette[number, k] * share
                below[row + i, column + j, k] = (mixed + total // 2) // total
