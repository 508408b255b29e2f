"""From a raster to the file of a picture: the one function that every address draws by.

Pictures of the usual kinds are drawn in one compiled pass from source pixels to picture pixels;
all others by reading values, painting them and encoding the result. Both ways agree to one
level of 255.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from repository.raster_info import Bounds
from repository.rendering_style import RenderingStyle
from tiler.pixels.asset_ref import AssetRef
from tiler.pixels.colours import Bytes, Colours, Indexed, Picture, ScanLines
from tiler.pixels.picture_kernels import draw_bytes, draw_codes, draw_ramp, draw_values
from tiler.pixels.placement import Placement, place
from tiler.pixels.reading import BLOCK, read_window, turns
from tiler.pixels.rendering import FORMATS, MediaFormat, bands_for, encode, render
from tiler.pixels.row_runs import Layout
from tiler.pixels.sampling import (
    NO_MASK,
    alpha_scale,
    flat_window,
    frame_of,
    method_of,
    nodata_of,
)
from tiler.pixels.source_window import Source, read_source, source_window
from tiler.pixels.styles import class_table, paint, ramp_palette

QUICK_TYPES = frozenset({"uint8", "int16", "uint16", "float32"})
"""Compiled for beforehand; others are rare and take the long way."""
_KNOWN = frozenset({
    "kind", "bands", "stretch", "ramp", "classes", "resampling", "title", "unit", "name",
})  # fmt: skip
"""Fields of a style that the quick way draws; one with others takes the long way."""


def draw(
    ref: AssetRef, bounds: Bounds, crs: str, width: int, height: int, media: MediaFormat,
    *, even_empty: bool = False,
) -> bytes | None:  # fmt: skip
    """The file of a rectangle, in the product's style; None where nothing is valid in it and the
    format has no transparency, unless it is wanted `even_empty`.

    Arguments and errors are those of `read_window`.
    """
    needs_data = not (media.has_transparency or even_empty)
    if media.is_picture and max(width, height) <= BLOCK and _is_quick(ref):
        drawn = _draw_quickly(ref, bounds, crs, width, height, media)
        if drawn is not None:
            picture, count = drawn
            return None if count == 0 and needs_data else encode(picture, media)
    pixels = read_window(
        ref, bounds, crs, width, height, bands=bands_for(ref.style, media),
        resampling=ref.style.resampling if media.is_picture else "nearest",
    )  # fmt: skip
    return None if pixels.is_empty and needs_data else render(pixels, ref.style, media.extension)


def draw_picture(
    ref: AssetRef, bounds: Bounds, crs: str, width: int, height: int
) -> Indexed | Colours | None:
    """A rectangle in the product's style, for others to draw on; None where nothing is valid in it.

    Arguments and errors are those of `read_window`.
    """
    if max(width, height) <= BLOCK and _is_quick(ref):
        drawn = _draw_quickly(ref, bounds, crs, width, height, FORMATS["webp"])
        if drawn is not None and not isinstance(drawn[0], ScanLines):
            return drawn[0] if drawn[1] else None
    pixels = read_window(
        ref, bounds, crs, width, height, bands=ref.style.bands, resampling=ref.style.resampling
    )
    return None if pixels.is_empty else paint(pixels, ref.style)


def _is_quick(ref: AssetRef) -> bool:
    style = ref.style
    count = len(style.bands)
    dtypes = {ref.band(index).dtype for index in style.bands if 0 < index <= len(ref.bands)}
    if len(dtypes) != 1 or not dtypes <= QUICK_TYPES or not _is_known(_Style(style)):
        return False
    if style.kind == "rgb":
        return count == 3 and style.resampling != "mode" and len(style.stretch) in (0, 3)
    if count != 1 or ref.alpha_band:
        return False
    if style.kind == "classes":
        is_code = np.dtype(dtypes.pop()).kind in "iu"
        return is_code and style.resampling == "nearest" and len(style.classes) < 256
    return style.kind == "ramp" and style.resampling != "mode"


@dataclass(frozen=True, eq=False)
class _Style:
    """A style that is told from others by its digest: its classes are many to compare."""

    style: RenderingStyle

    def __hash__(self) -> int:
        return hash(self.style.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Style) and self.style.digest == other.style.digest


@lru_cache(maxsize=1024)
def _is_known(named: _Style) -> bool:
    """Whether the style has nothing but what the quick way draws."""
    plain = RenderingStyle(kind=named.style.kind, bands=named.style.bands)
    others = (f.name for f in fields(plain) if f.name not in _KNOWN)
    return all(getattr(named.style, name) == getattr(plain, name) for name in others)


@dataclass(frozen=True)
class _Task:
    """A window of source pixels, and the picture to be drawn of it."""

    ref: AssetRef
    source: Source
    placement: Placement
    turn: float
    width: int
    height: int

    @property
    def where(self) -> tuple[Any, ...]:
        """Nodes, turn and frame, as the compiled loops take them."""
        placed = self.placement
        return placed.columns, placed.rows, self.turn, frame_of(self.ref, self.source)

    @property
    def method(self) -> int:
        """The number of the resampling method."""
        return method_of(self.ref.style.resampling, self.source, self.placement)

    @property
    def mask(self) -> NDArray[np.bool_]:
        """The window's mask, empty for none."""
        return NO_MASK if self.source.mask is None else self.source.mask

    @property
    def flat(self) -> tuple[NDArray[Any], Layout]:
        """The window's values and their layout."""
        return flat_window(self.source.data)


