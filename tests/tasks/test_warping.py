"""Rasters without a north-up grid are brought to one, and their pixels lie where they lay."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.enums import Resampling
from rasterio.rpc import RPC
from rasterio.warp import calculate_default_transform, reproject

from repository.errors import NeedsInput, Rejected
from repository.raster_info import Kind
from tasks.cog import strips
from tasks.conversion import convert
from tasks.georeference import find_georeference
from tasks.placement import GROWTH, by_matrix, by_points, suggested_grid
from tasks.raster_source import FoundRaster, RasterSource
from tasks.warping import settle_grid, with_outside_mask
from tests.rasters import UTM, gradient, info_of, write_raster

ROTATED = Affine.translation(400_000, 5_600_000) @ Affine.rotation(30) @ Affine.scale(10, -10)
DTYPES = ["uint8", "int8", "uint16", "int16", "int32", "uint64", "float32", "float64"]
LINEAR = RPC(
    err_bias=0, err_rand=0, height_off=200, height_scale=100, lat_off=50, lat_scale=0.1,
    line_off=150, line_scale=150, long_off=14, long_scale=0.2, samp_off=200, samp_scale=200,
    line_num_coeff=[0, 0.1, -0.9, 0] + [0] * 16, line_den_coeff=[1] + [0] * 19,
    samp_num_coeff=[0, 0.9, 0.1, 0] + [0] * 16, samp_den_coeff=[1] + [0] * 19,
)  # fmt: skip


def points(
    height: int, width: int, *, steps: int = 4, left: float = 14.0, bend: float = 0.01
) -> list[GroundControlPoint]:
    """A lattice of points, a little bent, in degrees east of `left` and south of 50."""
    return [
        GroundControlPoint(row, col, left + col / 1000 + row / 4000,
                           50 - row / 1000 + bend * math.sin(col / width), 0)
        for row in np.linspace(0, height, steps) for col in np.linspace(0, width, steps)
    ]  # fmt: skip


def found(path: Path, kind: Kind = "measurement", **answers: Any) -> FoundRaster:
    """The raster as inspection hands it on."""
    with rasterio.open(path) as dataset:
        place = find_georeference(dataset, answers)
    info = replace(
        info_of(path, kind), transform=tuple(place.transform)[:6], bounds=place.bounds,
        crs_wkt=place.wkt,
    )  # fmt: skip
    info, warp = settle_grid(info, place)
    return FoundRaster(RasterSource(path.name, str(path), "GTiff", warp=warp), info)


def warped(path: Path, kind: Kind = "measurement") -> Path:
    destination = path.with_suffix(".cog.tif")
    convert(found(path, kind), destination)
    return destination


def nearest_by_hand(path: Path, cog: rasterio.DatasetReader) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (bands, h, w) by inverting the matrix of each centre, and where there are any."""
    with rasterio.open(path) as source:
        rows, columns = np.mgrid[: cog.height, : cog.width] + 0.5
        x, y = cog.transform @ (columns, rows)
        column, row = ~source.transform @ (x, y)
        inside = (column >= 0) & (column < source.width) & (row >= 0) & (row < source.height)
        row = np.clip(row.astype(int), 0, source.height - 1)
        column = np.clip(column.astype(int), 0, source.width - 1)
        return source.read()[:, row, column], inside


@pytest.mark.parametrize("dtype", DTYPES)
def test_classes_keep_their_codes_and_their_place(tmp_path: Path, dtype: str) -> None:
    path = write_raster(tmp_path / "a.tif", gradient(dtype, 90, 120, 2), transform=ROTATED)
    with rasterio.open(warped(path, "classes")) as cog:
        expected, inside = nearest_by_hand(path, cog)
        valid = cog.read_masks(1) != 0
        # On an edge, a rounding error decides.
        assert (valid != inside).sum() <= 4
        np.testing.assert_array_equal(cog.read()[:, valid & inside], expected[:, valid & inside])


def test_points_are_honoured_as_gdal_does(tmp_path: Path) -> None:
    gcps = points(300, 400)
    options = {"transform": None, "crs": "EPSG:4326", "gcps": gcps}
    path = write_raster(tmp_path / "a.tif", gradient("float32", 300, 400), nodata=-1, **options)
    assert_as_gdal(path, {"gcps": gcps, "METHOD": "GCP_TPS"})


