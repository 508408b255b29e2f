"""Every format that rasterio can write: its pixels and its place come out as they went in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.transform import from_origin

from repository.errors import Rejected
from tasks.formats.opening import GDAL_OPTIONS, gdal_name, open_raster
from tasks.formats.placing import place
from tasks.formats.table import ENVI, FORMATS, PNG, SRTM_HGT
from tasks.raster_source import RasterSource
from tests.rasters import ORIGIN, gradient
from tests.tasks.formats.walk import rejection, take, write_as

LONLAT = {"crs": "EPSG:4326", "transform": from_origin(10, 50, 0.1, 0.1)}
CELL = {
    "crs": "EPSG:4326",
    "transform": from_origin(13 - 1 / 2400, 50 + 1 / 2400, 1 / 1200, 1 / 1200),
}
EXACT = {"REVERSIBLE": "YES", "QUALITY": "100"}

WRITTEN = [
    ("a.jp2", "JP2OpenJPEG", "uint16", 1, EXACT | {"BLOCKXSIZE": "33", "BLOCKYSIZE": "35"}),
    ("a.jp2", "JP2OpenJPEG", "int16", 3, EXACT),
    ("a.nc", "netCDF", "int16", 1, {"FORMAT": "NC"}),
    ("a.nc", "netCDF", "float32", 1, {"FORMAT": "NC2"}),
    ("a.nc", "netCDF", "float64", 1, {"FORMAT": "NC4", "COMPRESS": "DEFLATE"}),
    ("a.nc", "netCDF", "int16", 1, {"FORMAT": "NC4", "WRITE_BOTTOMUP": "YES"}),
    ("a.nc", "netCDF", "int16", 1, {"FORMAT": "NC4", "WRITE_BOTTOMUP": "NO"}),
    ("a.nc", "netCDF", "int8", 1, {"FORMAT": "NC4"}),
    ("a.nc", "netCDF", "int64", 1, {"FORMAT": "NC4"}),
    ("a.dat", "ENVI", "int16", 3, {"INTERLEAVE": "BIP"}),
    ("a.bsq", "ENVI", "float64", 2, {"INTERLEAVE": "BSQ"}),
    ("a.bil", "EHdr", "int16", 2, {}),
    ("a.bil", "EHdr", "float32", 1, {}),
    ("a.img", "HFA", "float32", 2, {"COMPRESSED": "YES"}),
    ("a.img", "HFA", "uint8", 1, {"USE_SPILL": "YES"}),
    ("a.asc", "AAIGrid", "int32", 1, {}),
    ("a.gpkg", "GPKG", "uint8", 3, {}),
]


@pytest.mark.parametrize(("file", "driver", "dtype", "bands", "options"), WRITTEN)
def test_pixels_and_place_are_kept(
    tmp_path: Path, file: str, driver: str, dtype: str, bands: int, options: dict[str, Any]
) -> None:
    pixels = gradient(dtype, bands=bands)
    taken = take(write_as(tmp_path / file, driver, pixels, **options))
    with taken.opened() as dataset:
        assert dataset.driver == driver
        np.testing.assert_array_equal(dataset.read(), pixels)
        assert dataset.crs.to_epsg() == 32633
        assert tuple(dataset.transform) == pytest.approx(tuple(ORIGIN))


@pytest.mark.parametrize(("file", "driver"), [("a.dt1", "DTED"), ("N49E013.hgt", "SRTMHGT")])
def test_elevation_cells_are_read_from_their_place(tmp_path: Path, file: str, driver: str) -> None:
    pixels = gradient("int16", 1201, 1201)
    taken = take(write_as(tmp_path / file, driver, pixels, **CELL))
    with taken.opened() as dataset:
        np.testing.assert_array_equal(dataset.read(), pixels)
        assert dataset.bounds.left == pytest.approx(13 - 1 / 2400)
        assert dataset.bounds.top == pytest.approx(50 + 1 / 2400)


def test_fields_of_grib_are_bands(tmp_path: Path) -> None:
    pixels = gradient("float32", bands=3)
    taken = take(write_as(tmp_path / "a.grb2", "GRIB", pixels, **LONLAT))
    assert taken.header.bands == 3
    with taken.opened() as dataset:
        np.testing.assert_allclose(dataset.read(), pixels, atol=1e-3)


def test_a_big_endian_envi_raster_is_read_in_its_byte_order(tmp_path: Path) -> None:
    pixels = gradient("uint16")
    path = write_as(tmp_path / "a.dat", "ENVI", pixels)
    path.write_bytes(pixels.astype(">u2").tobytes())
    header = path.with_suffix(".hdr")
    header.write_text(header.read_text().replace("byte order = 0", "byte order = 1"))
    np.testing.assert_array_equal(take(path).read(), pixels)


def test_a_south_up_netcdf_grid_comes_out_north_up(tmp_path: Path) -> None:
    pixels = gradient("int16")
    south_up = Affine(10, 0, 400_000, 0, 10, 5_500_000)
    with take(write_as(tmp_path / "a.nc", "netCDF", pixels, transform=south_up)).opened() as got:
        np.testing.assert_array_equal(got.read(), pixels[:, ::-1])
        assert got.transform.e == -10
        assert got.bounds.bottom == 5_500_000


@pytest.mark.parametrize("ending", [".pgw", ".wld", ".pngw"])
def test_a_world_file_of_any_ending_places_a_16_bit_png(tmp_path: Path, ending: str) -> None:
    pixels = gradient("uint16")
    path = write_as(tmp_path / "a.png", "PNG", pixels, WORLDFILE="YES")
    path.with_suffix(".wld").rename(path.with_suffix(ending))
    with take(path).opened() as dataset:
        np.testing.assert_array_equal(dataset.read(), pixels)
        assert tuple(dataset.transform) == pytest.approx(tuple(ORIGIN))


def test_a_world_file_places_a_jpeg_2000(tmp_path: Path) -> None:
    path = write_as(tmp_path / "a.jp2", "JP2OpenJPEG", crs=None, transform=None)
    path.with_suffix(".j2w").write_text("10\n0\n0\n-10\n400005\n5599995\n")
    with take(path).opened() as dataset:
        assert tuple(dataset.transform) == pytest.approx(tuple(ORIGIN))


def test_a_world_file_places_a_tiff_without_keys(tmp_path: Path) -> None:
    path = write_as(tmp_path / "a.tif", "GTiff", crs=None, transform=None)
    path.with_suffix(".tfw").write_text("10\n0\n0\n-10\n400005\n5599995\n")
    with take(path).opened() as dataset:
        assert tuple(dataset.transform) == pytest.approx(tuple(ORIGIN))


def test_only_allowed_sidecars_get_into_the_folder(tmp_path: Path) -> None:
    path = write_as(tmp_path / "a.dat", "ENVI")
    others = {".aux.xml": path, ".ovr": path, ".vrt": path, ".prj": path, ".sta": path}
    placed = place(
        ENVI, path, "a.dat", {".hdr": path.with_suffix(".hdr"), **others}, tmp_path / "1"
    )
    assert sorted(file.name for file in placed.parent.iterdir()) == ["raster.dat", "raster.hdr"]


def test_nothing_of_a_hostile_name_reaches_the_disk(tmp_path: Path) -> None:
    path = write_as(tmp_path / "a.png", "PNG")
    placed = place(PNG, path, "../../x;rm -rf $(HOME).PNG", {}, tmp_path / "1")
    assert placed == tmp_path / "1" / "raster.png"
    placed = place(SRTM_HGT, path, "../n10w110.evil/../N10W110 x.hgt", {}, tmp_path / "2")
    assert placed.name == "N10W110.hgt"


def test_the_allowed_drivers_are_all_in_this_gdal() -> None:
    with rasterio.Env() as environment:
        known = environment.drivers()
    assert {form.driver for form in FORMATS} | {"HDF5Image"} <= set(known)


@pytest.mark.parametrize("name", ['a":/etc/passwd', "a:b", "a\\b", "a\nb", ""])
def test_a_variable_whose_name_could_mislead_gdal_is_not_opened(tmp_path: Path, name: str) -> None:
    source = RasterSource("a.nc", str(tmp_path / "raster.nc"), "netCDF", subdataset=name or '"')
    with pytest.raises(Rejected) as caught:
        gdal_name(source)
    assert caught.value.code == "unsupported_format"


def test_another_driver_than_the_named_one_opens_nothing(tmp_path: Path) -> None:
    path = write_as(tmp_path / "a.png", "PNG")
    with (
        pytest.raises(Rejected) as caught,
        open_raster(RasterSource("mine.tif", str(path), "GTiff")),
    ):
        pass
    assert caught.value.code == "corrupt"
    assert str(tmp_path) not in caught.value.detail


def test_sidecars_are_looked_for_only_where_the_source_has_them(tmp_path: Path) -> None:
    assert GDAL_OPTIONS["GDAL_DISABLE_READDIR_ON_OPEN"] == "EMPTY_DIR"
    path = write_as(tmp_path / "a.png", "PNG", WORLDFILE="YES")
    with open_raster(RasterSource("a.png", str(path), "PNG")) as dataset:
        assert dataset.transform == Affine.identity()


def test_complex_pixels_are_refused_in_every_format(tmp_path: Path) -> None:
    pixels = gradient("uint8").astype("complex64")
    assert rejection(write_as(tmp_path / "a.dat", "ENVI", pixels)).code == "complex_data"
    assert rejection(write_as(tmp_path / "b.img", "HFA", pixels)).code == "complex_data"
    assert rejection(write_as(tmp_path / "c.tif", "GTiff", pixels)).code == "complex_data"
