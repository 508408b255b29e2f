from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from PIL import Image

from repository.raster_info import BandInfo, Kind
from tasks import pixel_sample
from tasks.diagnosis import band_findings
from tasks.nodata_doubts import nodata_warning
from tasks.pixel_sample import Sample, read_sample
from tasks.quicklook import MAX_BASE64_BYTES, quicklook_png
from tests.rasters import gradient, info_of, write_raster


def sampled(path: Path) -> tuple[Sample, tuple[BandInfo, ...]]:
    bands = info_of(path).bands
    with rasterio.open(path) as dataset:
        sample = read_sample(dataset, bands)
    assert sample is not None
    return sample, bands


def picture(path: Path) -> np.ndarray:
    """The quicklook as (height, width, 4)."""
    png = base64.b64decode(quicklook_png(*sampled(path)))
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))


def noise(bands: int, size: int, dtype: str = "uint8") -> np.ndarray:
    return np.random.default_rng(5).integers(1, 250, (bands, size, size)).astype(dtype)


def test_a_small_raster_is_seen_whole(tmp_path: Path) -> None:
    pixels = gradient("int16", 40, 50, bands=2)
    sample, _ = sampled(write_raster(tmp_path / "a.tif", pixels))
    assert (sample.pixels == pixels).all()
    assert sample.is_picture
    assert sample.border.sum() == 2 * 40 + 2 * 48


def test_a_larger_raster_is_made_small(tmp_path: Path) -> None:
    sample, _ = sampled(write_raster(tmp_path / "a.tif", gradient("float32", 2000, 3000)))
    assert sample.pixels.shape == (1, 213, 320)


def test_validity_knows_nodata_nan_and_masks(tmp_path: Path) -> None:
    pixels = gradient("float32", 4, 4)
    pixels[0, 0, :3] = (np.nan, -9999, np.inf)
    sample, bands = sampled(write_raster(tmp_path / "a.tif", pixels, nodata=-9999))
    assert sample.valid.sum() == 13
    assert band_findings(bands, sample)[0].valid_share == pytest.approx(13 / 16, abs=1e-4)
    masked, _ = sampled(
        write_raster(tmp_path / "b.tif", gradient("uint8", 4, 4), mask=np.eye(4, dtype=bool))
    )
    assert masked.valid.sum() == 4


def test_what_costs_too_much_is_looked_at_in_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_raster(
        tmp_path / "a.tif", noise(3, 1024), tiled=True, blockxsize=64, blockysize=64
    )
    monkeypatch.setattr(pixel_sample, "BUDGET_BYTES", 300_000)
    monkeypatch.setattr(pixel_sample, "_READ_WHOLE_BYTES", 0)
    sample, bands = sampled(path)
    assert not sample.is_picture
    assert sample.pixels.shape[0] == 3
    assert sample.pixels[0].size * 3 <= 300_000
    assert quicklook_png(sample, bands) == ""
    assert band_findings(bands, sample)[0].max == sample.pixels[0].max()


def test_a_block_too_large_is_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_raster(tmp_path / "a.tif", noise(1, 512), blockysize=512, compress="deflate")
    monkeypatch.setattr(pixel_sample, "BUDGET_BYTES", 100_000)
    monkeypatch.setattr(pixel_sample, "_READ_WHOLE_BYTES", 0)
    with rasterio.open(path) as dataset:
        assert read_sample(dataset, info_of(path).bands) is None


