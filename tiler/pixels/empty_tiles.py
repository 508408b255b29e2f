"""The tile that shows nothing: one for each format, whatever the product."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from repository.rendering_style import RenderingStyle
from tiler.pixels.reading import Pixels
from tiler.pixels.rendering import render
from tiler.pixels.tile_matrix_sets import TILE_SIZE

_STYLE = RenderingStyle(kind="rgb", bands=(1, 2, 3))


@lru_cache(maxsize=8)
def empty_tile(extension: str) -> bytes:
    """The file of a tile without a single valid pixel, in a format that has transparency."""
    nothing = np.zeros((TILE_SIZE, TILE_SIZE), bool)
    pixels = Pixels(np.zeros((3, *nothing.shape), np.uint8), nothing, valid_count=0)
    return render(pixels, _STYLE, extension)
