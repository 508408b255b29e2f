"""Compiles the loops before any tile waits for them: `python -m tiler.pixels.compiling`.

Compiling takes seconds a loop and data type; the results are kept on disk beside the modules
and loaded in milliseconds.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tiler.pixels import predictors
from tiler.pixels.canvas import Canvas
from tiler.pixels.colours import Colours, Indexed, as_colours, on_white
from tiler.pixels.deflate import deflate
from tiler.pixels.halving import halve
from tiler.pixels.kernels import resample
from tiler.pixels.picture_kernels import (
    draw_bytes,
    draw_codes,
    draw_ramp,
    draw_values,
    filtered_lines,
)
from tiler.pixels.placement import place

USUAL_TYPES = ("uint8", "int16", "uint16", "float32")


def compile_for(dtypes: Sequence[str] = USUAL_TYPES) -> None:
    """Compile for rasters of these data types."""
    mask, no_mask = np.zeros((1, 1), np.bool_), np.empty((0, 0), np.bool_)
    nodes, frame, out = np.zeros((2, 2)), np.ones(6), np.zeros(64, np.uint8)
    index = np.zeros((1, 1), np.uint8)
    where = (nodes, nodes, 0.0, frame)
    layout = (3, 3, 1, 0, 1, 1)
    floats = np.ones(3, np.float32)
    for dtype in dtypes:
        flat, known = np.zeros(3, dtype), np.zeros(3, np.bool_)
        one = flat[:1]
        resample(flat, layout, no_mask, one, known[:1], -1, *where, 0, False,
                 np.zeros((1, 1, 1), dtype), mask, np.zeros((1, 1), dtype))  # fmt: skip
        draw_values(flat, layout, no_mask, flat, known, -1, 255.0, *where, 0, True, floats,
                    floats, out, 1, 1, 3, True)  # fmt: skip
        draw_ramp(flat, layout, no_mask, one, known[:1], *where, 0, True, 0.0, 1.0, index)
    flat = np.zeros(3, np.uint8)
    draw_bytes(flat, layout, *where, 0, np.zeros(768, np.uint8), True, out, 1, 1, 3, True)
    for code in ("uint8", "uint16"):
        draw_codes(np.zeros(3, code), layout, no_mask, *where, np.zeros(65536, np.uint8), index)
    deflate(filtered_lines(np.zeros((1, 1, 3), np.uint8)), 4, np.empty(2048, np.uint8))
    as_colours(Indexed(np.zeros((1, 1), np.uint8), np.zeros((1, 4), np.uint8)))
    on_white(np.zeros((1, 1, 3), np.uint8), index)
    place((0.0, 0.0, 1.0, 1.0), "EPSG:3857", 32, 32, source_crs="EPSG:3857",
          source_transform=(1.0, 0.0, 0.0, 0.0, -1.0, 1.0), source_size=(1, 1))  # fmt: skip
    _compile_mosaics()
    predictors.compile_for()


def _compile_mosaics() -> None:
    """What lays pictures on each other and halves them."""
    rgb, alpha = np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2), np.uint8)
    canvas = Canvas(0, 0, 0, 2)
    canvas.open_part((0, 0, 2, 2))
    canvas.lay_under(Indexed(alpha, np.zeros((1, 4), np.uint8)))
    canvas.lay_under(Colours(rgb, None))
    canvas.lay_under(Colours(rgb, np.zeros((2, 2, 4), np.uint8)[..., 3]))
    halve(rgb, alpha, 0, 0, False, rgb.copy(), alpha.copy())
    halve(rgb, alpha, 0, 0, False, rgb[:1, :1], alpha[:1, :1])


def forget() -> None:
    """Remove what was compiled before: Numba does not see changes in the modules that a loop
    calls."""
    for pattern in ("*.nbi", "*.nbc"):
        for path in (Path(__file__).parent / "__pycache__").glob(pattern):
            path.unlink(missing_ok=True)


if __name__ == "__main__":
    if "--anew" in sys.argv:
        forget()
    compile_for()
