"""Style files and QGIS: what it writes is read here, what is written here it draws alike."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from PIL import Image

from repository.raster_info import BandInfo
from repository.rendering_style import RenderingStyle
from repository.style_files.qml_writing import write_qml
from repository.style_files.reading import read_style_file
from repository.style_files.sld_writing import write_sld
from repository.style_rules import checked_style
from tests.clients.qgis_process import PACKAGE, PYTHON
from tests.rasters import info_of, write_raster
from tests.tiler.refs import ref_of
from tiler.pixels.colours import as_colours
from tiler.pixels.reading import read_window
from tiler.pixels.styles import paint

pytestmark = pytest.mark.clients

SCRIPT = Path(__file__).with_name("qgis_styles.py")
MADE = ("interpolated", "clipped", "discrete", "discrete, open", "exact", "paletted", "multiband",
        "gray", "clipped gray")  # fmt: skip
RED, GREEN, BLUE = [200, 30, 0, 255], [0, 160, 40, 255], [10, 20, 250, 100]
STOPS = [{"value": 0, "color": RED, "label": "low"}, {"value": 30, "color": GREEN},
         {"value": 90, "color": BLUE}]  # fmt: skip
OURS: dict[str, dict[str, Any]] = {
    "ramp": {"kind": "ramp", "bands": [2], "stretch": [[5, 95]], "ramp": "viridis"},
    "reversed ramp": {"kind": "ramp", "bands": [1], "stretch": [[5, 95]], "ramp": "rdylgn_r"},
    "cut ramp": {"kind": "ramp", "bands": [1], "stretch": [[5, 60]], "outside": "transparent"},
    "stops": {"kind": "stops", "bands": [1], "stops": STOPS},
    "cut stops": {"kind": "stops", "bands": [1], "stops": STOPS, "outside": "transparent"},
    "intervals": {"kind": "intervals", "bands": [1], "stops": STOPS},
    "cut intervals": {"kind": "intervals", "bands": [1], "stops": STOPS,
                      "outside": "transparent"},
    "open intervals": {"kind": "intervals", "bands": [1],
                       "stops": [*STOPS, {"value": None, "color": RED}]},
    "classes": {"kind": "classes", "bands": [1], "classes": STOPS[:2]},
    "rgb": {"kind": "rgb", "bands": [3, 1, 2], "stretch": [[10, 80], [0, 100], [20, 60]]},
}  # fmt: skip
SCALED = {"kind": "stops", "bands": [1], "stops": [s | {"value": s["value"] * 100} for s in STOPS]}


@pytest.fixture(scope="module")
def raster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three bands of -5 to 104 in steps of a half; one pixel without a value."""
    values = np.linspace(-5, 104.5, 220).reshape(11, 20)
    pixels = np.stack([values, values[::-1], values[:, ::-1]]).astype("float32")
    pixels[:, 5, 5] = -99
    path = tmp_path_factory.mktemp("styles") / "values.tif"
    return write_raster(path, pixels, nodata=-99)


@pytest.fixture(scope="module")
def scaled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Whole numbers that mean hundredths; QGIS shows what they mean."""
    values = np.linspace(-500, 10_450, 220).reshape(1, 11, 20).round().astype("int16")
    path = write_raster(tmp_path_factory.mktemp("styles") / "scaled.tif", values)
    with rasterio.open(path, "r+") as dataset:
        dataset.scales = (0.01,)
    return path


@pytest.fixture(scope="module")
def drawn(raster: Path, scaled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of what QGIS drew and wrote, all by one QGIS."""
    if not PACKAGE.is_dir():
        pytest.skip("QGIS is not installed: python3-qgis")
    folder = tmp_path_factory.mktemp("drawn")
    jobs = [job(folder, f"made {kind}", raster, make=kind) for kind in MADE]
    for name, definition in OURS.items():
        style = checked_style(definition, bands_of(raster))
        (folder / f"our {name}.qml").write_bytes(write_qml(style, bands_of(raster)))
        jobs.append(job(folder, f"our {name}", raster))
    style = checked_style(SCALED, bands_of(scaled))
    (folder / "our scaled.qml").write_bytes(write_qml(style, bands_of(scaled)))
    jobs.append(job(folder, "our scaled", scaled))
    env = {"PATH": os.environ["PATH"], "QT_QPA_PLATFORM": "offscreen"}
    with tempfile.TemporaryDirectory() as home:
        run = subprocess.run(
            [PYTHON, str(SCRIPT)], input=json.dumps(jobs), capture_output=True, text=True,
            env=env, cwd=home, timeout=120, check=False,
        )  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]
    assert json.loads(run.stdout) == [""] * len(jobs)
    return folder