def test_polynomials_are_honoured_as_gdal_does(tmp_path: Path) -> None:
    options = {"transform": None, "crs": None, "rpcs": LINEAR}
    path = write_raster(tmp_path / "a.tif", gradient("float32", 300, 400), nodata=-1, **options)
    assert_as_gdal(path, {"rpcs": LINEAR, "RPC_HEIGHT": "200"})


def test_a_rotated_grid_is_interpolated_as_gdal_does(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).uniform(0, 1000, (2, 200, 300)).astype("float32")
    path = write_raster(tmp_path / "a.tif", pixels, transform=ROTATED, nodata=-1)
    assert_as_gdal(path, {"src_transform": ROTATED})


def assert_as_gdal(path: Path, placed: dict[str, Any]) -> None:
    """The COG holds what GDAL makes of the whole array at once, with exact positions."""
    with rasterio.open(warped(path)) as cog, rasterio.open(path) as source:
        expected = np.full((cog.count, *cog.shape), -1, "float32")
        reproject(
            source.read(), expected, src_crs=cog.crs, dst_crs=cog.crs,
            dst_transform=cog.transform, src_nodata=-1, dst_nodata=-1,
            resampling=Resampling.bilinear, tolerance=0, XSCALE="1", YSCALE="1", **placed,
        )  # fmt: skip
        np.testing.assert_allclose(cog.read(), expected, rtol=1e-6)
        assert (expected != -1).mean() > 0.4


def test_a_point_lands_on_its_place(tmp_path: Path) -> None:
    pixels = np.zeros((1, 300, 400), "uint8")
    pixels[0, 100:110, 200:210] = 255
    options = {"transform": None, "crs": "EPSG:4326", "gcps": points(300, 400, bend=0)}
    path = write_raster(tmp_path / "a.tif", pixels, **options)
    with rasterio.open(warped(path)) as cog:
        rows, columns = np.nonzero(cog.read(1) > 127)
        x, y = cog.transform @ (columns.mean() + 0.5, rows.mean() + 0.5)
    assert (x, y) == pytest.approx((14 + 205 / 1000 + 105 / 4000, 50 - 105 / 1000), abs=1e-3)


@pytest.mark.parametrize(
    ("dtype", "options", "mask"),
    [("uint8", {}, "per_dataset"), ("uint8", {"nodata": 7}, "nodata"),
     ("float32", {}, "nodata"), ("float32", {"nodata": -1}, "nodata"),
     ("int16", {"mask": np.ones((90, 120), bool)},
                                                "per_dataset")],
)  # fmt: skip
def test_pixels_outside_the_source_are_invalid(
    tmp_path: Path, dtype: str, options: dict[str, Any], mask: str
) -> None:
    path = write_raster(tmp_path / "a.tif", gradient(dtype, 90, 120), transform=ROTATED, **options)
    assert {band.mask for band in found(path).info.bands} == {mask}
    with rasterio.open(warped(path)) as cog:
        _, inside = nearest_by_hand(path, cog)
        valid = cog.read_masks(1) != 0
    assert (valid & ~inside).sum() <= 4
    # The gradient holds the nodata value itself once.
    assert (inside & ~valid).sum() <= 300


def test_a_mask_inside_the_file_is_warped_with_it(tmp_path: Path) -> None:
    mask = np.ones((90, 120), bool)
    mask[:, 60:] = False
    pixels = np.full((3, 90, 120), 200, "uint8")
    pixels[:, ~mask] = 0
    path = write_raster(tmp_path / "a.tif", pixels, transform=ROTATED, mask=mask)
    assert_half_is_masked(path, warped(path, "rgb"))


def test_a_mask_beside_the_file_is_warped_with_it(tmp_path: Path) -> None:
    pixels = np.full((3, 90, 120), 200, "uint8")
    path = write_raster(tmp_path / "a.tif", pixels, transform=ROTATED)
    mask = np.full((1, 90, 120), 255, "uint8")
    mask[:, :, 60:] = 0
    beside = write_raster(tmp_path / "a.msk", mask, crs=None, transform=None)
    raster = found(path, "rgb")
    source = replace(raster.source, mask_path=str(beside))
    convert(FoundRaster(source, with_outside_mask(raster.info)), tmp_path / "b.tif")
    assert_half_is_masked(path, tmp_path / "b.tif")


