"""Pictures of pixels, read back with Pillow and rasterio."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from rasterio.io import MemoryFile

from repository.errors import BadRequest, NotFound
from repository.rendering_style import RAMPS, ClassColor, RenderingStyle
from tiler.pixels.colours import Indexed
from tiler.pixels.png import encode_png
from tiler.pixels.reading import Pixels
from tiler.pixels.rendering import render
from tiler.pixels.styles import paint, ramp_palette

RGB = RenderingStyle(kind="rgb", bands=(1, 2, 3))
GREY = RenderingStyle(kind="ramp", bands=(1,), ramp="gray", stretch=((0, 254),))


def pixels_of(data, mask=None, alpha=None) -> Pixels:
    data = np.asarray(data)
    mask = np.ones(data.shape[1:], bool) if mask is None else mask
    return Pixels(data, mask, alpha, (0, 0, 100, 100), "EPSG:3857")


def rgba(body: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(body)).convert("RGBA"))


def test_an_opaque_picture_has_no_alpha_channel() -> None:
    data = np.random.default_rng(1).integers(0, 255, (3, 20, 30)).astype("uint8")
    image = Image.open(io.BytesIO(render(pixels_of(data), RGB, "png")))
    assert image.mode == "RGB"
    assert np.array_equal(np.asarray(image), data.transpose(1, 2, 0))


def test_invalid_pixels_are_transparent() -> None:
    data = np.full((3, 20, 30), 9, "uint8")
    mask = np.zeros((20, 30), bool)
    mask[:5] = True
    assert np.array_equal(rgba(render(pixels_of(data, mask), RGB, "png"))[..., 3] > 0, mask)


def test_partial_alpha_is_kept() -> None:
    data, alpha = np.full((3, 4, 4), 9, "uint8"), np.full((4, 4), 77, "uint8")
    picture = rgba(render(pixels_of(data, alpha=alpha), RGB, "png"))
    assert (picture[..., 3] == 77).all()


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float32", "float64"])
def test_a_ramp_runs_from_low_to_high(dtype: str) -> None:
    data = np.array([[[0, 50, 100]]], dtype)
    style = RenderingStyle(kind="ramp", bands=(1,), stretch=((0, 100),))
    picture = rgba(render(pixels_of(data), style, "png"))[0]
    palette = ramp_palette("viridis")
    assert np.array_equal(picture, palette[[1, 128, 255]])


def test_negative_values_are_stretched_by_value_not_by_bits() -> None:
    data = np.array([[[-100, 0, 100]]], "int8")
    style = RenderingStyle(kind="ramp", bands=(1,), ramp="gray", stretch=((-100, 100),))
    grey = rgba(render(pixels_of(data), style, "png"))[0, :, 0]
    assert grey[0] < grey[1] < grey[2]


def test_nan_and_infinity_do_not_upset_a_ramp() -> None:
    data = np.array([[[np.nan, np.inf, -np.inf, 1]]], "float32")
    mask = np.array([[False, True, True, True]])
    picture = rgba(render(pixels_of(data, mask), GREY, "png"))[0]
    assert list(picture[:, 3]) == [0, 255, 255, 255]
    assert picture[1, 0] == 255
    assert picture[2, 0] == 0


def test_a_stretch_of_no_width_draws() -> None:
    style = RenderingStyle(kind="ramp", bands=(1,), stretch=((5, 5),))
    assert rgba(render(pixels_of(np.full((1, 2, 2), 5, "uint8")), style, "png")).shape == (2, 2, 4)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "int64"])
def test_classes_have_their_colours_and_others_none(dtype: str) -> None:
    style = RenderingStyle(
        kind="classes", bands=(1,),
        classes=(ClassColor(7, (1, 2, 3, 255)), ClassColor(2, (4, 5, 6, 128))),
    )  # fmt: skip
    picture = rgba(render(pixels_of(np.array([[[2, 7, 3]]], dtype)), style, "png"))[0]
    assert picture[:2].tolist() == [[4, 5, 6, 128], [1, 2, 3, 255]]
    assert picture[2, 3] == 0


def test_more_than_255_classes_are_drawn_in_full_colour() -> None:
    classes = tuple(ClassColor(i, (i % 256, i // 256, 9, 255)) for i in range(1000))
    style = RenderingStyle(kind="classes", bands=(1,), classes=classes)
    picture = rgba(render(pixels_of(np.array([[[999, 5]]], "uint16")), style, "png"))[0]
    assert picture.tolist() == [[231, 3, 9, 255], [5, 0, 9, 255]]


def test_an_empty_png_is_tiny() -> None:
    data, mask = np.zeros((3, 256, 256), "uint8"), np.zeros((256, 256), bool)
    body = render(pixels_of(data, mask), RGB, "png")
    assert len(body) < 200
    assert not rgba(body).any()


def test_jpeg_shows_paper_where_nothing_is_valid() -> None:
    data, mask = np.zeros((3, 16, 16), "uint8"), np.zeros((16, 16), bool)
    assert rgba(render(pixels_of(data, mask), RGB, "jpg"))[..., :3].min() > 250


def test_webp_is_lossy() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (3, 64, 64)).astype("uint8")
    mask = np.ones((64, 64), bool)
    for valid in (mask, np.tri(64, dtype=bool)):
        body = render(pixels_of(noise, valid), RGB, "webp")
        assert b"VP8L" not in body  # what a lossless picture begins with


def test_webp_keeps_transparency() -> None:
    mask = np.zeros((16, 16), bool)
    mask[:8] = True
    picture = rgba(render(pixels_of(np.full((3, 16, 16), 99, "uint8"), mask), RGB, "webp"))
    assert np.array_equal(picture[..., 3] > 0, mask)


def test_a_geotiff_holds_values_place_and_mask() -> None:
    data = np.arange(8, dtype="float32").reshape(2, 2, 2)
    mask = np.array([[True, False], [True, True]])
    with MemoryFile(render(pixels_of(data, mask), GREY, "tif")) as memory, memory.open() as found:
        assert np.array_equal(found.read(), data)
        assert tuple(found.bounds) == (0, 0, 100, 100)
        assert found.crs.to_epsg() == 3857
        assert np.array_equal(found.dataset_mask() > 0, mask)


def test_npy_ends_with_the_mask() -> None:
    data = np.arange(8, dtype="int16").reshape(2, 2, 2)
    mask = np.array([[True, False], [True, True]])
    found = np.load(io.BytesIO(render(pixels_of(data, mask), GREY, "npy")))
    assert np.array_equal(found[:2], data)
    assert np.array_equal(found[2] == 255, mask)


def test_an_unknown_format_is_not_found() -> None:
    with pytest.raises(NotFound):
        render(pixels_of(np.zeros((1, 2, 2))), GREY, "bmp")


@pytest.mark.parametrize("ramp", sorted(RAMPS | {f"{name}_r" for name in RAMPS}))
def test_every_ramp_that_a_style_may_name_has_its_colours(ramp: str) -> None:
    palette = ramp_palette(ramp)
    assert palette.shape == (256, 4)
    assert palette[0, 3] == 0
    assert (palette[1:, 3] == 255).all()
    assert len(np.unique(palette[1:], axis=0)) > 50


def test_an_unknown_ramp_is_refused() -> None:
    style = RenderingStyle(kind="ramp", bands=(1,), ramp="no such ramp")
    with pytest.raises(BadRequest):
        render(pixels_of(np.zeros((1, 2, 2))), style, "png")


def test_a_ramp_is_written_as_differences_of_a_palette() -> None:
    """A fifth smaller at least than numbers as they are, as neighbours are alike."""
    values = np.add.outer(np.arange(256.0), np.arange(256.0)) / 2
    noisy = values + np.random.default_rng(1).integers(-3, 4, values.shape)
    picture = paint(pixels_of(noisy[None].astype("float32")), GREY)
    assert isinstance(picture, Indexed)
    body = encode_png(picture)
    assert np.array_equal(rgba(body), picture.palette[picture.index])
    assert len(body) < 0.8 * len(encode_png(replace(picture, is_ordered=False)))
