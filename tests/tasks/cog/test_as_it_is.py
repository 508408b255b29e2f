"""A good COG is kept byte for byte; one that differs in anything that matters is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from rio_cogeo.cogeo import cog_validate

from repository.errors import Rejected
from repository.raster_info import Kind
from tasks.cog.as_it_is import is_good_cog
from tasks.conversion import convert, info_of_result
from tasks.raster_source import FoundRaster
from tasks.tiff_header import read_tiff_header
from tests.rasters import found_of, info_of, promise, write_raster


def cog(folder: Path, pixels: np.ndarray | None = None, **options: Any) -> Path:
    """A COG as GDAL writes it, of (bands, height, width); `tags` go into the source."""
    noise = np.random.default_rng(3).integers(1, 200, (1, 700, 900)).astype("uint8")
    pixels = noise if pixels is None else pixels
    raw = {k: options.pop(k) for k in ("crs", "transform", "nodata", "mask") if k in options}
    tags = options.pop("tags", {})
    source = write_raster(folder / "source.tif", pixels, **raw)
    with rasterio.open(source, "r+") as dataset:
        dataset.update_tags(**tags)
    path = folder / "cog.tif"
    settings = {"COMPRESS": "DEFLATE", "BLOCKSIZE": "256"} | options
    rasterio.shutil.copy(source, path, driver="COG", **settings)
    return path


def is_good(path: Path, kind: Kind = "measurement", **answers: Any) -> bool:
    header = read_tiff_header(path)
    info = replace(info_of(path, kind), overviews=header.overviews)
    return is_good_cog(path, header, info, answers)


@pytest.mark.parametrize(
    "options",
    [{}, {"COMPRESS": "ZSTD"}, {"COMPRESS": "LZW", "PREDICTOR": "YES"}, {"BIGTIFF": "YES"},
     {"BLOCKSIZE": "512"}, {"nodata": 7}, {"tags": {"PLATFORM": "S2"}},
     {"mask": np.eye(700, 900, dtype=bool)}, {"COMPRESS": "WEBP", "QUALITY": "100"}],
)  # fmt: skip
def test_what_gdal_writes_is_kept(tmp_path: Path, options: dict[str, Any]) -> None:
    pixels = None
    if options.get("COMPRESS") == "WEBP":
        pixels = np.random.default_rng(3).integers(1, 200, (3, 700, 900)).astype("uint8")
    path = cog(tmp_path, pixels, **options)
    assert cog_validate(path, strict=True)[0]
    assert is_good(path)


@pytest.mark.parametrize(
    "options",
    [{"COMPRESS": "NONE"}, {"OVERVIEWS": "NONE"}, {"BLOCKSIZE": "64"}, {"BLOCKSIZE": "2048"},
     {"crs": None}, {"tags": {"NOTE": "x" * 70_000}},
     {"tags": {f"T{number}": "x" for number in range(300)}},
     {"transform": rasterio.Affine(10, 0, 4e5, 0, 10, 5e6)},
     {"transform": rasterio.Affine(10, 3, 4e5, 3, -10, 5e6)}],
)  # fmt: skip
def test_what_is_not_good_is_converted(tmp_path: Path, options: dict[str, Any]) -> None:
    pixels = None
    if options.get("OVERVIEWS") or options.get("BLOCKSIZE") == "2048":
        pixels = np.zeros((1, 4500, 4500), "uint8")
    assert not is_good(cog(tmp_path, pixels, **options))


@pytest.mark.parametrize(("count", "kept"), [(200, True), (2**31, False), (2**61, False)])
def test_a_tag_that_points_past_the_end_is_not_passed_on(
    tmp_path: Path, count: int, kept: bool
) -> None:
    path = cog(tmp_path, tags={"TIFFTAG_SOFTWARE": "some program"}, BIGTIFF="YES")
    promise(path, tag=305, kind=1, count=count)
    assert is_good(path) is kept


@pytest.mark.parametrize("answer", [{"crs": "EPSG:4326"}, {"nodata": 0}, {"bounds": [0, 0, 1, 1]}])
def test_an_answer_that_changes_it_makes_a_new_file(tmp_path: Path, answer: dict[str, Any]) -> None:
    path = cog(tmp_path)
    assert is_good(path, datetime="2020-01-01T00:00:00Z")
    assert not is_good(path, **answer)


def test_facts_that_differ_from_the_file_make_a_new_file(tmp_path: Path) -> None:
    path = cog(tmp_path)
    header, info = read_tiff_header(path), info_of(path)
    moved = replace(info, transform=(10.0, 0.0, 0.0, 0.0, -10.0, 0.0))
    elsewhere = replace(info, crs_wkt=rasterio.CRS.from_epsg(3857).to_wkt())
    for other in (moved, elsewhere):
        assert not is_good_cog(path, header, other, {})


def test_an_edited_cog_is_written_anew(tmp_path: Path) -> None:
    path = cog(tmp_path)
    with rasterio.open(path, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as dataset:
        noise = np.random.default_rng(5).integers(0, 256, (1, 256, 256)).astype("uint8")
        dataset.write(noise, window=((256, 512), (0, 256)))
    assert not is_good(path)


def test_a_plain_tiled_tiff_with_overviews_is_written_anew(tmp_path: Path) -> None:
    pixels = np.zeros((1, 700, 900), "uint8")
    options = {"tiled": True, "blockxsize": 256, "blockysize": 256, "compress": "deflate"}
    path = write_raster(tmp_path / "a.tif", pixels, **options)
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2, 4])
    assert not is_good(path)


def patches() -> np.ndarray:
    """Class codes in squares whose sides are those of the smallest overview's pixels."""
    small = np.random.default_rng(3).choice(np.array([10, 80, 200], "uint8"), (1, 176, 228))
    return small.repeat(4, axis=1).repeat(4, axis=2)[:, 1:701, 1:901]


