"""The COG holds what the source held: pixels, place and all that explains them."""

from __future__ import annotations

import dataclasses
import errno
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.enums import ColorInterp
from rio_cogeo.cogeo import cog_validate

from repository.errors import OutOfSpace, Rejected
from repository.raster_info import Kind
from tasks import conversion, watch
from tasks.cog import strips, writer
from tasks.conversion import convert
from tasks.watch import Cancelled
from tests.rasters import found_of, gradient, info_of, write_raster

DTYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]
DTYPES += ["float32", "float64"]
SAME = [
    "crs", "transform", "shape", "count", "dtypes", "nodatavals", "colorinterp", "scales",
    "offsets", "units", "descriptions", "mask_flag_enums",
]  # fmt: skip


def converted(source: Path, kind: Kind = "measurement") -> Path:
    """The COG of `source`, beside it."""
    destination = source.with_suffix(".cog.tif")
    convert(found_of(source, info_of(source, kind)), destination, threads=2)
    return destination


def assert_same(source: Path, destination: Path) -> None:
    """Both files hold the same pixels, validity and description; the second is a clean COG."""
    with rasterio.open(source) as before, rasterio.open(destination) as after:
        np.testing.assert_array_equal(after.read(), before.read())
        np.testing.assert_array_equal(after.read_masks(), before.read_masks())
        for name in SAME:
            assert str(getattr(after, name)) == str(getattr(before, name)), name
        assert after.tags() == before.tags()
        for index in before.indexes:
            assert after.tags(index) == before.tags(index)
    assert cog_validate(destination, strict=True)[1:] == ([], [])


@pytest.mark.parametrize("bands", [1, 3, 6])
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_number_type_survives(tmp_path: Path, dtype: str, bands: int) -> None:
    source = write_raster(tmp_path / "a.tif", gradient(dtype, 70, 300, bands))
    assert_same(source, converted(source))


@pytest.mark.parametrize("dtype", ["uint64", "int64", "int32", "uint16", "int8"])
def test_the_limits_of_a_type_survive(tmp_path: Path, dtype: str) -> None:
    pixels = gradient(dtype)
    pixels[0, 0, :2] = np.iinfo(dtype).min, np.iinfo(dtype).max
    source = write_raster(tmp_path / "a.tif", pixels)
    assert_same(source, converted(source))


@pytest.mark.parametrize("kind", ["classes", "bits", "rgb", "measurement"])
def test_every_kind_of_data_survives(tmp_path: Path, kind: Kind) -> None:
    source = write_raster(tmp_path / "a.tif", gradient("uint8", 300, 520))
    assert_same(source, converted(source, kind))


@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (300, 1), (257, 256), (513, 515), (3, 2000)])
def test_every_shape_survives(tmp_path: Path, shape: tuple[int, int]) -> None:
    source = write_raster(tmp_path / "a.tif", gradient("int16", *shape))
    assert_same(source, converted(source))


@pytest.mark.parametrize(
    ("dtype", "nodata"),
    [("uint8", 0), ("int16", -9999), ("float32", float("nan")), ("float32", -3.4e38),
     ("float64", -1.2676506e30), ("uint16", 65535), ("float32", -9999)],
)  # fmt: skip
def test_nodata_survives(tmp_path: Path, dtype: str, nodata: float) -> None:
    pixels = gradient(dtype, 300, 300)
    pixels[0, :100, :100] = nodata
    source = write_raster(tmp_path / "a.tif", pixels, nodata=nodata)
    assert_same(source, converted(source))


def test_an_internal_mask_survives(tmp_path: Path) -> None:
    mask = np.zeros((300, 600), dtype=bool)
    mask[20:250, 30:500] = True
    source = write_raster(
        tmp_path / "a.tif", gradient("uint8", 300, 600, 3), photometric="RGB", mask=mask
    )
    assert_same(source, converted(source, "rgb"))


def test_a_mask_of_many_bands_survives(tmp_path: Path) -> None:
    mask = np.eye(300, dtype=bool)
    source = write_raster(tmp_path / "a.tif", gradient("uint16", 300, 300, 6), mask=mask)
    assert_same(source, converted(source))


def test_a_mask_beside_the_source_becomes_internal(tmp_path: Path) -> None:
    source = write_raster(tmp_path / "a.tif", gradient("uint8", 300, 300))
    outside = np.eye(300, dtype="uint8")[np.newaxis] * 255
    write_raster(tmp_path / "a.tif.msk", outside)
    info = info_of(source, external_mask=True)
    mask_path = str(tmp_path / "a.tif.msk")
    convert(found_of(source, info, mask_path=mask_path), tmp_path / "b.tif")
    with rasterio.open(tmp_path / "b.tif") as cog:
        np.testing.assert_array_equal(cog.read_masks(1), outside[0])


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_alpha_survives(tmp_path: Path, dtype: str) -> None:
    pixels = gradient(dtype, 300, 300, 4)
    pixels[3, :150] = 0
    source = write_raster(tmp_path / "a.tif", pixels, photometric="RGB", alpha="yes")
    assert_same(source, converted(source, "rgb"))


