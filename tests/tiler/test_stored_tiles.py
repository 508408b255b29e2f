"""Stored tiles are the files that drawing would give, wherever one asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rasterio.transform import from_origin

from repository.rendering_style import ClassColor, RenderingStyle
from tasks.pyramids import PyramidOrder, draw_pyramid
from tests.rasters import gradient, info_of, write_raster
from tests.tiler.refs import ref_of
from tiler.drawing import tile_body
from tiler.pixels.asset_ref import AssetRef, PyramidRef
from tiler.pixels.rendering import media_format
from tiler.pixels.tile_matrix_sets import GOOGLE_MAPS_COMPATIBLE, WEB_MERCATOR_QUAD
from tiler.stored_tiles import stored_tile

RGB = RenderingStyle(kind="rgb", bands=(1, 2, 3), resampling="bilinear")
RAMP = RenderingStyle(kind="ramp", bands=(1,), stretch=((0, 120),), resampling="bilinear")
CLASSES = RenderingStyle(
    kind="classes", bands=(1,),
    classes=tuple(ClassColor(i, (i, 255 - i, 7, 255)) for i in range(1, 100)),
)  # fmt: skip
WGS84 = {"crs": "EPSG:4326", "transform": from_origin(8, 54, 0.001, 0.001)}
FIJI = {"crs": "EPSG:4326", "transform": from_origin(179.9, -16, 0.001, 0.001)}

Stored = Callable[..., AssetRef]


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stored:
    """A product with its pyramid, drawn from pixels that are given."""
    monkeypatch.setattr("os.nice", lambda _: 0)

    def make(pixels: np.ndarray, style: RenderingStyle, max_bytes: int = 0, **options: Any) -> Any:
        path = write_raster(tmp_path / "a.tif", pixels, **options)
        ref = ref_of(path, style)
        info = replace(info_of(path), bounds_wgs84=ref.bounds_wgs84, bounds=ref.bounds,
                       overviews=ref.overviews)  # fmt: skip
        extension = "webp" if style.kind == "rgb" else "png"
        order = PyramidOrder(info, style, extension, max_bytes, 10_000)
        archive = tmp_path / "a.pmtiles"
        drawn = draw_pyramid(order, path, archive, lambda share: None)
        assert drawn.size == archive.stat().st_size
        pyramid = PyramidRef(str(archive), style.digest, extension, str(archive), ())
        return replace(ref, pyramid=pyramid, min_zoom=drawn.min_zoom, max_zoom=drawn.max_zoom)

    return make


def both(ref: AssetRef, z: int, x: int, y: int, extension: str = "") -> tuple[Any, Any]:
    """(stored, drawn)"""
    assert ref.pyramid is not None
    media = media_format(extension or ref.pyramid.extension)
    where = (ref, WEB_MERCATOR_QUAD, z, x, y, media, 256)
    return stored_tile(*where), tile_body(*where)


def addresses(ref: AssetRef) -> list[tuple[int, int, int]]:
    """Every tile of the product's rectangles."""
    return [
        (z, x, y)
        for z in range(ref.min_zoom, ref.max_zoom + 1)
        for left, top, right, bottom in [WEB_MERCATOR_QUAD.tiles_over(ref.bounds_wgs84, z)]
        for x in range(left, right + 1)
        for y in range(top, bottom + 1)
    ]


def holes(pixels: np.ndarray) -> np.ndarray:
    """The same, with nodata (0) at an edge, in a corner and in the middle."""
    pixels[..., :40] = pixels[..., :30, :30] = pixels[..., 100:200, 150:250] = 0
    return pixels


