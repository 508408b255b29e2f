"""QGIS draws a product by each address that the portal offers, with the source's pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.clients.comparing import assert_shows
from tests.clients.conftest import C, Published
from tests.clients.qgis_process import Qgis, features_source, wmts_source, xyz_source
from tests.journeys.client import Client

pytestmark = pytest.mark.clients

SCENES = ("photograph", "elevation", "sentinel")


@pytest.fixture(params=SCENES)
def scene(request: pytest.FixtureRequest) -> Published:
    published: Published = request.getfixturevalue(request.param)
    return published


def test_xyz(qgis: Qgis, scene: Published) -> None:
    source = xyz_source(scene.facts["links"]["tiles"])
    drawn = qgis.draw(scene.extent(), provider="wms", source=source)
    assert_shows(drawn.drawing, scene.source)


def test_wmts_of_a_product(qgis: Qgis, photograph: Published) -> None:
    capabilities = f"{photograph.base}/wmts/{C}/{photograph.id}/1.0.0/WMTSCapabilities.xml"
    source = wmts_source(capabilities, photograph.layer, "GoogleMapsCompatible")
    drawn = qgis.draw(photograph.extent(), provider="wms", source=source)
    assert_shows(drawn.drawing, photograph.source)


@pytest.mark.parametrize(
    ("scope", "matrix_set"), [("", "GoogleMapsCompatible"), (f"/{C}", "WebMercatorQuad")]
)
def test_wmts_of_the_catalogue_and_of_a_collection(
    qgis: Qgis, scene: Published, scope: str, matrix_set: str
) -> None:
    capabilities = f"{scene.base}/wmts{scope}?SERVICE=WMTS&REQUEST=GetCapabilities"
    source = wmts_source(capabilities, scene.layer, matrix_set)
    drawn = qgis.draw(scene.extent(), provider="wms", source=source)
    assert_shows(drawn.drawing, scene.source)


def test_wmts_in_a_named_style(qgis: Qgis, elevation: Published, publisher: Client) -> None:
    """QGIS fills the variable for the style that capabilities with a choice have."""
    colours = {(200, 30, 0), (0, 160, 40)}
    stops = [
        {"value": 500, "color": [200, 30, 0, 255]},
        {"value": None, "color": [0, 160, 40, 255]},
    ]
    definition = {"kind": "intervals", "bands": [1], "stops": stops}
    address = f"/api/products/{C}/{elevation.id}/styles/steps"
    publisher.request("PUT", address, json={"definition": definition}).raise_for_status()
    capabilities = f"{elevation.base}/wmts/{C}/{elevation.id}/1.0.0/WMTSCapabilities.xml"
    for style, is_own in (("steps", True), ("default", False)):
        source = wmts_source(capabilities, elevation.layer, "GoogleMapsCompatible", style=style)
        drawn = qgis.draw(elevation.extent(0.3), provider="wms", source=source).drawing.pixels
        shown = {tuple(int(v) for v in colour) for colour in drawn[::40, ::40].reshape(-1, 3)}
        assert (shown <= colours) is is_own, shown


def test_layer_definition_file_of_the_portal(
    qgis: Qgis, photograph: Published, publisher: Client, tmp_path: Path
) -> None:
    path = tmp_path / "photograph.qlr"
    answer = publisher.get(f"/products/{C}/{photograph.id}/layer.qlr")
    assert answer.status_code == 200
    path.write_bytes(answer.content)
    drawn = qgis.draw(photograph.extent(), qlr=str(path))
    assert drawn.answer["name"] == photograph.facts["title"]
    assert drawn.answer["crs"] == "EPSG:3857"
    assert_shows(drawn.drawing, photograph.source)


def test_cog_by_vsicurl(qgis: Qgis, photograph: Published) -> None:
    source = f"/vsicurl/{photograph.cog_address}"
    drawn = qgis.draw(photograph.extent(), provider="gdal", source=source)
    assert_shows(drawn.drawing, photograph.source)


def test_coverage(qgis: Qgis, photograph: Published) -> None:
    address = f"{photograph.base}/ogc/collections/{photograph.layer}/coverage?f=GTiff"
    drawn = qgis.draw(photograph.extent(), provider="gdal", source=f"/vsicurl_streaming/{address}")
    assert_shows(drawn.drawing, photograph.source)


def test_footprints(qgis: Qgis, photograph: Published, elevation: Published) -> None:
    source = features_source(f"{photograph.base}/ogc/", C)
    drawn = qgis.draw(photograph.extent(2.0), provider="OAPIF", source=source)
    assert drawn.answer["features"] >= 2
    assert drawn.answer["crs"] in ("OGC:CRS84", "EPSG:4326"), "QGIS 3.22 names it by the latter"
    assert "title" in drawn.answer["fields"]
    ink = (drawn.drawing.pixels != 255).any(axis=2)
    height, width = ink.shape
    assert ink[height // 2, width // 2], "the middle lies in the footprint"
    assert not ink[: height // 16].any(), "the margin does not"
    assert not np.array_equal(ink, np.ones_like(ink))
