"""Colours of a style's own: stops that are blended, and intervals.

A scale of stops becomes a palette that follows the way through the colours, a step of one
level in the channel that changes most. So a value needs one position on that way, pictures
stay palettes of 256 colours where they can, and no channel is off by more than two levels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from repository.rendering_style import ColorStop, RenderingStyle

Array = NDArray[Any]

COLOURS = 255
"""Of a picture with a palette, beside the transparent one."""
WORTH_A_PALETTE = 4 * COLOURS
"""Steps on the way: up to here 255 colours are off by two levels at most, which nobody sees, and
the picture has a third of the bytes."""
TRANSPARENT = (0, 0, 0, 0)


@dataclass(frozen=True, eq=False)
class ColourMap:
    """Where values lie in a palette."""

    palette: NDArray[np.uint8]
    """(colours + 1, 4): transparent, then the colours."""
    ends: Array
    """Rising values: the stops, or the upper ends of intervals."""
    places: Array
    """Of stops the place in the palette at each, from 1; empty for intervals."""
    is_clamped: bool

    def index(self, values: Array) -> Array:
        """Each value's row in the palette; 0 for NaN and for what lies outside and is not shown."""
        if values.dtype.kind in "iu" and values.dtype.itemsize <= 2:
            bits = f"u{values.dtype.itemsize}"
            return _table(self, values.dtype.str).take(values.view(bits))
        return self._looked_up(values)

    def _looked_up(self, values: Array) -> Array:
        kind = np.uint8 if len(self.palette) <= COLOURS + 1 else np.uint32
        if self.places.size:
            exact = np.interp(values, self.ends, self.places)
            found = (np.nan_to_num(exact) + 0.5).astype(kind)
        else:
            found = np.searchsorted(self.ends, values).astype(np.uint32) + 1
            found = np.minimum(found, len(self.ends)).astype(kind)
        hidden = np.isnan(values)
        if not self.is_clamped:
            hidden = hidden | (values > self.ends[-1])
            if self.places.size:
                hidden |= values < self.ends[0]
        found[hidden] = 0
        return found


@lru_cache(maxsize=128)
def colour_map(style: RenderingStyle) -> ColourMap:
    """The map of a style of the kinds "stops" and "intervals"."""
    ends = np.array([stop.value for stop in style.stops], np.float64)
    is_clamped = style.outside == "clamp"
    if style.kind == "intervals":
        colours = np.array([TRANSPARENT, *(stop.color for stop in style.stops)], np.uint8)
        return ColourMap(colours, ends, np.empty(0), is_clamped)
    places, palette = _way(style.stops)
    return ColourMap(palette, ends, places, is_clamped)


@lru_cache(maxsize=64)
def _table(colours: ColourMap, dtype: str) -> Array:
    """The row of every value that 8 or 16 bits can hold, by its bit pattern."""
    kind = np.dtype(dtype)
    bits = np.arange(2 ** (8 * kind.itemsize), dtype=f"u{kind.itemsize}")
    return colours._looked_up(bits.view(kind).astype(np.float64))


def _way(stops: tuple[ColorStop, ...]) -> tuple[Array, NDArray[np.uint8]]:
    """The stops' places in the palette, and the palette."""
    colours = np.array([stop.color for stop in stops], np.float64)
    lengths = np.abs(np.diff(colours, axis=0)).max(axis=1)
    way = np.concatenate([[0.0], np.cumsum(lengths)])
    steps = int(way[-1])
    if steps <= WORTH_A_PALETTE:
        steps = min(steps, COLOURS - 1)
    if steps == 0:  # one colour all along
        return np.ones(len(stops)), np.array([TRANSPARENT, stops[0].color], np.uint8)
    along = np.linspace(0, way[-1], steps + 1)
    channels = [np.interp(along, way, colours[:, i]) for i in range(4)]
    palette = np.vstack([[TRANSPARENT], np.rint(np.stack(channels, axis=1))]).astype(np.uint8)
    return way / way[-1] * steps + 1, palette
