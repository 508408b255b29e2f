"""From values to colours: what a stored style makes of pixels, before any file format."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rio_tiler.colormap import cmap

from repository.errors import BadRequest
from repository.rendering_style import ClassColor, RenderingStyle
from tiler.pixels.colour_maps import colour_map
from tiler.pixels.colours import Bytes, Colours, Indexed, as_colours
from tiler.pixels.formulas import computed
from tiler.pixels.reading import Pixels

TRANSPARENT = (0, 0, 0, 0)


def paint(pixels: Pixels, style: RenderingStyle) -> Indexed | Colours:
    """The picture of `pixels`, whose bands are those of `style.bands` in that order."""
    if style.kind == "rgb":
        return _paint_rgb(pixels, style)
    if style.formula:
        pixels = computed(pixels, style.formula)
    values = _real(pixels.data[0])
    if style.kind == "classes":
        picture = _paint_classes(values, pixels.mask, style.classes)
    elif style.kind == "ramp":
        picture = _paint_ramp(values, pixels, style)
    else:
        scale = colour_map(style)
        index = scale.index(values)
        picture = _from_palette(index if pixels.is_full else index * pixels.mask, scale.palette)
    return _with_alpha(picture, pixels.alpha)


@lru_cache(maxsize=64)
def ramp_palette(name: str) -> Bytes:
    """(256, 4): transparent, then the ramp's 255 colours. Raises BadRequest `unknown_ramp`."""
    try:
        colours = cmap.get(name.lower())
    except Exception as error:  # rio-tiler's own class differs between its releases
        raise BadRequest(f"There is no colour ramp {name[:50]!r}.", code="unknown_ramp") from error
    table = np.array([colours[i] for i in range(256)], np.uint8)
    chosen = table[np.rint(np.linspace(0, 255, 255)).astype(int)]
    return np.vstack([np.array([TRANSPARENT], np.uint8), chosen])


def _paint_ramp(values: NDArray[Any], pixels: Pixels, style: RenderingStyle) -> Indexed | Colours:
    low, high = style.stretch[0] if style.stretch else (0.0, 255.0)
    index = _stretched(values, low, high, 1, 255)
    index = index if pixels.is_full else index * pixels.mask
    if style.outside == "transparent":
        index = index * ((values >= low) & (values <= high))
    return Indexed(index, ramp_palette(style.ramp), is_ordered=True)


def _from_palette(index: NDArray[Any], palette: Bytes) -> Indexed | Colours:
    """Rows of a palette as a picture, whatever their number; the first one is transparent."""
    if len(palette) <= 256:
        return Indexed(index.astype(np.uint8, copy=False), palette)
    rgba = palette[index]
    alpha = np.ascontiguousarray(rgba[..., 3])
    return Colours(np.ascontiguousarray(rgba[..., :3]), None if alpha.min() == 255 else alpha)


def _paint_rgb(pixels: Pixels, style: RenderingStyle) -> Colours:
    plain = (
        pixels.data.dtype == np.uint8
        and len(pixels.data) == 3
        and (not style.stretch or set(style.stretch) == {(0.0, 255.0)})
    )
    if plain and pixels.is_full and pixels.alpha is None:
        return Colours(np.ascontiguousarray(pixels.data.transpose(1, 2, 0)), None)
    height, width = pixels.mask.shape
    rgb = np.empty((height, width, 3), np.uint8)
    for channel in range(3):
        source = channel if len(pixels.data) > channel else 0
        low, high = style.stretch[source] if style.stretch else (0.0, 255.0)
        rgb[..., channel] = _stretched(_real(pixels.data[source]), low, high, 0, 255)
    if pixels.alpha is not None and _is_partly(pixels.alpha):
        return Colours(rgb, np.where(pixels.mask, pixels.alpha, 0).astype(np.uint8))
    if pixels.is_full:
        return Colours(rgb, None)
    rgb[~pixels.mask] = 0  # hidden colours cost bytes
    return Colours(rgb, pixels.mask.astype(np.uint8) * np.uint8(255))


def _with_alpha(picture: Indexed | Colours, alpha: Bytes | None) -> Indexed | Colours:
    """The picture, as transparent as the raster's own alpha band where that is partly so."""
    if alpha is None or not _is_partly(alpha):
        return picture
    colours = as_colours(picture)
    own = alpha if colours.alpha is None else np.minimum(colours.alpha, alpha)
    return Colours(colours.rgb, own)


def _stretched(values: NDArray[Any], low: float, high: float, first: int, last: int) -> Bytes:
    """`low` to `high` as `first` to `last`, rounded and clipped; NaN as `first`."""
    if values.dtype == np.uint8 and (low, high, first, last) == (0, 255, 0, 255):
        return values
    if values.dtype.itemsize <= 2 and values.dtype.kind in "iu":
        table = _stretch_table(values.dtype.str, float(low), float(high), first, last)
        return table.take(values.view(f"u{values.dtype.itemsize}"))
    kind = np.float32 if values.dtype == np.float32 else np.float64
    return _stretch(values.astype(kind), low, high, first, last)


@lru_cache(maxsize=256)
def _stretch_table(dtype: str, low: float, high: float, first: int, last: int) -> Bytes:
    """The stretch of every value that 8 or 16 bits can hold, by its bit pattern."""
    bits = np.arange(2 ** (8 * np.dtype(dtype).itemsize), dtype=f"u{np.dtype(dtype).itemsize}")
    return _stretch(bits.view(dtype).astype(np.float64), low, high, first, last)


def _stretch(values: NDArray[Any], low: float, high: float, first: int, last: int) -> Bytes:
    span = high - low if high != low else 1.0
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = (values - low) * ((last - first) / span) + (first + 0.5)
    # fmax and fmin take the number where the other is NaN.
    return np.fmin(np.fmax(scaled, first), last).astype(np.uint8)


def _paint_classes(
    values: NDArray[Any], mask: NDArray[np.bool_], classes: tuple[ClassColor, ...]
) -> Indexed | Colours:
    table, palette = class_table(classes)
    place = np.searchsorted(table, values)
    place = np.minimum(place, max(0, len(table) - 1))
    known = mask & (table[place] == values) if len(table) else np.zeros(mask.shape, bool)
    return _from_palette(np.where(known, place + 1, 0), palette)


@lru_cache(maxsize=128)
def class_table(classes: tuple[ClassColor, ...]) -> tuple[NDArray[np.int64], Bytes]:
    """Values in rising order, and (values + 1, 4) colours of which the first is transparent."""
    ordered = sorted({c.value: c for c in classes}.values(), key=lambda c: c.value)
    palette = np.array([TRANSPARENT, *(c.color for c in ordered)], np.uint8)
    return np.array([c.value for c in ordered], np.int64), palette


def _real(values: NDArray[Any]) -> NDArray[Any]:
    """Complex numbers (radar) as their magnitude; all others as they are."""
    return np.abs(values) if values.dtype.kind == "c" else values


def _is_partly(alpha: Bytes) -> bool:
    """Whether some pixels are neither clear nor opaque."""
    return bool(((alpha > 0) & (alpha < 255)).any())