@pytest.mark.parametrize(
    ("pixels", "style", "options"),
    [
        (gradient("uint8", 500, 400, 3), RGB, {}),
        (holes(gradient("uint8", 500, 400, 3)), RGB, {"nodata": 0}),
        (gradient("uint8", 300, 400, 4), RGB, {"photometric": "RGB", "alpha": "YES"}),
        (gradient("uint16", 500, 400, 4), RGB, {"mask": np.tri(500, 400, dtype="uint8") * 255}),
        (holes(gradient("float32", 500, 400)), RAMP, {"nodata": 0}),
        (gradient("int16", 400, 300), RAMP, WGS84),
        (holes(gradient("uint8", 500, 400)), CLASSES, {}),
        (gradient("uint8", 300, 300), CLASSES, FIJI | {"tiled": True}),
        (np.full((1, 300, 300), 5, "uint8"), CLASSES, {}),
    ],
    ids=["rgb", "nodata", "alpha", "mask", "ramp", "degrees", "classes", "antimeridian", "plain"],
)
def test_every_tile_is_what_drawing_gives(
    stored: Stored, pixels: np.ndarray, style: RenderingStyle, options: dict[str, Any]
) -> None:
    ref = stored(pixels, style, **options)
    asked = addresses(ref)
    assert len(asked) >= 4
    for z, x, y in asked:
        found, drawn = both(ref, z, x, y)
        assert found is not None
        assert found == drawn, (z, x, y)


def test_an_empty_tile_is_the_empty_one(stored: Stored) -> None:
    for style, bands in ((RGB, 3), (RAMP, 1), (CLASSES, 1)):
        pixels = gradient("uint8", 600, 600, bands)
        pixels[:, :400, :400] = 0
        ref = stored(pixels, style, nodata=0)
        z = ref.max_zoom
        x, y, _, _ = WEB_MERCATOR_QUAD.tiles_over(ref.bounds_wgs84, z)
        found, drawn = both(ref, z, x, y)
        assert found == drawn
        assert len(found) < 500


def test_what_was_not_stored_is_drawn(stored: Stored) -> None:
    ref = stored(gradient("uint8", 500, 400, 3), RGB)
    z, x, y = addresses(ref)[0]
    media = media_format("webp")
    assert stored_tile(ref, WEB_MERCATOR_QUAD, z, x, y, media, 256)
    assert stored_tile(ref, GOOGLE_MAPS_COMPATIBLE, z, x, y, media, 256)
    for other in (
        (ref, WEB_MERCATOR_QUAD, z, x, y, media_format("png"), 256),
        (ref, WEB_MERCATOR_QUAD, z, x, y, media, 512),
        (ref, WEB_MERCATOR_QUAD, z + 9, x, y, media, 256),
        (ref, WEB_MERCATOR_QUAD, z, x + 1000, y, media, 256),
        (replace(ref, pyramid=None), WEB_MERCATOR_QUAD, z, x, y, media, 256),
        (replace(ref, style=replace(RGB, bands=(3, 2, 1))), WEB_MERCATOR_QUAD, z, x, y, media, 256),
    ):
        assert stored_tile(*other) is None


def test_zooms_that_cost_too_much_are_left_out(stored: Stored) -> None:
    chance = np.random.default_rng(1).integers(1, 255, (3, 700, 700)).astype("uint8")
    whole, bounded = stored(chance, RGB), stored(chance, RGB, max_bytes=100_000)
    assert whole.max_zoom > bounded.max_zoom
    assert bounded.pyramid is not None
    assert Path(bounded.pyramid.key).stat().st_size <= 110_000


def test_a_pyramid_that_is_gone_or_broken_is_no_error(stored: Stored, tmp_path: Path) -> None:
    ref = stored(gradient("uint8", 500, 400, 3), RGB)
    where = (WEB_MERCATOR_QUAD, *addresses(ref)[0], media_format("webp"), 256)
    (tmp_path / "broken").write_bytes(b"PMTiles\3" + bytes(300))
    assert ref.pyramid is not None
    for path in ("gone", "broken"):
        pyramid = replace(ref.pyramid, key=path, gdal_path=str(tmp_path / path))
        assert stored_tile(replace(ref, pyramid=pyramid), *where) is None
