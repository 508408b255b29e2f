"""Pictures before any file format: what drawing makes and encoders take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Indexed:
    """A picture of at most 256 colours."""

    index: Bytes
    """(height, width); 0 is transparent."""
    palette: Bytes
    """(colours, 4): red, green, blue, alpha."""
    is_ordered: bool = False
    """Whether the colours follow each other as values do: then differences between neighbours
    are small."""


@dataclass(frozen=True)
class Colours:
    """A picture in full colour."""

    rgb: Bytes
    """(height, width, 3)"""
    alpha: Bytes | None
    """(height, width); None: opaque everywhere."""


@dataclass(frozen=True)
class ScanLines:
    """A picture in full colour as PNG compresses it: rows of differences to the left."""

    lines: Bytes
    """Flat: each row the filter's type and its differences; 8 bytes more at the end."""
    width: int
    height: int
    channels: int
    """3, or 4 with alpha."""

    @property
    def size(self) -> int:
        """Bytes of all rows."""
        return self.height * (1 + self.width * self.channels)


Picture = Indexed | Colours | ScanLines
"""What an encoder takes; ScanLines are for PNG alone."""


def as_colours(picture: Indexed | Colours) -> Colours:
    """The same picture in full colour."""
    if isinstance(picture, Colours):
        return picture
    height, width = picture.index.shape
    rgb, alpha = np.empty((height, width, 3), np.uint8), np.empty((height, width), np.uint8)
    is_opaque = look_up(picture.index, picture.palette, rgb, alpha)
    return Colours(rgb, None if is_opaque else alpha)


@njit(nogil=True, cache=True)
def look_up(index: NDArray[Any], palette: Bytes, rgb: Bytes, alpha: Bytes) -> bool:
    """Fill `rgb` (h, w, 3) and `alpha` (h, w) from a palette; whether all of it is opaque."""
    least = np.uint8(255)
    for i in range(index.shape[0]):
        for j in range(index.shape[1]):
            number = np.uint64(index[i, j])
            for k in range(3):
                rgb[i, j, k] = palette[number, k]
            alpha[i, j] = palette[number, 3]
            least = min(least, palette[number, 3])
    return least == 255


def on_white(rgb: Bytes, alpha: Bytes) -> Bytes:
    """Colours (h, w, 3) as they look on white paper through their `alpha` (h, w)."""
    mixed = np.empty(rgb.shape, np.uint8)
    _mix_with_white(rgb, alpha, mixed)
    return mixed


@njit(nogil=True, cache=True)
def _mix_with_white(rgb: Bytes, alpha: Bytes, mixed: Bytes) -> None:
    for i in range(rgb.shape[0]):
        for j in range(rgb.shape[1]):
            share = np.int64(alpha[i, j])
            for k in range(3):
                value = rgb[i, j, k] * share + 255 * (255 - share) + 127
                mixed[i, j, k] = np.uint8(np.uint64(value) // np.uint64(255))
