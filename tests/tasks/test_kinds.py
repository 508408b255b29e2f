from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.inspecting import inspect
from tests.rasters import write_raster


def patches(dtype: str, values: tuple[int, ...]) -> np.ndarray:
    """Squares of 8 pixels, each of one value: (1, 96, 96)."""
    codes = np.random.default_rng(1).choice(values, (12, 12))
    return np.kron(codes, np.ones((8, 8)))[None].astype(dtype)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32"])
def test_patches_of_few_codes_are_classes(tmp_path: Path, dtype: str) -> None:
    path = write_raster(tmp_path / "a.tif", patches(dtype, (1, 4, 11)))
    assert inspect(path).kind == "classes"


def test_a_smooth_surface_is_a_measurement(tmp_path: Path) -> None:
    y, x = np.mgrid[0:96, 0:96]
    path = write_raster(tmp_path / "a.tif", (x + 2 * y)[None].astype("int16"))
    assert inspect(path).kind == "measurement"


def test_noise_of_few_values_is_a_measurement(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 40, (1, 96, 96)).astype("uint8")
    assert inspect(write_raster(tmp_path / "a.tif", noise)).kind == "measurement"


def test_floats_are_never_classes(tmp_path: Path) -> None:
    assert (
        inspect(write_raster(tmp_path / "a.tif", patches("float32", (1, 2)))).kind == "measurement"
    )


def test_a_telling_name_means_bits(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", patches("uint16", (1, 21824)))
    assert inspect(path, file_name="LC08_QA_PIXEL.TIF").kind == "bits"
    assert inspect(path, file_name="aqaba.tif").kind != "bits"


def test_a_telling_name_means_measurements(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", patches("uint8", (177, 178, 179)))
    assert inspect(path, file_name="x.tif").kind == "classes"
    assert inspect(path, file_name="alps_DEM_50.tif").kind == "measurement"
    assert inspect(path, file_name="modems.tif").kind == "classes"
