"""Conversion stays within its memory whatever the layout, and says what needs more."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.windows import Window

from repository.errors import Rejected, StepFailed
from tasks.cog import strips as strips_module
from tasks.cog.traversal import plan
from tasks.conversion import convert
from tasks.memory import (
    LARGEST_BLOCK_BYTES,
    ORDINARY_BLOCK_BYTES,
    runs_alone,
    seconds_for,
    seconds_to_inspect,
)
from tasks.raster_source import Warp, found_to_json
from tasks.sandbox import PixelProcess
from tests.rasters import ORIGIN, UTM, found_of, gradient, info_of, write_raster
from tests.tasks.test_warping import ROTATED, found

ROOT = Path(__file__).resolve().parents[2]
CHILD = """
import json, resource, sys
from pathlib import Path
from tasks.conversion import convert
from tasks.raster_source import found_from_json
from tasks.statistics import RasterStatistics
raster = found_from_json(json.load(sys.stdin))
convert(raster, Path(sys.argv[1]), on_strip=RasterStatistics(raster.info).add, threads=2)
for line in open("/proc/self/status"):
    if line.startswith("VmHWM"):
        print(int(line.split()[1]) // 1024)
"""


def write_large(path: Path, shape: tuple[int, int, int], dtype: str, **options: Any) -> Path:
    """A raster (bands, height, width) written block by block: this process must stay small."""
    bands, height, width = shape
    profile = {
        "driver": "GTiff", "count": bands, "height": height, "width": width, "dtype": dtype,
        "crs": UTM, "transform": ORIGIN, "compress": "zstd", "zstd_level": 1,
    } | options  # fmt: skip
    with rasterio.open(path, "w", **profile) as dataset:
        rows = max(64, dataset.block_shapes[0][0])
        ramp = (np.arange(width) % 100).astype(dtype)
        for top in range(0, height, rows):
            high = min(rows, height - top)
            for band in dataset.indexes:
                part = np.broadcast_to(ramp, (high, width))
                dataset.write(part, band, window=Window(0, top, width, high))
    return path


def peak_megabytes(path: Path, *, rotated: bool = False) -> int:
    """Resident memory of a process of its own that converts `path` and counts its pixels."""
    raster = found(path) if rotated else found_of(path)
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(path.with_suffix(".cog"))], check=True, timeout=300,
        input=json.dumps(found_to_json(raster)), text=True, capture_output=True, cwd=ROOT,
        env=os.environ | {"GDAL_CACHEMAX": "64"},
    )  # fmt: skip
    return int(done.stdout)


@pytest.mark.parametrize(
    ("shape", "dtype", "options"),
    [
        ((3, 5000, 5000), "uint8", {"interleave": "pixel", "compress": None}),
        ((1, 6000, 6000), "uint8", {"blockysize": 6000}),
        ((4, 300, 60_000), "uint16", {}),
        ((200, 500, 500), "float32", {"interleave": "band"}),
        ((4, 4096, 8192), "uint8", {"tiled": True, "blockxsize": 4096, "blockysize": 4096,
                                    "interleave": "pixel"}),
    ],
    ids=["strips", "one strip", "wide", "many bands", "large tiles"],
)  # fmt: skip
def test_memory_stays_within_600_megabytes(
    tmp_path: Path, shape: tuple[int, int, int], dtype: str, options: dict[str, Any]
) -> None:
    assert peak_megabytes(write_large(tmp_path / "a.tif", shape, dtype, **options)) < 600


def test_a_warp_stays_within_600_megabytes(tmp_path: Path) -> None:
    path = write_large(tmp_path / "a.tif", (3, 3000, 3000), "uint8", transform=ROTATED)
    assert peak_megabytes(path, rotated=True) < 600


def test_a_wide_raster_of_strips_survives_its_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = np.random.default_rng(2).integers(0, 99, (2, 300, 50_000)).astype("uint8")
    mask = np.ones((300, 50_000), bool)
    mask[:, :700] = False
    source = write_raster(tmp_path / "a.tif", pixels, mask=mask, compress="zstd")
    with rasterio.open(source, "r+") as dataset:
        dataset.update_tags(1, WAVELENGTH="842")
    strips: list[tuple[int, ...]] = []
    monkeypatch.setattr(strips_module, "plan", lambda info, size: plan(info, size, 1 << 20))
    convert(
        found_of(source), tmp_path / "b.tif", on_strip=lambda strip, _: strips.append(strip.shape)
    )
    assert len(strips) > 4
    with rasterio.open(tmp_path / "b.tif") as cog:
        np.testing.assert_array_equal(cog.read(), pixels)
        np.testing.assert_array_equal(cog.read_masks(1) != 0, mask)
        assert cog.tags(1)["WAVELENGTH"] == "842"


def test_only_large_blocks_need_a_machine_of_their_own(tmp_path: Path) -> None:
    info = info_of(write_raster(tmp_path / "a.tif", gradient("uint8")))
    side = int(ORDINARY_BLOCK_BYTES**0.5)
    assert not runs_alone(replace(info, block_width=side, block_height=side))
    assert runs_alone(replace(info, block_width=side, block_height=side + 1))


def test_a_block_beyond_all_measure_is_refused(tmp_path: Path) -> None:
    source = write_raster(tmp_path / "a.tif", gradient("uint8"))
    info = replace(info_of(source), block_width=LARGEST_BLOCK_BYTES, block_height=2)
    with pytest.raises(Rejected) as caught:
        convert(found_of(source, info), tmp_path / "b.tif")
    assert caught.value.code == "block_too_large"


def test_the_clock_grows_with_the_pixels() -> None:
    assert seconds_for(0) < 60
    assert seconds_for(36_000 * 36_000) > 300
    assert seconds_for(2 * 10**9) > 1.5 * seconds_for(10**9)


def test_inspection_has_a_second_for_each_megabyte() -> None:
    assert 60 < seconds_to_inspect(30 * 10**6) < 120


def test_a_warp_has_three_times_as_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raster = found_of(write_raster(tmp_path / "a.tif", gradient("uint8")))
    raster = replace(raster, info=replace(raster.info, width=10**5, height=10**5))
    info = raster.info
    warp = Warp("rotated", info.crs_wkt, info.transform, 10**5, 10**5, "nearest")
    allowed: list[float] = []

    def run(self: PixelProcess, request: object, *, seconds: float, progress: object) -> None:
        allowed.append(seconds)
        raise StepFailed("enough")

    monkeypatch.setattr(PixelProcess, "_run", run)
    pixels = PixelProcess(tmp_path, seconds=20)
    for source in (raster.source, replace(raster.source, warp=warp)):
        with pytest.raises(StepFailed):
            pixels.convert(replace(raster, source=source), tmp_path / "b.tif", lambda share: None)
    assert allowed[1] > 2.9 * allowed[0]
