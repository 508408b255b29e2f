"""Many products as one picture: in their order, each where none before it shows anything."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from repository.errors import BadRequest, Unavailable
from repository.rendering_style import RenderingStyle
from tiler.pixels.asset_ref import AssetRef
from tiler.pixels.canvas import Canvas
from tiler.pixels.pictures import draw_picture
from tiler.pixels.reading import Pixels, read_window
from tiler.pixels.rendering import MediaFormat, render
from tiler.pixels.small_pictures import is_small, pixel_boxes, small_pictures
from tiler.pixels.tile_matrix_sets import TILE_SIZE, WEB_MERCATOR_QUAD

log = logging.getLogger("rastrum.tiles")

MAX_ASSETS = 30
"""Products that one tile reads; a header says where more would have been needed."""
MAX_SMALL = 300
"""Products that one tile shows where they are small, so that each costs little."""
LEAST_ALPHA = 160
"""What a product covers in part is drawn at least so strongly: on a map of the world a product
that is smaller than a pixel would else be lost."""

_PLAIN = RenderingStyle(kind="rgb", bands=(1, 2, 3))
"""Colours as they are."""


@dataclass
class Drawn:
    """What a mosaic was made of."""

    assets: int = 0
    """Products that were read."""
    is_cut: bool = False
    """Whether more would have been needed than may be read."""
    has_small: bool = False
    failed: int = 0
    """Products that could not be read: the picture lacks them, and no cache may keep it."""
    unfit: int = 0
    """Products that cannot be drawn in the style that was asked for."""


def canvas_of_tile(z: int, x: int, y: int, size: int = TILE_SIZE) -> Canvas:
    """An empty canvas for a tile; of 512 pixels it has the pixels of the next level."""
    doubled = size // TILE_SIZE
    zoom = z + doubled - 1
    return Canvas(zoom, x * size, y * size, size)


def draw_mosaic(
    canvas: Canvas, refs: Iterable[AssetRef],
    *, max_assets: int = MAX_ASSETS, max_small: int = MAX_SMALL,
) -> Drawn:  # fmt: skip
    """Draw products under what the canvas shows, the first one uppermost, until it is full.

    Where nothing of a product can show it is not read. One that cannot be read is left out;
    raises Unavailable where that is all of them.
    """
    drawn, large, small = Drawn(), 0, 0
    failure: Unavailable | None = None
    for ref in refs:
        tiny = is_small(ref, canvas.zoom)
        may_read = small < max_small if tiny else large < max_assets
        parts = _open_parts(canvas, ref)
        if not parts:
            continue
        if not may_read:
            drawn.is_cut = True
            break
        drawn.assets += 1
        small, large = small + tiny, large + (not tiny)
        try:
            _draw_small(canvas, ref) if tiny else _draw_large(canvas, ref, parts)
        except Unavailable as error:
            drawn.failed += 1
            log.warning("a mosaic lacks %s: %s", ref.layer, error)
            failure = error
    if failure is not None and drawn.failed == drawn.assets:
        raise failure
    drawn.has_small = small > 0
    return drawn


def strengthen(canvas: Canvas) -> None:
    """Let show what covers a pixel in part."""
    faint = (canvas.alpha > 0) & (canvas.alpha < LEAST_ALPHA)
    canvas.alpha[faint] = LEAST_ALPHA


def encoded(canvas: Canvas, media: MediaFormat) -> bytes | None:
    """The file of a picture; None where nothing is drawn in a format without transparency."""
    if not media.has_transparency and not canvas.alpha.any():
        return None
    return encoded_part(canvas, media, canvas.size, canvas.size)


def encoded_part(canvas: Canvas, media: MediaFormat, width: int, height: int) -> bytes:
    """The file of the first columns and rows of a picture."""
    rgb, alpha = canvas.rgb[:height, :width], canvas.alpha[:height, :width]
    opacity = None if alpha.min() == 255 else np.ascontiguousarray(alpha)
    pixels = Pixels(np.ascontiguousarray(rgb).transpose(2, 0, 1), alpha > 0, opacity)
    return render(pixels, _PLAIN, media.extension)


def draw_values(
    refs: list[AssetRef], z: int, x: int, y: int, size: int, media: MediaFormat
) -> tuple[bytes | None, Drawn]:
    """The values themselves: those of the first product that has one. Raises BadRequest
    `members_differ` unless all have the same bands."""
    _require_alike(refs)
    canvas, bounds = canvas_of_tile(z, x, y, size), WEB_MERCATOR_QUAD.bounds(z, x, y)
    found: Pixels | None = None
    drawn = Drawn()
    for ref in refs:
        if not _open_parts(canvas, ref):
            continue
        if drawn.assets == MAX_ASSETS:
            drawn.is_cut = True
            break
        drawn.assets += 1
        pixels = read_window(ref, bounds, WEB_MERCATOR_QUAD.crs, size, size)
        found = pixels if found is None else _under(found, pixels)
        canvas.alpha[found.mask] = 255
    if found is None or found.is_empty:
        return None, drawn
    return render(found, refs[0].style, media.extension), drawn


def _open_parts(canvas: Canvas, ref: AssetRef) -> list[tuple[int, int, int, int]]:
    """The parts of the canvas in which the product may still show something."""
    boxes = pixel_boxes(ref.bounds_wgs84, canvas.zoom)
    inside = [part for box in boxes if (part := canvas.cut(*box)) is not None]
    return [part for cut in inside if (part := canvas.open_part(cut)) is not None]


def _draw_small(canvas: Canvas, ref: AssetRef) -> None:
    for picture in small_pictures(ref, canvas.zoom):
        row, column = picture.top - canvas.top, picture.left - canvas.left
        canvas.lay(picture.rgb, picture.alpha, row, column)


def _draw_large(canvas: Canvas, ref: AssetRef, parts: list[tuple[int, int, int, int]]) -> None:
    for part in parts:
        top, left, bottom, right = part
        bounds = canvas.bounds(part)
        picture = draw_picture(ref, bounds, WEB_MERCATOR_QUAD.crs, right - left, bottom - top)
        if picture is not None:
            canvas.lay_under(picture, top, left)


def _under(upper: Pixels, lower: Pixels) -> Pixels:
    data: NDArray[np.generic] = np.where(upper.mask, upper.data, lower.data)
    return Pixels(data, upper.mask | lower.mask, None, upper.bounds, upper.crs)


def _require_alike(refs: list[AssetRef]) -> None:
    """Values of different kinds make no raster."""
    kinds = {tuple((b.dtype, b.nodata if b.nodata == b.nodata else "nan", b.scale, b.offset)
                   for b in ref.bands) for ref in refs}  # fmt: skip
    if len(kinds) > 1:
        raise BadRequest(
            "The maps here have different bands, data types or nodata values, so their values make "
            "no one raster.",
            code="members_differ", hint="Ask for a picture (png, jpg, webp), or filter the maps.",
        )  # fmt: skip