def _draw_quickly(
    ref: AssetRef, bounds: Bounds, crs: str, width: int, height: int, media: MediaFormat
) -> tuple[Picture, int] | None:
    """The picture and how many of its pixels are valid; None where it takes the long way."""
    style = ref.style
    placement = place(
        bounds, crs, width, height,
        source_crs=ref.crs_wkt, source_transform=ref.transform, source_size=(ref.width, ref.height),
    )  # fmt: skip
    found = turns(ref, placement)
    if len(found) != 1:
        return None
    turn = found[0] * placement.period
    columns = placement.columns + turn if turn else placement.columns
    window = source_window(ref, columns, placement.rows, placement.resolution, placement.reach)
    if window is None:
        return Indexed(np.zeros((height, width), np.uint8), np.zeros((1, 4), np.uint8)), 0
    source = read_source(ref, window, style.bands, average=style.resampling != "nearest")
    if source.data.dtype.name not in QUICK_TYPES:
        return None
    task = _Task(ref, source, placement, float(turn), width, height)
    if _is_void(task):
        return Indexed(np.zeros((height, width), np.uint8), np.zeros((1, 4), np.uint8)), 0
    if style.kind == "rgb":
        return _draw_rgb(task, as_lines=media.extension == "png")
    return _draw_ramp(task) if style.kind == "ramp" else _draw_classes(task)


def _is_void(task: _Task) -> bool:
    """Whether the window holds nodata alone, as members of a mosaic often do: found at once rather
    than pixel by pixel. A mosaic of ten products, z13: 14 ms for 34."""
    source, bands = task.source, task.ref.style.bands
    nodata, has_nodata = nodata_of(task.ref, bands, source.data.dtype)
    if source.mask is not None or source.alpha >= 0 or not has_nodata.all():
        return False
    values = source.data[..., : len(bands)]
    return bool((values[::7, ::7] == nodata).all() and (values == nodata).all())


def _draw_rgb(task: _Task, *, as_lines: bool) -> tuple[Picture, int]:
    """Three channels at first; with a fourth where a pixel is found that is not opaque."""
    width, height = task.width, task.height
    lead = 1 if as_lines else 0
    for channels in (3, 4):
        out = np.empty(height * (lead + width * channels) + 8, np.uint8)
        count = _fill_rgb(task, out, channels, lead)
        if channels == 4 or count == width * height:
            break
    if count == 0:
        return Indexed(np.zeros((height, width), np.uint8), np.zeros((1, 4), np.uint8)), 0
    if as_lines:
        out[-8:] = 0
        return ScanLines(out, width, height, channels), count
    samples = out[:-8].reshape(height, width, channels)
    if channels == 3:
        return Colours(samples, None), count
    return Colours(np.ascontiguousarray(samples[..., :3]), samples[..., 3]), count


