from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.enums import ColorInterp
from rasterio.transform import from_origin

from repository.errors import BadRequest, NeedsInput, Rejected
from repository.raster_info import RasterInfo
from tests.inspecting import inspect
from tests.rasters import gradient, write_raster


def rejection(path: Path, **options: Any) -> Rejected:
    with pytest.raises(Rejected) as caught:
        inspect(path, **options)
    assert caught.value.hint
    return caught.value


def test_grid_and_crs_are_those_that_rasterio_reads(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", gradient("int16", 40, 50), nodata=-5)
    info = inspect(path)
    with rasterio.open(path) as dataset:
        assert info.transform == tuple(dataset.transform)[:6]
        assert info.bounds == tuple(dataset.bounds)
        assert info.crs_epsg == 32633
        assert rasterio.CRS.from_wkt(info.crs_wkt) == dataset.crs
    assert (info.width, info.height, info.bands[0].dtype) == (50, 40, "int16")
    assert (info.bands[0].nodata, info.bands[0].mask) == (-5, "nodata")


def test_facts_survive_json(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", gradient("float32"), nodata=float("nan"))
    info = inspect(path)
    again = RasterInfo.from_json(json.loads(json.dumps(info.to_json(), allow_nan=False)))
    assert again.to_json() == info.to_json()


def test_bands_keep_scale_unit_and_name(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", gradient("int16", bands=2))
    with rasterio.open(path, "r+") as dataset:
        dataset.scales, dataset.offsets = (0.1, 1.0), (-5.0, 0.0)
        dataset.units, dataset.descriptions = ("K", ""), ("lst", "emis")
    band = inspect(path).bands[0]
    assert (band.scale, band.offset, band.unit, band.name) == (0.1, -5.0, "K", "lst")


def test_colour_table_is_read_and_means_classes(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", gradient("uint8"))
    with rasterio.open(path, "r+") as dataset:
        dataset.write_colormap(1, {1: (255, 0, 0, 255), 2: (0, 255, 0, 128)})
    info = inspect(path)
    assert info.kind == "classes"
    assert (1, 255, 0, 0, 255) in info.bands[0].color_table


def test_alpha_and_mask_are_told_apart(tmp_path: Path) -> None:
    rgba = write_raster(
        tmp_path / "a.tif", gradient("uint8", bands=4), photometric="rgb", alpha="yes"
    )
    masked = write_raster(tmp_path / "b.tif", gradient("uint8"), mask=np.eye(40, 50, dtype=bool))
    assert inspect(rgba).bands[0].mask == "alpha"
    assert inspect(masked).bands[0].mask == "per_dataset"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"just some text\n", "not_a_raster"),
        (b"\x89HDF\r\n\x1a\n", "truncated"),
        (b"<VRTDataset></VRTDataset>", "unsupported_format"),
        (b"GIF89a" + bytes(20), "unsupported_format"),
        (b"II*\0\x08\0\0\0", "truncated"),
    ],
)
def test_what_is_no_geotiff_is_named(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(content)
    assert rejection(path).code == code


def test_a_cut_file_tells_how_much_is_missing(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", gradient("float64", 200, 300))
    path.write_bytes(path.read_bytes()[:200_000])
    error = rejection(path)
    assert error.code == "truncated"
    assert "200.0 kB of 480." in error.detail


def test_complex_numbers_are_refused(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", np.ones((1, 4, 4), "complex64"))
    assert rejection(path).code == "complex_data"


def test_another_planet_is_refused(tmp_path: Path) -> None:
    mars = "+proj=eqc +a=3396190 +b=3396190 +units=m"
    path = write_raster(tmp_path / "a.tif", gradient("uint8"), crs=mars)
    assert rejection(path).code == "not_on_earth"


@pytest.mark.parametrize(
    "transform",
    [
        from_origin(458_000, 5_548_000, 10, 10),
        from_origin(14, 120, 1, 1),
        from_origin(5000, 50, 1, 1),
    ],
)
def test_impossible_degrees_are_refused(tmp_path: Path, transform: Affine) -> None:
    path = write_raster(tmp_path / "a.tif", gradient("uint8"), crs="EPSG:4326", transform=transform)
    assert rejection(path).code == "impossible_coordinates"


def test_a_geotransform_of_nan_is_refused(tmp_path: Path) -> None:
    grid = Affine(float("nan"), 0, 14, 0, -1, 50)
    path = write_raster(tmp_path / "a.tif", gradient("uint8"), transform=grid)
    assert rejection(path).code == "bad_geotransform"


def test_more_pixels_than_allowed_are_refused(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", gradient("uint8", 40, 50))
    assert rejection(path, max_decoded_bytes=1999).code == "too_large"
    assert inspect(path, max_decoded_bytes=2000).decoded_bytes == 2000


def test_without_crs_the_owner_is_asked(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", gradient("uint8"), crs=None)
    with pytest.raises(NeedsInput) as caught:
        inspect(path)
    assert caught.value.code == "crs_missing"
    assert inspect(path, answers={"crs": "EPSG:32633"}).crs_epsg == 32633


def test_without_any_georeference_both_answers_are_asked_for(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", gradient("uint8", 40, 50), crs=None, transform=None)
    with pytest.raises(NeedsInput, match="neither") as caught:
        inspect(path)
    assert "bounds" in caught.value.hint
    with pytest.raises(NeedsInput) as caught:
        inspect(path, answers={"crs": "EPSG:4326"})
    assert caught.value.code == "bounds_missing"
    info = inspect(path, answers={"crs": "EPSG:4326", "bounds": [10, 40, 15, 44]})
    assert info.transform == pytest.approx((0.1, 0, 10, 0, -0.1, 44))


def test_answered_nodata_and_datetime_win(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", gradient("uint8"))
    info = inspect(path, answers={"nodata": 7, "datetime": "2024-08-24T12:00:00+02:00"})
    assert (info.bands[0].nodata, info.bands[0].mask) == (7, "nodata")
    assert info.datetime == "2024-08-24T10:00:00Z"


@pytest.mark.parametrize(
    "answers",
    [
        {"crs": "EPSG:999999"},
        {"crs": "/etc/passwd"},
        {"crs": "https://example.org/crs"},
        {"crs": 'LOCAL_CS["x"]'},
        {"bounds": [1, 2, 1, 3]},
        {"bounds": "1,2,3,4"},
        {"nodata": 300},
        {"nodata": "none"},
        {"datetime": "yesterday"},
        {"colour": "red"},
    ],
)
def test_a_wrong_answer_is_a_bad_request(tmp_path: Path, answers: dict[str, Any]) -> None:
    path = write_raster(tmp_path / "a.tif", gradient("uint8"))
    with pytest.raises(BadRequest) as caught:
        inspect(path, answers=answers)
    assert caught.value.code == "invalid_answer"


def test_nodata_that_is_text_is_dropped_with_a_warning(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", gradient("uint8"), nodata=125)
    path.write_bytes(path.read_bytes().replace(b"125\0", b"abc\0"))
    info = inspect(path)
    assert (info.bands[0].nodata, info.bands[0].mask) == (None, "all_valid")
    assert [code for code, _ in info.warnings] == ["nodata_ignored"]


def test_further_pages_are_warned_of(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", gradient("uint8"))
    write_raster(path, gradient("uint8"), append_subdataset="yes")
    assert "more_pages" in dict(inspect(path).warnings)


def test_overviews_are_found_without_gdal(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", gradient("uint8", 256, 256))
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2, 4])
    assert inspect(path).overviews == (2, 4)


def test_a_reference_to_overviews_elsewhere_is_ignored(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", gradient("uint8"))
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(ns="OVERVIEWS", OVERVIEW_FILE=str(tmp_path / "other.tif"))
    info = inspect(path)
    assert info.overviews == ()
    assert "external_reference" in dict(info.warnings)


def test_red_green_blue_in_any_order_are_a_picture(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", gradient("uint16", bands=3))
    with rasterio.open(path, "r+") as dataset:
        dataset.colorinterp = (ColorInterp.blue, ColorInterp.green, ColorInterp.red)
    assert inspect(path).kind == "rgb"
