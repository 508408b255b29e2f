from __future__ import annotations

import sqlite3
import zipfile
from pathlib import Path

import pytest
from rasterio.transform import from_origin

from repository.errors import Rejected
from tasks.formats.recognition import recognise
from tests.rasters import gradient, write_raster
from tests.tasks.formats.walk import write_as

LONLAT = {"crs": "EPSG:4326", "transform": from_origin(10, 50, 0.1, 0.1)}
VRT = b'<VRTDataset rasterXSize="1" rasterYSize="1"></VRTDataset>'
LABELS = {
    "vrt": VRT,
    "vrt_bom": b"\xef\xbb\xbf" + VRT,
    "vrt_blanks": b"\r\n\t  \0" + VRT,
    "vrt_utf16": VRT.decode().encode("utf-16"),
    "xml": b"<?xml version='1.0'?><GDAL_WMS/>",
    "gti": b"<GDALTileIndexDataset/>",
    "mrf": b"<MRF_META/>",
    "json": b' {"type": "Feature", "stac_version": "1.0.0"}',
    "json_list": b"[1, 2]",
    "ers": b'DatasetHeader Begin\n\tVersion = "6.0"\n',
    "pds": b"PDS_VERSION_ID = PDS3\n",
    "pds_sfdu": b"CCSD3ZF0000100000001NJPL3IF0PDSX00000001\n",
    "isis": b"Object = IsisCube\n",
}


def code_of(path: Path, name: str = "", **sidecars: Path) -> str:
    with pytest.raises(Rejected) as caught:
        recognise(path, name or path.name, {f".{key}": file for key, file in sidecars.items()})
    assert caught.value.hint
    return caught.value.code


@pytest.mark.parametrize(
    ("driver", "file", "expected"),
    [
        ("GTiff", "a.tif", "geotiff"), ("JP2OpenJPEG", "a.jp2", "jpeg2000"),
        ("netCDF", "a.nc", "netcdf"), ("HFA", "a.img", "erdas"), ("PNG", "a.png", "png"),
        ("JPEG", "a.jpg", "jpeg"), ("GPKG", "a.gpkg", "geopackage"),
        ("MBTiles", "a.mbtiles", "mbtiles"), ("AAIGrid", "a.asc", "ascii_grid"),
        ("GRIB", "a.grb2", "grib"),
    ],
)  # fmt: skip
def test_content_names_the_format_and_the_ending_nothing(
    tmp_path: Path, driver: str, file: str, expected: str
) -> None:
    path = write_as(tmp_path / file, driver, **LONLAT)
    assert recognise(path, "disguised.txt").id == expected


def test_netcdf_in_hdf5_goes_to_the_netcdf_driver(tmp_path: Path) -> None:
    path = write_as(tmp_path / "a.nc", "netCDF", FORMAT="NC4")
    assert path.read_bytes()[:4] == b"\x89HDF"
    assert recognise(path, "a.h5").driver == "netCDF"


@pytest.mark.parametrize("label", LABELS)
def test_a_text_that_points_at_pixels_is_refused_under_any_name(tmp_path: Path, label: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(LABELS[label])
    assert code_of(path, "good.tif") == "unsupported_format"


def test_an_empty_file_and_a_plain_text_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "text").write_bytes(b"this is not a raster\n")
    assert code_of(tmp_path / "empty", "a.tif") == "empty_file"
    assert code_of(tmp_path / "text", "a.tif") == "not_a_raster"


def test_an_archive_is_named_as_such(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.txt", "a")
    with pytest.raises(Rejected, match="zip archive"):
        recognise(tmp_path / "a.zip", "a.zip")


@pytest.mark.parametrize(("driver", "file", "expected"), [("ENVI", "a.dat", "envi"),
                                                          ("EHdr", "a.bil", "ehdr")])  # fmt: skip
def test_raw_pixels_are_recognised_by_their_header(
    tmp_path: Path, driver: str, file: str, expected: str
) -> None:
    path = write_as(tmp_path / file, driver)
    assert recognise(path, "pixels", {".hdr": path.with_suffix(".hdr")}).id == expected


def test_raw_pixels_without_header_name_the_missing_file(tmp_path: Path) -> None:
    path = write_as(tmp_path / "a.dat", "ENVI")
    with pytest.raises(Rejected, match=r"scene\.hdr") as caught:
        recognise(path, "folder/scene.dat")
    assert caught.value.code == "missing_sidecar"


def test_a_header_alone_names_the_missing_pixels(tmp_path: Path) -> None:
    path = write_as(tmp_path / "a.dat", "ENVI")
    assert code_of(path.with_suffix(".hdr")) == "missing_sidecar"


def test_a_header_of_something_else_is_no_header(tmp_path: Path) -> None:
    (tmp_path / "a.dat").write_bytes(bytes(100))
    (tmp_path / "a.hdr").write_bytes(VRT)
    assert code_of(tmp_path / "a.dat", hdr=tmp_path / "a.hdr") == "not_a_raster"


def test_a_true_raster_keeps_its_format_beside_a_header(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", gradient("uint8"))
    header = write_as(tmp_path / "b.dat", "ENVI").with_suffix(".hdr")
    assert recognise(path, "a.tif", {".hdr": header}).id == "geotiff"


@pytest.mark.parametrize(
    ("name", "size", "taken"),
    [
        ("N10W110.hgt", 1201 * 1201 * 2, True), ("x/s05e100.SRTMGL1.HGT", 3601 * 3601 * 2, True),
        ("N10W110.hgt", 1801 * 3601 * 2, True), ("N10W110.hgt", 1201 * 1201 * 2 - 1, False),
        ("height.hgt", 1201 * 1201 * 2, False), ("N99W110.hgt", 1201 * 1201 * 2, False),
        ("N10W110.bin", 1201 * 1201 * 2, False),
    ],
)  # fmt: skip
def test_srtm_is_known_by_size_and_name_together(
    tmp_path: Path, name: str, size: int, taken: bool
) -> None:
    path = tmp_path / "a"
    with path.open("wb") as file:
        file.truncate(size)
    if taken:
        assert recognise(path, name).id == "srtm_hgt"
    else:
        assert code_of(path, name) in ("not_a_raster", "missing_sidecar")


def test_a_database_without_tiles_is_no_raster(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "a.gpkg") as connection:
        connection.execute("CREATE TABLE a (b)")
    connection.close()
    assert code_of(tmp_path / "a.gpkg") == "unsupported_format"


def test_a_bulletin_before_a_grib_message_is_stepped_over(tmp_path: Path) -> None:
    path = write_as(tmp_path / "a.grb2", "GRIB", **LONLAT)
    path.write_bytes(b"\x01\r\r\n123\r\r\nYZCZ84 KWBC 100000\r\r\n" + path.read_bytes())
    assert recognise(path, "a").id == "grib"
