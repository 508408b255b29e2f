"""Tiles of a collection's overview: how four become one, and how they are kept."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from imagecodecs import png_decode

from tiler.pixels.canvas import Canvas
from tiler.pixels.halving import halve
from tiler.pixels.mosaics import canvas_of_tile
from tiler.pixels.png import encode_png
from tiler.pixels.tile_matrix_sets import TILE_SIZE

HALF = TILE_SIZE // 2


def joined(
    children: Sequence[Canvas | None], z: int, x: int, y: int, *, by_mode: bool
) -> Canvas | None:
    """A tile from its children (north-west, north-east, south-west, south-east) at half their
    size; None where all are empty."""
    if not any(children):
        return None
    canvas = canvas_of_tile(z, x, y)
    for number, child in enumerate(children):
        if child is not None:
            rows = slice(number // 2 * HALF, number // 2 * HALF + HALF)
            columns = slice(number % 2 * HALF, number % 2 * HALF + HALF)
            halve(child.rgb, child.alpha, 0, 0, by_mode, canvas.rgb[rows, columns],
                  canvas.alpha[rows, columns])  # fmt: skip
    return canvas


def encoded(canvas: Canvas) -> bytes:
    """The picture as a PNG file, without loss."""
    return encode_png(canvas.colours())


def decoded(picture: bytes, z: int, x: int, y: int) -> Canvas | None:
    """What `encoded` made; None for no bytes."""
    if not picture:
        return None
    pixels = np.asarray(png_decode(picture))
    canvas = canvas_of_tile(z, x, y)
    canvas.rgb[:] = pixels[..., :3]
    canvas.alpha[:] = pixels[..., 3] if pixels.shape[2] == 4 else 255
    return canvas
