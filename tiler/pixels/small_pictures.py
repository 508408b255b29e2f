"""Products that are small on a map of a country or the world: drawn once, halved, and kept."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from repository.raster_info import Bounds
from tiler.pixels.asset_ref import AssetRef
from tiler.pixels.bounded_cache import BoundedCache
from tiler.pixels.colours import as_colours
from tiler.pixels.halving import halve
from tiler.pixels.pictures import draw_picture
from tiler.pixels.tile_matrix_sets import HALF_WORLD, MAX_LATITUDE, TILE_SIZE, WEB_MERCATOR_QUAD

CACHE_BYTES = 24 * 2**20
"""Pictures kept by one process."""
MARGIN = 1
"""Levels above the one at which a product fills a tile, from which on it is drawn."""

Bytes = NDArray[np.uint8]
Box = tuple[int, int, int, int]
"""left, top, width, height in pixels of a level of Web Mercator."""


@dataclass(frozen=True)
class SmallPicture:
    """A product, or its part on one side of the antimeridian, on the grid of a level."""

    left: int
    top: int
    rgb: Bytes
    """(height, width, 3)"""
    alpha: Bytes
    """(height, width): the share of the pixel that the product covers, 255 for all."""


def pixel_boxes(bounds_wgs84: Bounds, zoom: int) -> list[Box]:
    """The pixels of a level that the bounds touch; two boxes across the antimeridian."""
    west, south, east, north = bounds_wgs84
    spans = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
    pixels = TILE_SIZE * 2**zoom
    top, bottom = (_row(latitude) * pixels for latitude in (north, south))
    first_row, end_row = math.floor(top + 1e-6), max(math.ceil(bottom - 1e-6), 0)
    boxes = []
    for left, right in spans:
        first = math.floor((left + 180) / 360 * pixels + 1e-6)
        end = math.ceil((right + 180) / 360 * pixels - 1e-6)
        first, end = max(0, first), min(pixels, end)
        rows = max(0, first_row), min(pixels, end_row)
        if first < end and rows[0] < rows[1]:
            boxes.append((first, rows[0], end - first, rows[1] - rows[0]))
    return boxes


def is_small(ref: AssetRef, zoom: int) -> bool:
    """Whether the product fills less than half of a tile of that level, either way."""
    return zoom < ref.min_zoom


def small_pictures(ref: AssetRef, zoom: int) -> tuple[SmallPicture, ...]:
    """The product in its own style at a level at which it is small. Raises as `read_window`."""
    key = (ref.uuid, ref.version, ref.style.digest, zoom)
    found = _cache.get(key)
    if found is None:
        found = tuple(_drawn(ref, zoom))
        _cache.put(key, found)
    return found


def _drawn(ref: AssetRef, zoom: int) -> list[SmallPicture]:
    start = max(zoom, min(ref.min_zoom + MARGIN, ref.max_zoom))
    pictures = [_read(ref, start, box) for box in pixel_boxes(ref.bounds_wgs84, start)]
    by_mode = ref.style.kind == "classes"
    for _ in range(start - zoom):
        pictures = [_halved(picture, by_mode) for picture in pictures]
    return pictures


def _read(ref: AssetRef, zoom: int, box: Box) -> SmallPicture:
    left, top, width, height = box
    side = WEB_MERCATOR_QUAD.pixel_size(zoom)
    bounds = (
        left * side - HALF_WORLD, HALF_WORLD - (top + height) * side,
        (left + width) * side - HALF_WORLD, HALF_WORLD - top * side,
    )  # fmt: skip
    picture = draw_picture(ref, bounds, WEB_MERCATOR_QUAD.crs, width, height)
    if picture is None:
        nothing = np.zeros((height, width), np.uint8)
        return SmallPicture(left, top, np.zeros((height, width, 3), np.uint8), nothing)
    colours = as_colours(picture)
    alpha = np.full((height, width), 255, np.uint8) if colours.alpha is None else colours.alpha
    return SmallPicture(left, top, colours.rgb, alpha)


def _halved(picture: SmallPicture, by_mode: bool) -> SmallPicture:
    height, width = picture.alpha.shape
    left, top = picture.left // 2, picture.top // 2
    wide, tall = (picture.left + width + 1) // 2 - left, (picture.top + height + 1) // 2 - top
    rgb, alpha = np.zeros((tall, wide, 3), np.uint8), np.zeros((tall, wide), np.uint8)
    row, column = picture.top - 2 * top, picture.left - 2 * left
    halve(picture.rgb, picture.alpha, row, column, by_mode, rgb, alpha)
    return SmallPicture(left, top, rgb, alpha)


def _row(latitude: float) -> float:
    """Share of the way from the map's upper edge to its lower one."""
    clipped = math.radians(min(MAX_LATITUDE, max(-MAX_LATITUDE, latitude)))
    return (1 - math.asinh(math.tan(clipped)) / math.pi) / 2


def _size(pictures: tuple[SmallPicture, ...]) -> int:
    """With some for the objects around the pixels."""
    return 600 + sum(p.rgb.nbytes + p.alpha.nbytes for p in pictures)


_cache: BoundedCache[tuple[str, int, str, int], tuple[SmallPicture, ...]]
_cache = BoundedCache(CACHE_BYTES, _size)
"""By uuid, version, style digest and level."""
