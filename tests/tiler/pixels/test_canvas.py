"""Layers under layers, against the formula of Porter and Duff."""

from __future__ import annotations

import numpy as np

from tiler.pixels.canvas import Canvas
from tiler.pixels.colours import Colours, Indexed
from tiler.pixels.mosaics import canvas_of_tile
from tiler.pixels.tile_matrix_sets import WEB_MERCATOR_QUAD as QUAD


def random_picture(seed: int, size: int = 32) -> Colours:
    rng = np.random.default_rng(seed)
    alpha = rng.choice([0, 90, 255], (size, size)).astype(np.uint8)
    return Colours(rng.integers(0, 256, (size, size, 3)).astype(np.uint8), alpha)


def under(upper: Colours, lower: Colours) -> tuple[np.ndarray, np.ndarray]:
    """Destination over, in real numbers."""
    assert upper.alpha is not None
    assert lower.alpha is not None
    a, b = upper.alpha / 255, lower.alpha / 255
    total = a + b * (1 - a)
    mixed = upper.rgb * a[..., None] + lower.rgb * (b * (1 - a))[..., None]
    return mixed / np.maximum(total, 1e-9)[..., None], total * 255


def test_what_is_laid_under_shows_where_light_comes_through() -> None:
    upper, lower = random_picture(1), random_picture(2)
    canvas = Canvas(0, 0, 0, 32)
    canvas.lay_under(upper)
    canvas.lay_under(lower)
    rgb, alpha = under(upper, lower)
    assert np.abs(canvas.alpha - alpha).max() <= 1
    shown = alpha > 0
    assert np.abs(canvas.rgb - rgb)[shown].max() <= 2


def test_colours_by_number_are_laid_as_those_in_full() -> None:
    rng = np.random.default_rng(3)
    palette = rng.integers(0, 256, (9, 4)).astype(np.uint8)
    palette[0] = 0
    index = rng.integers(0, 9, (32, 32)).astype(np.uint8)
    pictures = []
    for picture in (
        Indexed(index, palette),
        Colours(np.ascontiguousarray(palette[index][..., :3]), palette[index][..., 3].copy()),
    ):
        canvas = Canvas(0, 0, 0, 32)
        canvas.lay_under(random_picture(4))
        canvas.lay_under(picture)
        pictures.append(np.dstack([canvas.rgb, canvas.alpha]))
    assert np.abs(pictures[0].astype(int) - pictures[1]).max() <= 1


def test_a_picture_may_reach_beyond_the_canvas() -> None:
    canvas = Canvas(0, 0, 0, 32)
    white = np.full((32, 32, 3), 255, np.uint8)
    canvas.lay_under(Colours(white, None), row=-20, column=25)
    assert (canvas.alpha[:12, 25:] == 255).all()
    assert int((canvas.alpha > 0).sum()) == 12 * 7


def test_the_open_part_is_the_rest() -> None:
    canvas = Canvas(0, 0, 0, 32)
    whole = (0, 0, 32, 32)
    assert canvas.open_part(whole) == whole
    canvas.alpha[:, :20] = 255
    canvas.alpha[:5] = 255
    assert canvas.open_part(whole) == (5, 20, 32, 32)
    assert canvas.open_part((0, 0, 32, 10)) is None


def test_parts_lie_where_the_tile_has_them() -> None:
    canvas = canvas_of_tile(5, 17, 11, 512)
    assert canvas.zoom == 6
    assert np.allclose(canvas.bounds((0, 0, 512, 512)), QUAD.bounds(5, 17, 11))
    assert np.allclose(canvas.bounds((256, 0, 512, 256)), QUAD.bounds(6, 34, 23))
    assert canvas.cut(canvas.left - 5, canvas.top + 500, 10, 100) == (500, 0, 512, 5)
    assert canvas.cut(canvas.left - 5, canvas.top, 5, 5) is None