def job(folder: Path, name: str, raster: Path, **more: str) -> dict[str, str]:
    files = {ending: str(folder / f"{name}.{ending}") for ending in ("qml", "sld")}
    return {"raster": str(raster), "picture": str(folder / f"{name}.png")} | files | more


def bands_of(path: Path) -> tuple[BandInfo, ...]:
    return info_of(path).bands


def ours(path: Path, style: RenderingStyle) -> np.ndarray:
    """(height, width, 4), what is clear black."""
    ref = ref_of(path)
    pixels = read_window(ref, ref.bounds, ref.crs_wkt, ref.width, ref.height, bands=style.bands)
    picture = as_colours(paint(pixels, style))
    shape = picture.rgb.shape[:2]
    alpha = np.full(shape, 255) if picture.alpha is None else picture.alpha
    return np.dstack([picture.rgb, alpha])


def assert_alike(drawn: Path, rgba: np.ndarray, levels: int = 3) -> None:
    """Alpha equal, colours as near as rounding lets them; QGIS keeps them times alpha."""
    theirs = np.asarray(Image.open(drawn).convert("RGBA")).astype(int)
    assert np.abs(theirs[..., 3] - rgba[..., 3]).max() <= 2
    share = theirs[..., 3:] / 255
    difference = np.abs((theirs[..., :3] - rgba[..., :3]) * share)
    assert difference.max() <= levels, np.argwhere(difference > levels)[:5]


@pytest.mark.parametrize("kind", MADE)
def test_a_style_that_qgis_wrote_draws_the_same_here(drawn: Path, raster: Path, kind: str) -> None:
    found = read_style_file((drawn / f"made {kind}.qml").read_bytes(), bands_of(raster))
    assert found.warnings == ()
    style = checked_style(found.definition, bands_of(raster))
    assert_alike(drawn / f"made {kind}.png", ours(raster, style))


@pytest.mark.parametrize("kind", ["interpolated", "discrete", "paletted", "multiband"])
def test_an_sld_that_qgis_wrote_draws_the_same_here(drawn: Path, raster: Path, kind: str) -> None:
    found = read_style_file((drawn / f"made {kind}.sld").read_bytes(), bands_of(raster))
    style = checked_style(found.definition, bands_of(raster))
    assert_alike(drawn / f"made {kind}.png", ours(raster, style))


@pytest.mark.parametrize("name", OURS)
def test_qgis_draws_our_style_the_same(drawn: Path, raster: Path, name: str) -> None:
    style = checked_style(OURS[name], bands_of(raster))
    assert_alike(drawn / f"our {name}.png", ours(raster, style))


def test_qgis_draws_scaled_values_the_same(drawn: Path, scaled: Path) -> None:
    style = checked_style(SCALED, bands_of(scaled))
    assert_alike(drawn / "our scaled.png", ours(scaled, style))


@pytest.mark.parametrize("write", [write_qml, write_sld])
@pytest.mark.parametrize("name", OURS)
def test_what_is_written_is_read_again(raster: Path, name: str, write: Any) -> None:
    style = checked_style(OURS[name], bands_of(raster))
    found = read_style_file(write(style, bands_of(raster)), bands_of(raster))
    again = checked_style(found.definition, bands_of(raster))
    if write is write_sld and style.outside == "transparent" and style.kind != "intervals":
        return  # SLD 1.0 cannot say that nothing lies beyond a ramp
    assert np.abs(ours(raster, style).astype(int) - ours(raster, again)).max() <= 3