def test_the_order_of_colours_survives(tmp_path: Path) -> None:
    source = write_raster(tmp_path / "a.tif", gradient("uint16", bands=4))
    with rasterio.open(source, "r+") as dataset:
        dataset.colorinterp = [ColorInterp[n] for n in ("blue", "green", "red", "alpha")]
    assert_same(source, converted(source, "rgb"))


def test_a_colour_table_survives(tmp_path: Path) -> None:
    source = write_raster(tmp_path / "a.tif", gradient("uint8"), photometric="palette")
    with rasterio.open(source, "r+") as dataset:
        dataset.write_colormap(1, {1: (255, 0, 0, 255), 7: (1, 2, 3, 255)})
    cog = converted(source)
    assert_same(source, cog)
    with rasterio.open(source) as before, rasterio.open(cog) as after:
        assert after.colormap(1) == before.colormap(1)


def test_scale_offset_unit_name_and_tags_survive(tmp_path: Path) -> None:
    source = write_raster(tmp_path / "a.tif", gradient("int16", bands=2))
    with rasterio.open(source, "r+") as dataset:
        dataset.scales, dataset.offsets = (0.0001, 0.1), (-273.15, 0)
        dataset.units, dataset.descriptions = ("K", "mm"), ("température <°>", "rain & snow")
        dataset.update_tags(PLATFORM="S2", TIFFTAG_SOFTWARE="test", NOTE="a < b & 'c'")
        dataset.update_tags(2, WAVELENGTH="842")
    assert_same(source, converted(source))


@pytest.mark.parametrize("point", ["Area", "Point"])
@pytest.mark.parametrize(
    "transform",
    [Affine(0.5, 0, -180, 0, 0.5, -90), Affine(10.1, 0, 1 / 3, 0, -9.9, 7e6 + 1 / 7),
     Affine(1, 0.5, 100, 0.25, -1, 200)],
)  # fmt: skip
def test_the_place_survives(tmp_path: Path, transform: Affine, point: str) -> None:
    source = write_raster(tmp_path / "a.tif", gradient("uint8"), transform=transform)
    with rasterio.open(source, "r+") as dataset:
        dataset.update_tags(AREA_OR_POINT=point)
    assert_same(source, converted(source))


@pytest.mark.parametrize(
    "crs", ["EPSG:5514", "ESRI:102001", "+proj=laea +lat_0=10 +lon_0=7 +a=6371007 +units=m"]
)
def test_any_crs_survives(tmp_path: Path, crs: str) -> None:
    source = write_raster(tmp_path / "a.tif", gradient("uint8"), crs=crs)
    assert_same(source, converted(source))


@pytest.mark.parametrize(
    "options",
    [{"compress": "lzw", "predictor": 2}, {"tiled": True, "blockxsize": 512, "blockysize": 512},
     {"interleave": "pixel", "compress": "zstd"}, {"SPARSE_OK": True}, {"BIGTIFF": "YES"},
     {"compress": "deflate", "blockysize": 700}, {"NBITS": 7}, {"ENDIANNESS": "BIG"}],
)  # fmt: skip
def test_any_layout_of_the_source_is_read(tmp_path: Path, options: dict[str, object]) -> None:
    source = write_raster(tmp_path / "a.tif", gradient("uint8", 700, 600, 5), **options)
    assert_same(source, converted(source))


def test_one_bit_values_survive(tmp_path: Path) -> None:
    source = write_raster(tmp_path / "a.tif", gradient("uint8", 300, 300) % 2, nbits=1)
    cog = converted(source, "classes")
    with rasterio.open(source) as before, rasterio.open(cog) as after:
        np.testing.assert_array_equal(after.read(), before.read())


def test_jpeg_colours_are_kept_as_decoded(tmp_path: Path) -> None:
    source = write_raster(
        tmp_path / "a.tif", gradient("uint8", 300, 300, 3), compress="jpeg", photometric="ycbcr"
    )
    assert_same(source, converted(source, "rgb"))


def test_the_owners_answers_win_over_the_file(tmp_path: Path) -> None:
    source = write_raster(tmp_path / "a.tif", gradient("int16"), crs=None, nodata=5)
    info = info_of(source)
    band = dataclasses.replace(info.bands[0], nodata=7, mask="nodata")
    wkt = rasterio.crs.CRS.from_epsg(3857).to_wkt()
    place = (2.0, 0.0, 10.0, 0.0, -2.0, 20.0)
    info = dataclasses.replace(info, crs_wkt=wkt, transform=place, bands=(band,))
    convert(found_of(source, info), tmp_path / "b.tif")
    with rasterio.open(tmp_path / "b.tif") as cog:
        assert (cog.crs.to_epsg(), cog.nodata, tuple(cog.transform)[:6]) == (3857, 7, place)


