"""Pictures drawn in one pass against the same values read, painted and encoded one by one."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rasterio.transform import Affine

from repository.rendering_style import ClassColor, RenderingStyle
from tests.rasters import write_raster
from tests.tiler.refs import ref_of
from tiler.pixels import pictures
from tiler.pixels.asset_ref import AssetRef
from tiler.pixels.pictures import draw
from tiler.pixels.reading import read_window
from tiler.pixels.rendering import FORMATS, media_format, render
from tiler.pixels.tile_matrix_sets import WEB_MERCATOR_QUAD as QUAD

# Whole numbers may be rounded to the other side: no stretch may make two levels of one.
RGB = RenderingStyle(kind="rgb", bands=(1, 2, 3), stretch=((-10, 300),) * 3)
RAMP = RenderingStyle(kind="ramp", bands=(1,), stretch=((20, 300),))
CLASSES = RenderingStyle(
    kind="classes", bands=(1,),
    classes=tuple(ClassColor(v, (v, 255 - v, 7, 255)) for v in range(5, 120)),
)  # fmt: skip
TILED = {"tiled": True, "blockxsize": 64, "blockysize": 64}


def raster(folder: Path, dtype: str, bands: int, void: str, **options: object) -> Path:
    """300 by 400 smooth pixels with holes of a kind: nodata, mask, alpha, nan or none."""
    rng = np.random.default_rng(3)
    small = rng.integers(1, 250 if dtype == "uint8" else 220, (bands, 16, 21))
    pixels = np.stack([
        np.asarray(Image.fromarray(band.astype("float32")).resize((400, 300))) for band in small
    ]).astype(dtype)  # fmt: skip
    holes = np.asarray(Image.fromarray(rng.random((30, 40)).astype("f4")).resize((400, 300))) > 0.7
    extra: dict[str, object] = {}
    if void == "nodata":
        pixels[:, holes], extra["nodata"] = 0, 0
    elif void == "nan":
        pixels[:, holes] = np.nan
    elif void == "mask":
        extra["mask"] = np.where(holes, 0, 255).astype("uint8")
    elif void == "alpha":
        full = 255 if dtype == "uint8" else 65535
        opaque = np.where(holes, 0, np.where(rng.random(holes.shape) < 0.1, full // 3, full))
        pixels = np.concatenate([pixels, opaque[None].astype(dtype)])
        extra |= {"alpha": "YES", "photometric": "RGB"}
    return write_raster(folder / f"{dtype}-{void}.tif", pixels, **TILED, **(extra | options))


def rgba(body: bytes | None) -> np.ndarray:
    assert body is not None
    picture = np.asarray(Image.open(io.BytesIO(body)).convert("RGBA")).astype(int)
    picture[picture[..., 3] == 0] = 0
    return picture


def slowly(ref: AssetRef, *window: object) -> np.ndarray:
    pixels = read_window(ref, *window, bands=ref.style.bands, resampling=ref.style.resampling)
    return rgba(render(pixels, ref.style, "png"))


def tiles(ref: AssetRef, zooms: tuple[int, ...] = (12, 14, 16)) -> list[tuple[int, int, int]]:
    found = []
    for z in zooms:
        west, north, east, south = QUAD.tiles_over(ref.bounds_wgs84, z)
        columns, rows = sorted({west, (west + east) // 2, east}), sorted({north, south})
        found += [(z, x, y) for x in columns for y in rows]
    return found


def assert_alike(
    ref: AssetRef, monkeypatch: pytest.MonkeyPatch, size: int = 256, levels: int = 1
) -> None:
    """Both ways draw the same over some tiles, and the quick way was taken."""
    for z, x, y in tiles(ref):
        window = (QUAD.bounds(z, x, y), QUAD.crs, size, size)
        expected = slowly(ref, *window)
        with monkeypatch.context() as patch:
            patch.setattr(pictures, "read_window", None)
            found = rgba(draw(ref, *window, FORMATS["png"]))
        assert np.abs(found[..., 3] - expected[..., 3]).max() <= 1, (z, x, y)
        assert np.abs(found - expected).max() <= levels, (z, x, y)
        assert (found != expected).any(axis=2).mean() < 0.06, (z, x, y)


@pytest.mark.parametrize("resampling", ["nearest", "bilinear", "average"])
@pytest.mark.parametrize(
    ("dtype", "void"),
    [("uint8", "none"), ("uint8", "nodata"), ("uint8", "mask"), ("uint8", "alpha"),
     ("uint16", "none"), ("uint16", "nodata"), ("uint16", "alpha"), ("int16", "mask"),
     ("float32", "nan"), ("float32", "nodata")],
)  # fmt: skip
def test_colours_are_those_of_the_long_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: str, void: str, resampling: str
) -> None:
    style = replace(RGB, resampling=resampling)
    assert_alike(ref_of(raster(tmp_path, dtype, 3, void), style), monkeypatch)


@pytest.mark.parametrize("resampling", ["nearest", "bilinear", "average"])
@pytest.mark.parametrize(
    ("dtype", "void"),
    [("uint8", "nodata"), ("int16", "none"), ("uint16", "mask"), ("float32", "nan"),
     ("float32", "nodata")],
)  # fmt: skip
def test_a_ramp_is_that_of_the_long_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: str, void: str, resampling: str
) -> None:
    # Greys: the 255 colours of another ramp are more than a level or two apart.
    style = replace(RAMP, resampling=resampling, ramp="gray")
    assert_alike(ref_of(raster(tmp_path, dtype, 1, void), style), monkeypatch, levels=2)


@pytest.mark.parametrize(
    ("dtype", "void"),
    [("uint8", "nodata"), ("uint8", "mask"), ("uint16", "none"), ("int16", "nodata")],
)
def test_classes_are_those_of_the_long_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: str, void: str
) -> None:
    assert_alike(ref_of(raster(tmp_path, dtype, 1, void), CLASSES), monkeypatch)


@pytest.mark.parametrize("bands", [(3, 2, 1), (2, 3, 1), (4, 3, 2), (1, 1, 1)])
@pytest.mark.parametrize("interleave", ["pixel", "band"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_bands_come_in_any_order_and_layout(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    bands: tuple[int, ...],
    interleave: str,
    dtype: str,
) -> None:
    style = replace(RGB, bands=bands, resampling="bilinear")
    path = raster(tmp_path, dtype, 5, "none", interleave=interleave)
    assert_alike(ref_of(path, style), monkeypatch)


@pytest.mark.parametrize(
    "grid",
    [Affine(10, 0, 400_000, 0, 10, 5_600_000), Affine(7, 5, 400_000, 5, -7, 5_600_000)],
    ids=["south-up", "rotated"],
)
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_any_grid_is_drawn_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, grid: Affine, dtype: str
) -> None:
    path = raster(tmp_path, dtype, 3, "none", transform=grid)
    assert_alike(ref_of(path, replace(RGB, resampling="bilinear")), monkeypatch)


@pytest.mark.parametrize("size", [512, 1, 17])
def test_any_size_is_drawn_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    ref = ref_of(raster(tmp_path, "uint8", 3, "none"), replace(RGB, resampling="bilinear"))
    assert_alike(ref, monkeypatch, size)


def test_a_style_with_more_than_is_known_takes_the_long_way(tmp_path: Path) -> None:
    ref = ref_of(raster(tmp_path, "uint8", 3, "none"), RGB)
    assert pictures._is_quick(ref)
    assert not pictures._is_quick(replace(ref, style=replace(RGB, bands=(1, 2))))
    assert not pictures._is_quick(replace(ref, style=replace(RGB, resampling="mode")))


@pytest.mark.parametrize("extension", ["png", "jpg", "webp"])
def test_outside_the_data_is_clear_or_nothing(tmp_path: Path, extension: str) -> None:
    ref = ref_of(raster(tmp_path, "uint8", 3, "none"), RGB)
    media = media_format(extension)
    body = draw(ref, QUAD.bounds(14, 0, 0), QUAD.crs, 256, 256, media)
    assert (body is None) == (extension == "jpg")
    if body is not None:
        assert not rgba(body)[..., 3].any()
    assert draw(ref, QUAD.bounds(14, 0, 0), QUAD.crs, 64, 64, media, even_empty=True)


@pytest.mark.parametrize("extension", ["jpg", "webp"])
@pytest.mark.parametrize("kind", ["rgb", "ramp", "classes"])
def test_other_formats_show_the_same_picture(tmp_path: Path, extension: str, kind: str) -> None:
    style = {"rgb": RGB, "ramp": RAMP, "classes": CLASSES}[kind]
    ref = ref_of(raster(tmp_path, "uint8", 3 if kind == "rgb" else 1, "none"), style)
    z, x, y = tiles(ref, (14,))[0]
    window = QUAD.bounds(z, x, y), QUAD.crs, 256, 256
    exact, found = (rgba(draw(ref, *window, FORMATS[e])) for e in ("png", extension))
    if extension == "jpg":
        exact[exact[..., 3] == 0] = 255
    assert np.abs(found - exact).mean() < 6