def test_alpha_is_warped_with_its_colours(tmp_path: Path) -> None:
    pixels = np.full((4, 90, 120), 200, "uint8")
    pixels[:, :, 60:] = 0
    options = {"photometric": "RGB", "alpha": "yes"}
    path = write_raster(tmp_path / "a.tif", pixels, transform=ROTATED, **options)
    assert_half_is_masked(path, warped(path, "rgb"))


def assert_half_is_masked(path: Path, cog_path: Path) -> None:
    """The left half is valid and of one value: what is masked does not shine through."""
    with rasterio.open(cog_path) as cog:
        _, inside = nearest_by_hand(path, cog)
        valid = cog.read_masks(1) != 0
        assert valid.sum() == pytest.approx(inside.sum() / 2, rel=0.05)
        values, counts = np.unique(cog.read(1)[valid], return_counts=True)
    assert values[counts.argmax()] == 200
    assert counts.max() > 0.95 * counts.sum()


def test_the_owner_reads_what_was_done(tmp_path: Path) -> None:
    options = {"transform": None, "crs": "EPSG:4326", "gcps": points(90, 120)}
    path = write_raster(tmp_path / "a.tif", gradient("uint8", 90, 120), **options)
    info = found(path).info
    assert len(info.lineage) == 1
    for word in ("16 ground control points", "thin plate spline", "bilinear", "WGS 84", "GDAL 3."):
        assert word in info.lineage[0]
    assert [code for code, _ in info.warnings] == ["warped"]


@pytest.mark.parametrize(
    ("kind", "resampling"),
    [("classes", "nearest"), ("bits", "nearest"), ("rgb", "bilinear"),
     ("measurement", "bilinear")],
)  # fmt: skip
def test_the_resampling_suits_the_kind(tmp_path: Path, kind: Kind, resampling: str) -> None:
    path = write_raster(tmp_path / "a.tif", gradient("uint8"), transform=ROTATED)
    warp = found(path, kind).source.warp
    assert warp is not None
    assert warp.resampling == resampling


@pytest.mark.parametrize("count", [4, 9, 16])
def test_the_grid_is_the_one_that_gdal_suggests(count: int) -> None:
    side = math.isqrt(count)
    gcps = points(300, 400, steps=side) if side > 2 else points(300, 400, steps=2, bend=0)
    crs = rasterio.CRS.from_epsg(4326)
    method = {"METHOD": "GCP_TPS"} if count >= 10 else {}
    transform, width, height = calculate_default_transform(
        crs, crs, 400, 300, gcps=gcps, **method
    )  # fmt: skip
    grid = suggested_grid(by_points(gcps, crs), 400, 300)
    assert (grid.width, grid.height) == (width, height)
    assert grid.transform.almost_equals(transform, 1e-9)


def test_a_tiny_file_never_becomes_a_giant() -> None:
    sheared = Affine(1e-3, 1000, 4e5, 1000, -1e-3, 5e6)
    for matrix in (sheared, Affine(1, 1, 0, 1, 1 + 1e-9, 0), Affine(1, 1e6, 0, 0, 1, 0)):
        grid = suggested_grid(by_matrix(matrix, rasterio.CRS.from_string(UTM)), 1000, 10)
        assert grid.width * grid.height <= GROWTH * 1000 * 10 * 2 + 65_536 * 2


def test_points_across_the_antimeridian_lie_side_by_side(tmp_path: Path) -> None:
    gcps = [
        GroundControlPoint(p.row, p.col, p.x - 360 if p.x > 180 else p.x, p.y, 0)
        for p in points(300, 400, left=179.8)
    ]
    path = write_raster(
        tmp_path / "a.tif", gradient("uint8", 300, 400),
        transform=None, crs="EPSG:4326", gcps=gcps,
    )  # fmt: skip
    info = found(path).info
    assert info.bounds == pytest.approx((179.8, 49.7, 180.275, 50.0085), abs=0.01)