def test_damage_is_left_for_the_conversion(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", noise(1, 64), compress="deflate")
    content = path.read_bytes()
    path.write_bytes(content[:300] + bytes(3000) + content[3300:])
    with rasterio.open(path) as dataset:
        assert read_sample(dataset, info_of(path).bands) is None


def test_a_quicklook_of_noise_is_small(tmp_path: Path) -> None:
    rgb = write_raster(tmp_path / "a.tif", noise(3, 600), photometric="RGB")
    assert 0 < len(quicklook_png(*sampled(rgb))) <= MAX_BASE64_BYTES


def test_a_quicklook_has_the_colours_of_the_table(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", gradient("uint8", 3, 3) % 2 + 1)
    with rasterio.open(path, "r+") as dataset:
        dataset.write_colormap(1, {1: (255, 0, 0, 255), 2: (0, 255, 0, 255)})
    assert {tuple(color) for color in picture(path).reshape(-1, 4)} == {
        (255, 0, 0, 255), (0, 255, 0, 255),
    }  # fmt: skip


def test_a_quicklook_is_transparent_where_nothing_is(tmp_path: Path) -> None:
    pixels = gradient("int16", 10, 10)
    pixels[0, :5] = -1
    alpha = picture(write_raster(tmp_path / "a.tif", pixels, nodata=-1))[..., 3]
    assert (alpha[:5] == 0).all()
    assert (alpha[5:] == 255).all()
    nothing = write_raster(tmp_path / "b.tif", np.full((1, 4, 4), -1, "int16"), nodata=-1)
    assert (picture(nothing)[..., 3] == 0).all()


def test_a_histogram_counts_the_valid_pixels(tmp_path: Path) -> None:
    found = band_findings(*reversed(sampled(write_raster(tmp_path / "a.tif", noise(1, 32)))))[0]
    assert sum(found.histogram_counts) == 32 * 32
    assert len(found.histogram_edges) == len(found.histogram_counts) + 1
    assert found.histogram_edges[0] == found.min


@pytest.mark.parametrize("value", [1e308, -3.4e38])
def test_extreme_values_have_findings_too(tmp_path: Path, value: float) -> None:
    pixels = np.array([[[value, -value, 1.0]]])
    (found,) = band_findings(*reversed(sampled(write_raster(tmp_path / "a.tif", pixels))))
    assert {found.min, found.max} == {value, -value}


def doubt(path: Path, kind: Kind = "measurement", **changes: Any) -> str:
    sample, _ = sampled(path)
    warning = nodata_warning(sample, info_of(path, kind))
    return warning[1] if warning else ""


def collar(bands: int, dtype: str, value: float) -> np.ndarray:
    """Noise with a third of the columns at the left of one value."""
    pixels = noise(bands, 60, dtype)
    pixels[:, :, :20] = value
    return pixels


@pytest.mark.parametrize(
    ("dtype", "value", "shown"),
    [("uint8", 0, "0"), ("uint8", 255, "255"), ("uint16", 65535, "65535"),
     ("int16", -32768, "-32768"), ("float32", -9999, "-9999"), ("float64", 0, "0")],
)  # fmt: skip
def test_a_collar_of_one_value_is_doubtful(
    tmp_path: Path, dtype: str, value: float, shown: str
) -> None:
    sentence = doubt(write_raster(tmp_path / "a.tif", collar(3, dtype, value)))
    assert f" {shown} fills about 33% " in sentence


def test_a_collar_must_be_in_all_bands(tmp_path: Path) -> None:
    pixels = collar(3, "uint8", 0)
    pixels[2, :, :20] = 9
    assert not doubt(write_raster(tmp_path / "a.tif", pixels))


def test_a_lake_in_the_middle_is_not_doubtful(tmp_path: Path) -> None:
    pixels = noise(3, 60)
    pixels[:, 10:40, 10:40] = 0
    pixels[:, 0, :20] = 0
    assert not doubt(write_raster(tmp_path / "a.tif", pixels))


def test_nothing_is_doubtful_where_validity_is_told(tmp_path: Path) -> None:
    pixels = collar(1, "uint8", 0)
    assert not doubt(write_raster(tmp_path / "a.tif", pixels, nodata=0))
    assert not doubt(write_raster(tmp_path / "b.tif", pixels, mask=pixels[0] > 0))


def test_class_codes_plain_and_noisy_pictures_are_not_doubtful(tmp_path: Path) -> None:
    assert not doubt(write_raster(tmp_path / "a.tif", collar(1, "uint8", 0)), "classes")
    assert not doubt(write_raster(tmp_path / "b.tif", np.zeros((1, 60, 60), "uint8")))
    assert not doubt(write_raster(tmp_path / "c.tif", noise(1, 60)))


class Asked:
    """A dataset that notes the shapes that are read of it."""

    def __init__(self, dataset: rasterio.DatasetReader) -> None:
        self.dataset = dataset
        self.shapes: list[tuple[int, ...]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.dataset, name)

    def read(self, *args: Any, **options: Any) -> np.ndarray:
        pixels: np.ndarray = self.dataset.read(*args, **options)
        self.shapes.append(pixels.shape)
        return pixels


def test_a_jpeg_2000_is_decoded_once_at_a_size_that_it_holds(tmp_path: Path) -> None:
    """At another size GDAL decodes it anew for each block: a tile of 5000 x 5000 takes 90 s."""
    pixels = noise(3, 2200) // 8 + np.arange(2200)[:, None] // 20
    path = write_raster(
        tmp_path / "a.jp2", pixels.astype("uint8"), driver="JP2OpenJPEG", BLOCKXSIZE=2200,
        BLOCKYSIZE=2200, QUALITY="20", REVERSIBLE="NO",
    )  # fmt: skip
    with rasterio.open(path) as dataset:
        asked: Any = Asked(dataset)
        sample = read_sample(asked, info_of(path).bands)
    assert sample is not None
    assert asked.shapes == [(3, 550, 550)]
    assert sample.pixels.shape == (3, 320, 320)
    assert abs(float(sample.pixels.mean()) - float(pixels.mean())) < 3
