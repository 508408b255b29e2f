"""GDAL reads the product by its addresses: rasterio's own GDAL, and Debian's with more drivers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.enums import Resampling

from tests.clients.comparing import Bounds, Drawing, assert_shows
from tests.clients.conftest import C, Published

pytestmark = pytest.mark.clients

WIDTH, HEIGHT = 512, 384


@pytest.fixture(scope="module", autouse=True)
def _settings_of_gdal(tmp_path_factory: pytest.TempPathFactory) -> None:
    """No proxy; and GDAL keeps the tiles that it fetched out of the checkout."""
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
    os.environ["GDAL_DEFAULT_WMS_CACHE_PATH"] = str(tmp_path_factory.mktemp("wms"))


@pytest.fixture(params=["photograph", "elevation", "sentinel"])
def scene(request: pytest.FixtureRequest) -> Published:
    published: Published = request.getfixturevalue(request.param)
    return published


@pytest.fixture(scope="session")
def gdal() -> None:
    if shutil.which("gdalwarp") is None:
        pytest.skip("Debian's GDAL is not installed: gdal-bin")


def wmts_name(published: Published, scope: str) -> str:
    """The connection string of GDAL's WMTS driver."""
    capabilities = f"{published.base}/wmts{scope}/1.0.0/WMTSCapabilities.xml"
    return f"WMTS:{capabilities},layer={published.layer}"


def test_rasterio_opens_the_wmts(scene: Published) -> None:
    with rasterio.open(wmts_name(scene, f"/{C}")) as dataset:
        drawing = read_mercator(dataset, scene.extent())
    assert_shows(drawing, scene.source)


def read_mercator(dataset: rasterio.DatasetReader, extent: Bounds) -> Drawing:
    """What a WMTS, which is in EPSG:3857, shows of an extent."""
    pixels = dataset.read(
        [1, 2, 3], window=dataset.window(*extent), out_shape=(3, HEIGHT, WIDTH),
        resampling=Resampling.bilinear,
    )  # fmt: skip
    return Drawing(np.moveaxis(pixels, 0, 2), extent)


def test_rasterio_reads_the_cog_in_parts(scene: Published) -> None:
    with (
        rasterio.open(f"/vsicurl/{scene.cog_address}") as remote,
        rasterio.open(scene.source) as local,
    ):
        assert remote.crs == local.crs
        assert remote.transform.almost_equals(local.transform)
        assert remote.overviews(1)
        window = rasterio.windows.Window(100, 150, 64, 48)
        assert np.array_equal(remote.read(window=window), local.read(window=window))


@pytest.mark.parametrize("matrix_set", ["GoogleMapsCompatible", "WebMercatorQuad"])
def test_debians_gdal_draws_the_wmts(
    gdal: None, scene: Published, matrix_set: str, tmp_path: Path
) -> None:
    name = f"{wmts_name(scene, '')},tilematrixset={matrix_set}"
    assert_shows(warped_by_gdal(name, scene.extent(), tmp_path / "drawn.tif"), scene.source)


def warped_by_gdal(name: str, extent: Bounds, target: Path, *options: str) -> Drawing:
    """What `gdalwarp` makes of a connection over an extent."""
    edges = [str(value) for value in extent]
    run(
        "gdalwarp", "-q", "-overwrite", "-r", "bilinear", "-t_srs", "EPSG:3857", "-te", *edges,
        "-ts", str(WIDTH), str(HEIGHT), *options, name, str(target),
    )  # fmt: skip
    with rasterio.open(target) as dataset:
        bands = [1, 2, 3] if dataset.count >= 3 else [1, 1, 1]
        return Drawing(np.moveaxis(dataset.read(bands), 0, 2), extent)


def run(*command: str) -> str:
    """A program of GDAL; its own PROJ, no proxy, and its words in case it fails."""
    env = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    env |= {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "GDAL_PAM_ENABLED": "NO"}
    env["GDAL_DEFAULT_WMS_CACHE_PATH"] = os.environ["GDAL_DEFAULT_WMS_CACHE_PATH"]
    done = subprocess.run(
        command, env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    assert "ERROR" not in done.stderr, done.stderr
    return done.stdout


def test_debians_gdal_reads_the_cog_in_parts(
    gdal: None, photograph: Published, tmp_path: Path
) -> None:
    name = f"/vsicurl/{photograph.cog_address}"
    drawing = warped_by_gdal(name, photograph.extent(), tmp_path / "drawn.tif")
    assert_shows(drawing, photograph.source)


def test_debians_gdal_opens_the_coverage_of_ogc_api(
    gdal: None, elevation: Published, tmp_path: Path
) -> None:
    """GDAL 3.6 takes the first band alone, as float32."""
    name = f"OGCAPI:{elevation.base}/ogc/collections/{elevation.layer}"
    options = ("-oo", "API=COVERAGE")
    drawing = warped_by_gdal(name, elevation.extent(), tmp_path / "drawn.tif", *options)
    assert_shows(drawing, elevation.source)


def test_debians_gdal_reads_the_footprints(
    gdal: None, photograph: Published, elevation: Published, tmp_path: Path
) -> None:
    target = tmp_path / "footprints.geojson"
    run("ogr2ogr", "-f", "GeoJSON", str(target), f"OAPIF:{photograph.base}/ogc", C)
    features = json.loads(target.read_text())["features"]
    titles = {feature["properties"]["title"] for feature in features}
    assert {photograph.facts["title"], elevation.facts["title"]} <= titles
    assert all(feature["geometry"]["type"] in ("Polygon", "MultiPolygon") for feature in features)