def test_points_near_a_pole_get_a_polar_grid(tmp_path: Path) -> None:
    gcps = [
        GroundControlPoint(row, col, math.degrees(math.atan2(col - 5, row - 5)),
                           90 - math.hypot(row - 5, col - 5) / 2, 0)
        for row in (0, 3, 7, 10) for col in (0, 4, 6, 10)
    ]  # fmt: skip
    path = write_raster(
        tmp_path / "a.tif", gradient("uint8", 10, 10),
        transform=None, crs="EPSG:4326", gcps=gcps,
    )  # fmt: skip
    raster = found(path)
    assert "Polar Stereographic" in raster.info.crs_wkt
    with rasterio.open(warped(path)) as cog:
        assert (cog.read_masks(1) != 0).mean() > 0.95
        left, bottom, right, top = cog.bounds
    assert left < 0 < right
    assert bottom < 0 < top


@pytest.mark.parametrize(
    "gcps",
    [
        [GroundControlPoint(0, n, 14 + n, 50, 0) for n in range(6)],
        [GroundControlPoint(n, n, 14, 50, 0) for n in range(12)],
        [GroundControlPoint(n, n * n, math.nan, 50, 0) for n in range(12)],
        [GroundControlPoint(0, 0, 14, 50, 0), GroundControlPoint(9, 9, 15, 49, 0)],
        [GroundControlPoint(n % 4, n // 4, 14 + n % 4, 500 + n // 4, 0) for n in range(16)],
    ],
)
def test_points_that_define_no_place_are_refused(gcps: list[GroundControlPoint]) -> None:
    with pytest.raises(Rejected) as caught:
        suggested_grid(by_points(gcps, rasterio.CRS.from_epsg(4326)), 10, 10)
    assert caught.value.code == "bad_control_points"
    assert caught.value.hint


def test_a_rotated_raster_without_crs_asks_for_it(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", gradient("uint8"), transform=ROTATED, crs=None)
    with pytest.raises(NeedsInput) as caught:
        found(path)
    assert caught.value.code == "crs_missing"
    assert found(path, crs="EPSG:32633").source.warp is not None


def test_points_without_crs_ask_for_it(tmp_path: Path) -> None:
    options = {"transform": None, "crs": "EPSG:4326", "gcps": points(40, 50)}
    path = write_raster(tmp_path / "a.tif", gradient("uint8"), **options)
    with rasterio.open(path, "r+") as dataset:
        dataset.gcps = (points(40, 50), rasterio.CRS())
    with pytest.raises(NeedsInput) as caught:
        found(path)
    assert caught.value.code == "crs_missing"
    assert found(path, crs="EPSG:4326").info.bounds[0] == pytest.approx(14, abs=0.01)


def test_answered_bounds_replace_a_rotation(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", gradient("uint8"), transform=ROTATED)
    raster = found(path, bounds=[0, 0, 50, 40])
    assert raster.source.warp is None
    assert raster.info.transform == (1, 0, 0, 0, -1, 40)


def test_strips_and_columns_make_the_same_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_raster(tmp_path / "a.tif", gradient("uint8", 700, 900, 2), transform=ROTATED)
    whole = rasterio.open(warped(path, "classes")).read()
    plan = strips.plan_warp
    monkeypatch.setattr(strips, "plan_warp", lambda info, size: plan(info, size, 1 << 18))
    np.testing.assert_array_equal(rasterio.open(warped(path, "classes")).read(), whole)


def test_no_vrt_driver_is_needed(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom tests.tasks.test_warping import warped\n"
        "import rasterio\nassert rasterio.Env\nwarped(Path(sys.argv[1]))"
    )
    options = {"transform": None, "crs": "EPSG:4326", "gcps": points(90, 120)}
    path = write_raster(tmp_path / "a.tif", gradient("uint8", 90, 120), **options)
    subprocess.run(
        [sys.executable, "-c", code, str(path)], check=True, timeout=60,
        cwd=Path(__file__).parents[2], env=os.environ | {"GDAL_SKIP": "VRT"},
    )  # fmt: skip
    with rasterio.open(path.with_suffix(".cog.tif")) as cog:
        assert (cog.read_masks(1) != 0).mean() > 0.5