def test_a_nodata_value_that_the_type_cannot_hold_is_kept(tmp_path: Path) -> None:
    source = write_raster(tmp_path / "a.tif", gradient("uint8"))
    info = info_of(source)
    band = dataclasses.replace(info.bands[0], nodata=-9999, mask="nodata")
    convert(found_of(source, dataclasses.replace(info, bands=(band,))), tmp_path / "b.tif")
    assert b"-9999\0" in (tmp_path / "b.tif").read_bytes()


def test_strips_hold_every_pixel_once_with_its_validity(tmp_path: Path) -> None:
    pixels = gradient("float32", 700, 300)
    pixels[0, :5, :5], pixels[0, 6, 6], pixels[0, 7, 7] = -1, np.nan, np.inf
    source = write_raster(tmp_path / "a.tif", pixels, nodata=-1)
    seen: list[np.ndarray] = []
    convert(
        found_of(source), tmp_path / "b.tif",
        on_strip=lambda strip, valid: seen.append(np.where(valid, strip, -5)),
    )  # fmt: skip
    expected = np.where((pixels != -1) & np.isfinite(pixels), pixels, -5)
    np.testing.assert_array_equal(np.concatenate(seen, axis=1), expected)


def test_wide_rasters_are_read_in_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = strips.plan
    monkeypatch.setattr(strips, "plan", lambda info, size: plan(info, size, 1 << 18))
    pixels = gradient("uint8", 600, 4576, 2)
    mask = gradient("uint8", 600, 4576)[0] > 60
    source = write_raster(tmp_path / "a.tif", pixels, mask=mask)
    in_columns = converted(source)
    assert_same(source, in_columns)
    monkeypatch.undo()
    convert(found_of(source), tmp_path / "whole.tif")
    for level in range(5):
        with (
            rasterio.open(in_columns, overview_level=level) as one,
            rasterio.open(tmp_path / "whole.tif", overview_level=level) as other,
        ):
            np.testing.assert_array_equal(one.read(), other.read())
            np.testing.assert_array_equal(one.read_masks(), other.read_masks())


def test_files_beyond_four_gigabytes_are_bigtiff(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "classic_data_limit", lambda levels: 0)
    mask = gradient("uint8", 300, 700)[0] > 50
    source = write_raster(tmp_path / "a.tif", gradient("uint16", 300, 700, 3), mask=mask)
    cog = converted(source)
    assert cog.read_bytes()[:4] == b"II+\0"
    assert_same(source, cog)


def test_progress_rises_to_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "SECONDS_BETWEEN_REPORTS", 0)
    source = write_raster(tmp_path / "a.tif", gradient("uint8", 1300, 1300))
    shares: list[float] = []
    convert(found_of(source), tmp_path / "b.tif", on_progress=shares.append)
    assert len(shares) >= 20
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_a_truncated_file_is_rejected_and_leaves_nothing(tmp_path: Path) -> None:
    source = write_raster(tmp_path / "a.tif", gradient("uint16", 700, 700))
    info = info_of(source)
    source.write_bytes(source.read_bytes()[:200_000])
    with pytest.raises(Rejected, match="ends too early") as caught:
        convert(found_of(source, info), tmp_path / "b.tif")
    assert caught.value.code == "truncated"
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]


def test_damaged_blocks_are_rejected(tmp_path: Path) -> None:
    source = write_raster(tmp_path / "a.tif", gradient("uint16", 700, 700), compress="zstd")
    info = info_of(source)
    data = bytearray(source.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 2000] = bytes(2000)
    source.write_bytes(data)
    with pytest.raises(Rejected, match="cannot be decoded") as caught:
        convert(found_of(source, info), tmp_path / "b.tif")
    assert caught.value.code == "unreadable_pixels"


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        (tmp_path / "b.tif").write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(conversion, "write_file", full)
    source = write_raster(tmp_path / "a.tif", gradient("uint8"))
    with pytest.raises(OutOfSpace):
        convert(found_of(source), tmp_path / "b.tif")
    assert not (tmp_path / "b.tif").exists()


def test_a_conversion_can_be_stopped(tmp_path: Path) -> None:
    source = write_raster(tmp_path / "a.tif", gradient("uint8"))
    with pytest.raises(Cancelled):
        convert(found_of(source), tmp_path / "b.tif", is_cancelled=lambda: True)
    assert not (tmp_path / "b.tif").exists()


def test_bands_of_different_types_share_the_smallest_that_holds_them(tmp_path: Path) -> None:
    source = write_raster(tmp_path / "a.tif", gradient("uint8", bands=2))
    info = info_of(source)
    bands = (info.bands[0], dataclasses.replace(info.bands[1], dtype="int16"))
    convert(found_of(source, dataclasses.replace(info, bands=bands)), tmp_path / "b.tif")
    with rasterio.open(tmp_path / "b.tif") as cog:
        assert cog.dtypes == ("int16", "int16")