def _fill_rgb(task: _Task, out: Bytes, channels: int, lead: int) -> int:
    ref, source, style = task.ref, task.source, task.ref.style
    dtype = source.data.dtype
    nodata, has_nodata = nodata_of(ref, style.bands, dtype)
    is_plain = dtype == np.uint8 and source.mask is None and source.alpha < 0
    if is_plain and not has_nodata.any():
        return draw_bytes(
            *task.flat, *task.where, task.method, *_byte_tables(style.stretch),
            out, task.height, task.width, channels, bool(lead),
        )  # fmt: skip
    low, scale = _stretches(style.stretch, 255)
    return draw_values(
        *task.flat, task.mask, nodata, has_nodata, source.alpha, 255 / alpha_scale(dtype),
        *task.where, task.method, dtype.kind != "f", low, scale,
        out, task.height, task.width, channels, bool(lead),
    )  # fmt: skip


def _draw_ramp(task: _Task) -> tuple[Picture, int]:
    style, source = task.ref.style, task.source
    nodata, has_nodata = nodata_of(task.ref, style.bands, source.data.dtype)
    low, scale = _stretches(style.stretch or ((0.0, 255.0),), 254)
    index = np.empty((task.height, task.width), np.uint8)
    count = draw_ramp(
        *task.flat, task.mask, nodata, has_nodata, *task.where, task.method,
        source.data.dtype.kind != "f", float(low[0]), float(scale[0]),
        index,
    )  # fmt: skip
    return Indexed(index, ramp_palette(style.ramp), is_ordered=True), count


def _draw_classes(task: _Task) -> tuple[Picture, int]:
    style, source = task.ref.style, task.source
    nodata, has_nodata = nodata_of(task.ref, style.bands, source.data.dtype)
    void = int(nodata[0]) if has_nodata[0] else None
    table, palette = _code_table(_Style(style), source.data.dtype.str, void)
    flat, layout = task.flat
    index = np.empty((task.height, task.width), np.uint8)
    count = draw_codes(
        flat.view(f"u{flat.itemsize}"), layout, task.mask, *task.where, table,
        index,
    )  # fmt: skip
    return Indexed(index, palette), count


@lru_cache(maxsize=256)
def _stretches(
    stretch: tuple[tuple[float, float], ...], levels: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Each band's low end, and levels a unit."""
    pairs = stretch or ((0.0, 255.0),) * 3
    spans = [high - low if high != low else 1.0 for low, high in pairs]
    return (
        np.array([low for low, _ in pairs], np.float32),
        np.array([levels / span for span in spans], np.float32),
    )


@lru_cache(maxsize=256)
def _byte_tables(stretch: tuple[tuple[float, float], ...]) -> tuple[Bytes, bool]:
    """(768,): what each value becomes, of three bands one after the other; whether all stay."""
    pairs = stretch or ((0.0, 255.0),) * 3
    values = np.arange(256.0)
    spans = [high - low if high != low else 1.0 for low, high in pairs]
    rows = [
        np.clip(np.floor((values - low) * (255 / span) + 0.5), 0, 255)
        for (low, _), span in zip(pairs, spans, strict=True)
    ]
    return np.concatenate(rows).astype(np.uint8), all((row == values).all() for row in rows)


@lru_cache(maxsize=256)
def _code_table(named: _Style, dtype: str, nodata: int | None) -> tuple[Bytes, Bytes]:
    """The number of the colour of each code, by its bits, and (colours, 4) the colours."""
    values, palette = class_table(named.style.classes)
    kind = np.dtype(dtype)
    table = np.zeros(2 ** (8 * kind.itemsize), np.uint8)
    limits = np.iinfo(kind)
    for number, value in enumerate(values.tolist(), 1):
        if limits.min <= value <= limits.max and value != nodata:
            table[value & (2 ** (8 * kind.itemsize) - 1)] = number
    return table, palette
