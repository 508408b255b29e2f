"""Pixels of tiles and windows, against rio-tiler and against the arrays they were made from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from pyproj import Transformer
from rasterio.transform import Affine, from_bounds, from_origin
from rio_tiler.io import Reader

from repository.errors import BadRequest, Unavailable
from tests.rasters import gradient, write_raster
from tests.tiler.refs import ref_of
from tiler.pixels.reading import read_tile, read_window
from tiler.pixels.tile_matrix_sets import WEB_MERCATOR_QUAD as QUAD

WORLD = from_bounds(-180, -90, 180, 90, 720, 360)


def tiles_of(ref, z):
    west, north, east, south = QUAD.tiles_over(ref.bounds_wgs84, z)
    return [(z, x, y) for x in range(west, east + 1) for y in range(north, south + 1)]


@pytest.mark.parametrize(
    "dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "int64", "float32", "float64"]
)
def test_a_tile_holds_the_pixels_that_rio_tiler_finds(tmp_path: Path, dtype: str) -> None:
    path = write_raster(tmp_path / "a.tif", gradient(dtype, 300, 400))
    ref = ref_of(path)
    for z, x, y in tiles_of(ref, 13):
        ours = read_tile(ref, QUAD, z, x, y)
        with Reader(str(path)) as reader:
            theirs = reader.tile(x, y, z)
        valid = theirs.mask > 0
        assert (ours.mask == valid).mean() > 0.999
        both = ours.mask & valid
        # GDAL places pixels to an eighth of one: some at the edges of source pixels differ.
        assert (ours.data[0][both] == theirs.data[0][both]).mean() > 0.97


@pytest.mark.parametrize("crs", ["EPSG:32633", "EPSG:3035", "EPSG:4326", "EPSG:3857"])
def test_each_pixel_is_the_one_that_proj_says(tmp_path: Path, crs: str) -> None:
    step, corner = {"EPSG:4326": (1e-4, (13.4, 50.5))}.get(crs, (10, (0, 0)))
    if corner == (0, 0):
        corner = Transformer.from_crs(4326, crs, always_xy=True).transform(13.4, 50.5)
    grid = from_origin(*corner, step, step)
    pixels = np.arange(90_000, dtype="int32").reshape(1, 300, 300)
    ref = ref_of(write_raster(tmp_path / "a.tif", pixels, crs=crs, transform=grid))
    z, x, y = tiles_of(ref, 14)[-1]
    left, bottom, right, top = QUAD.bounds(z, x, y)
    share = (np.arange(256) + 0.5) / 256
    xs, ys = np.meshgrid(left + share * (right - left), top - share * (top - bottom))
    columns, rows = ~grid * Transformer.from_crs(3857, crs, always_xy=True).transform(xs, ys)
    inside = (columns >= 0) & (columns < 300) & (rows >= 0) & (rows < 300)
    found = read_tile(ref, QUAD, z, x, y)
    expected = np.floor(rows) * 300 + np.floor(columns)
    assert inside.any()
    assert (found.mask == inside).mean() > 0.999
    both = inside & found.mask
    assert (found.data[0] == expected)[both].mean() > 0.99


@pytest.mark.parametrize("nodata", [0, 7, float("nan"), -9999.0])
def test_nodata_is_not_valid(tmp_path: Path, nodata: float) -> None:
    pixels = gradient("float32", 40, 50)
    pixels[0, 10:20, 5:15] = nodata
    ref = ref_of(write_raster(tmp_path / "a.tif", pixels, nodata=nodata))
    found = read_window(ref, ref.bounds, ref.crs_wkt, 50, 40)
    hole = np.zeros((40, 50), bool)
    hole[10:20, 5:15] = True
    expected = ~hole & (pixels[0] != nodata)
    assert np.array_equal(found.mask, expected)


def test_nan_is_not_valid_where_nodata_is_another_number(tmp_path: Path) -> None:
    pixels = gradient("float32", 4, 5)
    pixels[0, 0, 0], pixels[0, 1, 1] = np.nan, -1
    ref = ref_of(write_raster(tmp_path / "a.tif", pixels, nodata=-1))
    mask = read_window(ref, ref.bounds, ref.crs_wkt, 5, 4).mask
    assert not mask[0, 0]
    assert not mask[1, 1]
    assert mask.sum() == 18


def test_a_mask_band_says_what_is_valid(tmp_path: Path) -> None:
    mask = np.zeros((40, 50), np.uint8)
    mask[:, :25] = 255
    path = write_raster(tmp_path / "a.tif", gradient("uint8", 40, 50, 3), mask=mask)
    ref = ref_of(path)
    assert np.array_equal(read_window(ref, ref.bounds, ref.crs_wkt, 50, 40).mask, mask > 0)


def test_alpha_is_kept_beside_the_bands(tmp_path: Path) -> None:
    pixels = gradient("uint8", 40, 50, 4)
    pixels[3] = 128
    pixels[3, :, :10] = 0
    path = write_raster(tmp_path / "a.tif", pixels, photometric="RGB", alpha="YES")
    ref = ref_of(path)
    found = read_window(ref, ref.bounds, ref.crs_wkt, 50, 40)
    assert found.data.shape == (3, 40, 50)
    assert found.alpha is not None
    assert np.array_equal(found.alpha, pixels[3])
    assert np.array_equal(found.mask, pixels[3] > 0)


def test_the_own_grid_comes_back_exactly(tmp_path: Path) -> None:
    pixels = gradient("int16", 40, 50, 2)
    ref = ref_of(write_raster(tmp_path / "a.tif", pixels))
    found = read_window(ref, ref.bounds, ref.crs_wkt, 50, 40)
    assert np.array_equal(found.data, pixels)
    assert found.mask.all()


def test_the_own_grid_comes_back_exactly_from_many_blocks(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("tiler.pixels.reading.BLOCK", 16)
    pixels = gradient("int16", 40, 50, 2)
    ref = ref_of(write_raster(tmp_path / "a.tif", pixels))
    assert np.array_equal(read_window(ref, ref.bounds, ref.crs_wkt, 50, 40).data, pixels)


def test_a_south_up_raster_is_turned_north_up(tmp_path: Path) -> None:
    pixels = gradient("uint8", 40, 50)
    south_up = Affine(10, 0, 400_000, 0, 10, 5_600_000)
    ref = ref_of(write_raster(tmp_path / "a.tif", pixels, transform=south_up))
    found = read_window(ref, ref.bounds, ref.crs_wkt, 50, 40)
    assert np.array_equal(found.data[0], pixels[0, ::-1])


def test_a_tile_is_neither_flipped_nor_shifted(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    pixels = np.kron(rng.integers(0, 255, (12, 12)), np.ones((25, 25))).astype("uint8")[None]
    path = write_raster(tmp_path / "a.tif", pixels)
    ref = ref_of(path)
    z, x, y = tiles_of(ref, 13)[0]
    ours = read_tile(ref, QUAD, z, x, y)
    with Reader(str(path)) as reader:
        theirs = reader.tile(x, y, z).data[0].astype(float)
    ours_flat = ours.data[0].astype(float)
    copies = [ours_flat, ours_flat[::-1], ours_flat[:, ::-1], np.roll(ours_flat, 8, 1)]
    scores = [np.corrcoef(copy.ravel(), theirs.ravel())[0, 1] for copy in copies]
    assert scores[0] > 0.99
    assert scores[0] > max(scores[1:]) + 0.05


@pytest.mark.parametrize("left", [-180.0, 0.0, -180.25])
def test_a_world_raster_covers_the_map_wherever_its_longitudes_begin(
    tmp_path: Path, left: float
) -> None:
    columns = (left + (np.arange(720) + 0.5) / 2 + 180) % 360
    pixels = np.broadcast_to(columns, (360, 720)).astype("float32")[None]
    grid = from_origin(left, 90, 0.5, 0.5)
    path = write_raster(tmp_path / "a.tif", pixels, crs="EPSG:4326", transform=grid)
    ref = ref_of(path, bounds_wgs84=(-180, -90, 180, 90))
    found = read_tile(ref, QUAD, 0, 0, 0)
    expected = (np.arange(256) + 0.5) / 256 * 360
    assert found.mask.all()
    assert np.abs(found.data[0] - expected).max() <= 0.75


def test_a_raster_across_the_antimeridian_shows_on_both_sides(tmp_path: Path) -> None:
    grid = from_origin(170, 10, 1, 1)
    pixels = gradient("uint8", 20, 20)
    path = write_raster(tmp_path / "a.tif", pixels, crs="EPSG:4326", transform=grid)
    mask = read_tile(ref_of(path), QUAD, 0, 0, 0).mask
    assert mask[128, 0]
    assert mask[128, 255]
    assert not mask[128, 128]


def test_utm_60_shows_on_both_sides_of_the_antimeridian(tmp_path: Path) -> None:
    grid = from_origin(600_000, 5_800_000, 10_000, 10_000)
    path = write_raster(
        tmp_path / "a.tif", gradient("uint8", 20, 30), crs="EPSG:32660", transform=grid
    )
    ref = ref_of(path)
    assert not read_tile(ref, QUAD, 5, 0, 10).is_empty
    assert not read_tile(ref, QUAD, 5, 31, 10).is_empty


@pytest.mark.parametrize(("crs", "row"), [("EPSG:3413", 0), ("EPSG:3031", 3)])
def test_a_polar_raster_reaches_the_edge_of_the_map(tmp_path: Path, crs: str, row: int) -> None:
    grid = from_origin(-3_000_000, 3_000_000, 60_000, 60_000)
    path = write_raster(tmp_path / "a.tif", gradient("uint8", 100, 100), crs=crs, transform=grid)
    ref = ref_of(path)
    edge = 0 if row == 0 else -1
    for x in range(4):
        assert read_tile(ref, QUAD, 2, x, row).mask[edge].all()


def test_the_far_side_of_a_geostationary_view_is_empty(tmp_path: Path) -> None:
    crs = "+proj=geos +h=35785831 +lon_0=0 +sweep=y +datum=WGS84"
    grid = from_origin(-5_500_000, 5_500_000, 55_000, 55_000)
    path = write_raster(tmp_path / "a.tif", gradient("uint8", 200, 200), crs=crs, transform=grid)
    mask = read_tile(ref_of(path), QUAD, 0, 0, 0).mask
    assert mask[128, 128]
    assert mask[128, 70]
    assert not mask[128, 20]
    assert not mask[128, 235]


def test_a_rotated_raster_is_drawn_where_it_lies(tmp_path: Path) -> None:
    grid = Affine.translation(400_000, 5_600_000) * Affine.rotation(30) * Affine.scale(10, -10)
    path = write_raster(tmp_path / "a.tif", gradient("uint8", 200, 200), transform=grid)
    ref = ref_of(path)
    x, y = grid * (100.5, 50.5)
    found = read_window(ref, (x - 1, y - 1, x + 1, y + 1), ref.crs_wkt, 1, 1)
    assert found.data[0, 0, 0] == gradient("uint8", 200, 200)[0, 50, 100]


def test_one_pixel_fills_the_screen_at_zoom_24(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", np.full((1, 1, 1), 42, "uint8"))
    ref = ref_of(path)
    west, north, east, south = QUAD.tiles_over(ref.bounds_wgs84, 24)
    found = read_tile(ref, QUAD, 24, (west + east) // 2, (north + south) // 2)
    assert found.mask.all()
    assert set(np.unique(found.data)) == {42}


def test_the_poles_of_a_world_raster_are_cut_not_failed(tmp_path: Path) -> None:
    path = write_raster(
        tmp_path / "a.tif", gradient("uint8", 360, 720), crs="EPSG:4326", transform=WORLD
    )
    assert read_tile(ref_of(path), QUAD, 1, 0, 0).mask.all()


def test_a_tile_outside_the_data_is_empty(tmp_path: Path) -> None:
    ref = ref_of(write_raster(tmp_path / "a.tif", gradient("uint8")))
    assert read_tile(ref, QUAD, 5, 0, 0).is_empty


def test_bilinear_leaves_out_what_is_not_valid(tmp_path: Path) -> None:
    pixels = np.full((1, 40, 50), 100, "int16")
    pixels[0, :, 20:30] = -32768
    ref = ref_of(write_raster(tmp_path / "a.tif", pixels, nodata=-32768))
    found = read_window(ref, ref.bounds, ref.crs_wkt, 125, 100, resampling="bilinear")
    assert set(np.unique(found.data[0][found.mask])) == {100}


def test_bilinear_is_exact_on_a_plane(tmp_path: Path) -> None:
    pixels = np.broadcast_to(np.arange(50, dtype="float32"), (40, 50))[None]
    ref = ref_of(write_raster(tmp_path / "a.tif", pixels))
    found = read_window(ref, ref.bounds, ref.crs_wkt, 100, 80, resampling="bilinear")
    expected = np.clip((np.arange(100) + 0.5) / 2 - 0.5, 0, 49)
    assert np.allclose(found.data[0], expected, atol=1e-4)


def test_a_small_picture_is_read_from_an_overview(tmp_path: Path) -> None:
    tiled = {"tiled": True, "blockxsize": 256, "blockysize": 256}
    path = write_raster(tmp_path / "a.tif", gradient("uint8", 512, 512), **tiled)
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2, 4])
    with rasterio.open(path, overview_level=1) as overview:
        expected = overview.read(1)
    ref = ref_of(path)
    found = read_window(ref, ref.bounds, ref.crs_wkt, 128, 128)
    assert np.array_equal(found.data[0], expected)


@pytest.mark.parametrize(("width", "height"), [(0, 10), (10, -1), (100_000, 100_000)])
def test_a_size_beyond_the_limits_is_refused(tmp_path: Path, width: int, height: int) -> None:
    ref = ref_of(write_raster(tmp_path / "a.tif", gradient("uint8")))
    with pytest.raises(BadRequest):
        read_window(ref, ref.bounds, ref.crs_wkt, width, height)


def test_a_band_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    ref = ref_of(write_raster(tmp_path / "a.tif", gradient("uint8")))
    with pytest.raises(BadRequest, match="no band 2"):
        read_window(ref, ref.bounds, ref.crs_wkt, 5, 5, bands=(2,))


def test_a_missing_object_is_unavailable(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", gradient("uint8"))
    ref = ref_of(path, gdal_path=str(tmp_path / "gone.tif"), uuid="gone")
    with pytest.raises(Unavailable):
        read_window(ref, ref.bounds, ref.crs_wkt, 5, 5)


def test_a_mask_beside_nodata_says_all(tmp_path: Path) -> None:
    """As GDAL has it: a pixel that the mask keeps is valid though it has the nodata value."""
    pixels, mask = np.zeros((1, 300, 300), "uint8"), np.ones((300, 300), bool)
    mask[:, :150] = False
    ref = ref_of(write_raster(tmp_path / "a.tif", pixels, nodata=0, mask=mask))
    assert ref.bands[0].mask == "per_dataset"
    left, bottom, right, top = ref.bounds
    found = read_window(ref, (left, bottom, right, top), ref.crs_wkt, 300, 300)
    np.testing.assert_array_equal(found.mask, mask)
