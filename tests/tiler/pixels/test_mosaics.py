"""Mosaics of frozen products: against rio-tiler's, and what is read for them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rasterio.transform import from_origin
from rio_tiler.io import Reader
from rio_tiler.mosaic import mosaic_reader

from repository.errors import Unavailable
from repository.rendering_style import RenderingStyle
from tests.rasters import write_raster
from tests.tiler.refs import ref_of
from tiler.pixels import mosaics
from tiler.pixels.asset_ref import AssetRef
from tiler.pixels.mosaics import canvas_of_tile, draw_mosaic, encoded
from tiler.pixels.reading import read_tile
from tiler.pixels.rendering import media_format
from tiler.pixels.small_pictures import pixel_boxes, small_pictures
from tiler.pixels.tile_matrix_sets import WEB_MERCATOR_QUAD as QUAD

RGB = RenderingStyle(kind="rgb", bands=(1, 2, 3))


@pytest.fixture
def members(tmp_path: Path) -> list[AssetRef]:
    """Four products over one place, each valid on a diagonal band of its own."""
    rng = np.random.default_rng(8)
    number = np.add.outer(np.arange(400), np.arange(400)) // 200
    refs = []
    for n in range(4):
        data = rng.integers(1, 255, (3, 400, 400)).astype(np.uint8) * (number == n)
        path = write_raster(tmp_path / f"{n}.tif", data.astype(np.uint8), nodata=0)
        refs.append(ref_of(path, RGB, product=f"p{n}"))
    return refs


def middle(ref: AssetRef, z: int) -> tuple[int, int, int]:
    west, north, east, south = QUAD.tiles_over(ref.bounds_wgs84, z)
    return z, (west + east) // 2, (north + south) // 2


@pytest.mark.parametrize("z", [13, 15])
def test_the_pixels_are_those_of_rio_tiler(members: list[AssetRef], z: int) -> None:
    tile = middle(members[0], z)
    canvas = canvas_of_tile(*tile)
    drawn = draw_mosaic(canvas, members)

    def read(path: str, x: int, y: int, z: int) -> Any:
        with Reader(path) as source:
            return source.tile(x, y, z)

    paths = [ref.gdal_path for ref in members]
    theirs, _ = mosaic_reader(paths, read, tile[1], tile[2], tile[0], threads=0)
    alike = (canvas.rgb == theirs.data.transpose(1, 2, 0)).all(axis=-1)
    # Noise shows each position that GDAL rounds to another pixel, on each of four layers.
    assert (~alike).mean() < 0.02
    assert drawn.assets <= 4


def test_reading_what_is_open_alone_changes_nothing(members: list[AssetRef]) -> None:
    tile = middle(members[0], 13)
    canvas = canvas_of_tile(*tile)
    draw_mosaic(canvas, members)
    whole, filled = np.zeros_like(canvas.rgb), np.zeros((256, 256), bool)
    for ref in members:
        pixels = read_tile(ref, QUAD, *tile, bands=(1, 2, 3))
        fresh = pixels.mask & ~filled
        whole[fresh] = pixels.data.transpose(1, 2, 0)[fresh]
        filled |= pixels.mask
    assert np.array_equal(filled, canvas.alpha == 255)
    assert (whole != canvas.rgb).any(axis=-1).mean() < 0.001


def test_nothing_is_read_once_all_is_full(members: list[AssetRef], tmp_path: Path) -> None:
    whole = np.full((3, 400, 400), 9, np.uint8)
    full = ref_of(write_raster(tmp_path / "full.tif", whole), RGB)
    missing = replace(members[0], gdal_path=str(tmp_path / "absent.tif"))
    canvas = canvas_of_tile(*middle(full, 15))
    assert draw_mosaic(canvas, [full, missing]).assets == 1
    assert encoded(canvas, media_format("jpg"))


def test_what_cannot_be_read_is_left_out_unless_it_is_all(
    members: list[AssetRef], tmp_path: Path
) -> None:
    missing = replace(members[0], uuid="gone", gdal_path=str(tmp_path / "absent.tif"))
    tile = middle(members[0], 13)
    drawn = draw_mosaic(canvas_of_tile(*tile), [missing, members[2]])
    assert (drawn.assets, drawn.failed) == (2, 1)
    with pytest.raises(Unavailable):
        draw_mosaic(canvas_of_tile(*tile), [missing])


def test_the_caps_are_kept(members: list[AssetRef]) -> None:
    tile = middle(members[0], 13)
    drawn = draw_mosaic(canvas_of_tile(*tile), members, max_assets=2)
    assert (drawn.assets, drawn.is_cut) == (2, True)
    small = [replace(ref, min_zoom=12) for ref in members]
    drawn = draw_mosaic(canvas_of_tile(*middle(members[0], 9)), small, max_small=3)
    assert (drawn.assets, drawn.is_cut, drawn.has_small) == (3, True, True)


def test_a_small_picture_has_the_average_colour(tmp_path: Path) -> None:
    stripes = np.zeros((3, 256, 256), np.uint8)
    stripes[:, ::2] = 200
    left, _, _, top = QUAD.bounds(10, 550, 340)
    side = QUAD.pixel_size(10)
    path = write_raster(
        tmp_path / "s.tif", stripes, crs="EPSG:3857", transform=from_origin(left, top, side, side)
    )
    ref = replace(ref_of(path, RGB), min_zoom=10, max_zoom=10)
    (picture,) = small_pictures(ref, 7)
    assert (picture.left, picture.top) == (550 * 256 // 8, 340 * 256 // 8)
    assert picture.rgb.shape == (32, 32, 3)
    assert set(picture.rgb.ravel().tolist()) == {100}
    assert (picture.alpha == 255).all()


def test_boxes_are_cut_at_the_antimeridian() -> None:
    assert pixel_boxes((179.0, -1.0, -179.0, 1.0), 0) == [(255, 127, 1, 2), (0, 127, 1, 2)]
    assert pixel_boxes((-180.0, -90.0, 180.0, 90.0), 1) == [(0, 0, 512, 512)]


def test_faint_pixels_are_made_to_show() -> None:
    canvas = canvas_of_tile(0, 0, 0)
    canvas.alpha[0, :3] = (1, 200, 255)
    mosaics.strengthen(canvas)
    assert canvas.alpha[0, :4].tolist() == [mosaics.LEAST_ALPHA, 200, 255, 0]
