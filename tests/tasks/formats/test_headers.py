"""Headers read without GDAL: cut files, lying files and bombs are refused by what they say."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from repository.errors import Rejected
from tasks.formats import erdas, grib, jpeg, jpeg2000, netcdf_classic, png, raw_headers
from tasks.formats.checking import check_opened
from tasks.formats.limits import DEFAULT_LIMITS
from tests.rasters import gradient
from tests.tasks.formats.grib1_files import grib1_message
from tests.tasks.formats.netcdf_files import Variable, grid_axes, write_netcdf
from tests.tasks.formats.walk import cut, rejection, take, write_as

LONLAT = {"crs": "EPSG:4326", "transform": from_origin(10, 50, 0.1, 0.1)}
CELL = {
    "crs": "EPSG:4326",
    "transform": from_origin(13 - 1 / 2400, 50 + 1 / 2400, 1 / 1200, 1 / 1200),
}
SQUARE = {"crs": "EPSG:3857", "transform": from_origin(1_000_000, 6_000_000, 38.2185, 38.2185)}


def pixels(dtype: str) -> np.ndarray:
    """Noise, which no codec makes much smaller."""
    return np.random.default_rng(1).integers(0, 200, (1, 90, 110)).astype(dtype)


CUT: list[tuple[str, str, dict[str, Any]]] = [
    ("a.jp2", "JP2OpenJPEG", {"BLOCKXSIZE": "40", "BLOCKYSIZE": "40"}),
    ("a.j2k", "JP2OpenJPEG", {"CODEC": "J2K"}), ("a.nc", "netCDF", {"FORMAT": "NC"}),
    ("a.nc", "netCDF", {"FORMAT": "NC2"}), ("a.nc", "netCDF", {"FORMAT": "NC4"}),
    ("a.grb2", "GRIB", LONLAT), ("a.dat", "ENVI", {}), ("a.bil", "EHdr", {}),
    ("a.img", "HFA", {}), ("a.gpkg", "GPKG", {}), ("a.mbtiles", "MBTiles", SQUARE),
    ("a.png", "PNG", {}), ("a.jpg", "JPEG", {}), ("a.jpg", "JPEG", {"PROGRESSIVE": "YES"}),
]  # fmt: skip


@pytest.mark.parametrize("share", [0.99, 0.6, 0.1])
@pytest.mark.parametrize(("file", "driver", "options"), CUT)
def test_a_cut_file_is_refused_before_gdal(
    tmp_path: Path, file: str, driver: str, options: dict[str, Any], share: float
) -> None:
    path = write_as(tmp_path / file, driver, pixels("uint8"), **options)
    assert rejection(cut(path, share)).code in ("truncated", "corrupt")


def test_a_cut_elevation_cell_is_refused(tmp_path: Path) -> None:
    path = write_as(tmp_path / "a.dt1", "DTED", gradient("int16", 1201, 1201), **CELL)
    assert rejection(cut(path, 0.99)).code == "truncated"


def test_an_ascii_grid_with_too_few_numbers_is_refused(tmp_path: Path) -> None:
    path = write_as(tmp_path / "a.asc", "AAIGrid")
    path.write_text(path.read_text().replace("nrows        40", "nrows        9999"))
    assert rejection(path).code == "truncated"


@pytest.mark.parametrize(
    ("file", "driver", "options"), [entry for entry in CUT if entry[0] not in ("a.dat", "a.bil")]
)
def test_noise_anywhere_in_a_header_raises_nothing_but_rejections(
    tmp_path: Path, file: str, driver: str, options: dict[str, Any]
) -> None:
    taken = take(write_as(tmp_path / file, driver, pixels("uint8"), **options))
    content = taken.path.read_bytes()
    broken = tmp_path / "1" / taken.path.name
    broken.parent.mkdir()
    noise = np.random.default_rng(7)
    for _ in range(60):
        damaged = bytearray(content)
        at = int(noise.integers(0, min(len(content), 600) - 8))
        damaged[at : at + 4] = noise.bytes(4)
        broken.write_bytes(damaged)
        try:
            taken.form.check(broken, DEFAULT_LIMITS)
        except Rejected as error:
            assert error.hint  # noqa: PT017 - it may as well be taken


def jp2(width: int, height: int, tile: int, *, bits: int = 7) -> bytes:
    size = struct.pack(">HHIIIIIIIIH", 41, 0, width, height, 0, 0, tile, tile, 0, 0, 1)
    coding = b"\xff\x52\0\x0c\0\0\0\x01\0\x05\x04\x04\0\x01"
    return b"\xff\x4f\xff\x51" + size + bytes((bits, 1, 1)) + coding + b"\xff\xd9"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (jp2(2**31 - 1, 2**31 - 1, 2**31 - 1), "too_large"),
        (jp2(40_000, 40_000, 20_000), "block_too_large"),
        (jp2(2000, 2000, 5), "corrupt"),  # 160,000 tiles, more than a codestream can number
        (jp2(2000, 2000, 1000), "truncated"),  # none of its tiles is there
        (jp2(2000, 2000, 1000, bits=37), "unsupported_dtype"),
        (jp2(0, 2000, 1000), "corrupt"),
    ],
)
def test_a_jpeg_2000_that_promises_too_much_is_refused(
    tmp_path: Path, content: bytes, code: str
) -> None:
    path = tmp_path / "a.j2k"
    path.write_bytes(content)
    with pytest.raises(Rejected) as caught:
        jpeg2000.check(path, DEFAULT_LIMITS)
    assert caught.value.code == code


def test_a_jpeg_2000_that_names_overviews_elsewhere_is_refused(tmp_path: Path) -> None:
    path = write_as(tmp_path / "a.jp2", "JP2OpenJPEG")
    for text in (b'<MDI key="OVERVIEW_FILE">/etc/x</MDI>', b'<MDI key="OV&#69;RVIEW_FILE"/>'):
        xml = b"<GDALMultiDomainMetadata>" + text + b"</GDALMultiDomainMetadata>"
        box = struct.pack(">I4s", 8 + len(xml), b"xml ") + xml
        (tmp_path / "b.jp2").write_bytes(path.read_bytes() + box)
        assert rejection(tmp_path / "b.jp2").code == "external_reference"


@pytest.mark.parametrize("length", [0, 7, 2**20])
def test_an_inner_box_of_impossible_length_is_refused(tmp_path: Path, length: int) -> None:
    """With length 0, GDAL 3.10 never ends when it is asked for IMAGE_STRUCTURE."""
    path = write_as(tmp_path / "a.jp2", "JP2OpenJPEG")
    content = path.read_bytes()
    at = content.index(b"ihdr") - 4
    path.write_bytes(content[:at] + struct.pack(">I", length) + content[at + 4 :])
    assert rejection(path).code == "corrupt"


def png_file(width: int, height: int, *, bits: int = 8, interlaced: int = 0) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, interlaced)
    return png.MAGIC[0] + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (png_file(60_000, 60_000, bits=1), "too_large"),
        (png_file(20_000, 20_000, interlaced=1), "block_too_large"),
        (png_file(0, 5), "corrupt"),
    ],
)
def test_a_png_that_promises_too_much_is_refused(tmp_path: Path, content: bytes, code: str) -> None:
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(Rejected) as caught:
        png.check(tmp_path / "a.png", DEFAULT_LIMITS)
    assert caught.value.code == code


def test_a_jpeg_of_a_coding_that_gdal_lacks_is_refused(tmp_path: Path) -> None:
    path = write_as(tmp_path / "a.jpg", "JPEG")
    path.write_bytes(path.read_bytes().replace(b"\xff\xc0", b"\xff\xc3"))
    with pytest.raises(Rejected) as caught:
        jpeg.check(path, DEFAULT_LIMITS)
    assert caught.value.code == "unsupported_compression"


def test_a_progressive_jpeg_costs_all_its_coefficients(tmp_path: Path) -> None:
    path = write_as(tmp_path / "a.jpg", "JPEG", gradient("uint8", 40, 50), PROGRESSIVE="YES")
    assert jpeg.check(path, DEFAULT_LIMITS).block_bytes == 40 * 50 * 2


def test_fields_on_other_grids_are_left_out_and_counted(tmp_path: Path) -> None:
    one = write_as(tmp_path / "a.grb2", "GRIB", gradient("float32", bands=2), **LONLAT)
    two = write_as(tmp_path / "b.grb2", "GRIB", gradient("float32", 9, 9), **LONLAT)
    both = tmp_path / "c.grb2"
    both.write_bytes(one.read_bytes() + b"\0\0" + two.read_bytes())
    header = grib.check(both, DEFAULT_LIMITS)
    assert header.bands == 2
    assert "only the 2 on the grid" in dict(header.warnings)["other_grids"]


def test_messages_of_the_first_edition_are_bands(tmp_path: Path) -> None:
    values = np.arange(48).reshape(6, 8)
    path = tmp_path / "a.grb"
    path.write_bytes(grib1_message(values) + bytes(5) + grib1_message(values + 1))
    taken = take(path)
    assert taken.header.bands == 2
    with taken.opened() as dataset:
        np.testing.assert_allclose(dataset.read(1), values - 273.15)  # GDAL gives degrees Celsius
        assert (dataset.bounds.left, dataset.bounds.top) == (9.5, 50.5)


@pytest.mark.parametrize("share", [0.99, 0.5, 0.1])
def test_a_cut_message_of_the_first_edition_is_refused(tmp_path: Path, share: float) -> None:
    path = tmp_path / "a.grb"
    path.write_bytes(grib1_message(np.zeros((6, 8))))
    assert rejection(cut(path, share)).code in ("truncated", "corrupt")


def test_a_grid_of_the_first_edition_that_no_memory_holds_is_refused(tmp_path: Path) -> None:
    message = bytearray(grib1_message(np.zeros((6, 8))))
    at = 8 + 28 + 6
    message[at : at + 4] = struct.pack(">HH", 60_000, 60_000)
    (tmp_path / "a.grb").write_bytes(message)
    assert rejection(tmp_path / "a.grb").code in ("too_large", "block_too_large")


def test_a_field_of_one_message_that_no_memory_holds_is_refused(tmp_path: Path) -> None:
    path = write_as(tmp_path / "a.grb2", "GRIB", gradient("float32"), **LONLAT)
    limits = replace(DEFAULT_LIMITS, block_bytes=40 * 50 * 8 - 1)
    with pytest.raises(Rejected) as caught:
        grib.check(path, limits)
    assert caught.value.code == "block_too_large"


def test_records_of_netcdf_are_counted_against_the_file(tmp_path: Path) -> None:
    values = Variable(("lat", "lon"), np.zeros((6, 8), "float32"))
    path = write_netcdf(tmp_path / "a.nc", grid_axes() | {"sst": values})
    content = bytearray(path.read_bytes())
    at = content.index(b"\0\0\0\x03lat\0") + 8
    content[at : at + 4] = struct.pack(">I", 2_000_000)
    path.write_bytes(content)
    with pytest.raises(Rejected) as caught:
        netcdf_classic.check(path, DEFAULT_LIMITS)
    assert caught.value.code in ("truncated", "corrupt")


ENVI_CHANGES = [
    ("lines   = 40", "lines   = 41", "truncated"),
    ("lines   = 40", "lines   = forty", "corrupt"),
    ("samples = 50", "samples = 0", "corrupt"),
    ("bands   = 1", "bands   = 5000", "too_large"),
    ("data type = 1", "data type = 6", "complex_data"),
    ("data type = 1", "data type = 77", "corrupt"),
    ("header offset = 0", "header offset = -9", "corrupt"),
    ("byte order = 0", "byte order = 0\nfile compression = 1", "unsupported_compression"),
]


@pytest.mark.parametrize(("old", "new", "code"), ENVI_CHANGES)
def test_an_envi_header_that_lies_is_refused(tmp_path: Path, old: str, new: str, code: str) -> None:
    path = write_as(tmp_path / "a.dat", "ENVI")
    header = path.with_suffix(".hdr")
    assert old in header.read_text()
    header.write_text(header.read_text().replace(old, new))
    assert rejection(path).code == code


def test_values_of_an_envi_header_may_go_over_lines(tmp_path: Path) -> None:
    path = write_as(tmp_path / "a.dat", "ENVI")
    header = path.with_suffix(".hdr")
    header.write_text(header.read_text() + "wavelength = {1,\n lines = 9,\n 3}\n")
    assert raw_headers.check_envi(path, DEFAULT_LIMITS).height == 40


def test_bits_of_an_esri_raster_are_counted_by_row(tmp_path: Path) -> None:
    (tmp_path / "a.hdr").write_text("NROWS 10\nNCOLS 9\nNBITS 1\n")
    (tmp_path / "a.bil").write_bytes(bytes(20))
    assert raw_headers.check_ehdr(tmp_path / "a.bil", DEFAULT_LIMITS).dtype == "uint8"
    (tmp_path / "a.bil").write_bytes(bytes(19))
    assert rejection(tmp_path / "a.bil").code == "truncated"


def test_a_float_grid_of_arcinfo_is_read_by_its_header(tmp_path: Path) -> None:
    values = gradient("float32", 4, 5)
    (tmp_path / "a.flt").write_bytes(values.astype("<f4").tobytes())
    (tmp_path / "a.hdr").write_text(
        "ncols 5\nnrows 4\nxllcorner 10\nyllcorner 50\ncellsize 0.5\nNODATA_value -9999\n"
        "byteorder LSBFIRST\n"
    )
    with take(tmp_path / "a.flt").opened() as dataset:
        np.testing.assert_array_equal(dataset.read(), values)
        assert (dataset.bounds.left, dataset.bounds.bottom, dataset.nodata) == (10, 50, -9999)


def test_pixels_of_an_erdas_file_must_lie_beside_it(tmp_path: Path) -> None:
    path = write_as(tmp_path / "a.img", "HFA", USE_SPILL="YES")
    assert rejection(path, sidecars={}).code == "missing_sidecar"


@pytest.mark.parametrize("name", [b"../a.ige", b"/etc/a.ig"])
def test_an_erdas_file_that_names_another_folder_is_refused(tmp_path: Path, name: bytes) -> None:
    path = write_as(tmp_path / "abcd.img", "HFA", USE_SPILL="YES")
    content = path.read_bytes()
    assert content.count(b"abcd.ige\0") >= 1
    path.write_bytes(content.replace(b"abcd.ige\0", name.ljust(9, b"\0")))
    with pytest.raises(Rejected) as caught:
        erdas.check(path, DEFAULT_LIMITS)
    assert caught.value.code == "external_reference"


def test_an_erdas_file_that_names_overviews_outside_its_folder_is_refused(tmp_path: Path) -> None:
    path = write_as(tmp_path / "abcd.img", "HFA", gradient("uint8", 200, 200))
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2])
    erdas.check(path, DEFAULT_LIMITS)
    assert b"abcd.img(:" in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(b"abcd.img(:", b"../d.img(:"))
    with pytest.raises(Rejected) as caught:
        erdas.check(path, DEFAULT_LIMITS)
    assert caught.value.code == "external_reference"


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"decoded_bytes": 40 * 50 * 8 - 1}, "too_large"),
        ({"bands": 0}, "too_large"),
        ({"suspicious_bytes": 100, "suspicious_ratio": 0}, "too_large"),
        ({"block_bytes": 50 * 8 - 1}, "block_too_large"),
    ],
)
def test_what_gdal_says_is_held_against_the_limits_again(
    tmp_path: Path, limits: dict[str, Any], code: str
) -> None:
    taken = take(write_as(tmp_path / "a.nc", "netCDF", gradient("float64"), FORMAT="NC"))
    with taken.opened() as dataset, pytest.raises(Rejected) as caught:
        check_opened(dataset, taken.header, replace(DEFAULT_LIMITS, **limits))
    assert caught.value.code == code