@pytest.mark.parametrize("resampling", ["NEAREST", "AVERAGE", "CUBIC"])
@pytest.mark.parametrize("kind", ["classes", "bits"])
def test_codes_with_overviews_are_written_anew(tmp_path: Path, resampling: str, kind: Kind) -> None:
    path = cog(tmp_path, patches(), OVERVIEW_RESAMPLING=resampling)
    assert not is_good(path, kind)
    assert is_good(path, "measurement")


def test_codes_without_overviews_are_kept(tmp_path: Path) -> None:
    assert is_good(cog(tmp_path, patches()[:, :250, :250]), "classes")


def as_it_is(path: Path) -> FoundRaster:
    info = replace(info_of(path), overviews=(2, 4), compression="deflate")
    return replace(found_of(path, info), take_as_it_is=True)


def test_every_pixel_is_read_and_nothing_is_written(tmp_path: Path) -> None:
    path = cog(tmp_path)
    seen: list[np.ndarray] = []
    shares: list[float] = []
    raster, target = as_it_is(path), tmp_path / "b.tif"
    result = convert(
        raster, target, on_strip=lambda pixels, _: seen.append(pixels.copy()),
        on_progress=shares.append,
    )  # fmt: skip
    assert not target.exists()
    with rasterio.open(path) as dataset:
        np.testing.assert_array_equal(np.concatenate(seen, axis=1), dataset.read())
    assert (result.size_bytes, result.overviews) == (path.stat().st_size, (2, 4))
    assert info_of_result(raster, result) == raster.info
    assert shares[-1] == 1


@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_block_that_cannot_be_decoded_is_found_at_every_level(tmp_path: Path, level: int) -> None:
    path = cog(tmp_path)
    page = read_tiff_header(path).pages[level]
    data = bytearray(path.read_bytes())
    data[page.data_start : page.data_start + 200] = b"\xff" * 200
    path.write_bytes(data)
    with pytest.raises(Rejected) as caught:
        convert(as_it_is(path), tmp_path / "b.tif")
    assert caught.value.code == "unreadable_pixels"
