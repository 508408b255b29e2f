"""OWSLib, the Python client of OGC services, finds its way and gets the source's pixels."""

from __future__ import annotations

import io
import math

import morecantile
import numpy as np
import pytest
import rasterio
import requests
from owslib.ogcapi.coverages import Coverages
from owslib.ogcapi.features import Features
from owslib.wmts import WebMapTileService
from PIL import Image
from rasterio.io import MemoryFile

from tests.clients.comparing import Drawing, assert_shows
from tests.clients.conftest import C, Published
from tests.journeys.doors import WEB_MERCATOR, tile_in_the_middle

pytestmark = pytest.mark.clients

MATRIX_SETS = ("GoogleMapsCompatible", "WebMercatorQuad")


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")


def tile_inside(published: Published) -> morecantile.Tile:
    """A tile that the product fills: as large as a fourth of it."""
    left, _, right, _ = published.facts["bbox"]
    zoom = math.ceil(math.log2(360 / (right - left))) + 1
    return tile_in_the_middle(published.facts["bbox"], zoom)


def drawing_of(content: bytes, tile: morecantile.Tile) -> Drawing:
    bounds = WEB_MERCATOR.xy_bounds(tile)
    return Drawing(np.asarray(Image.open(io.BytesIO(content)).convert("RGB")), tuple(bounds))


@pytest.mark.parametrize("matrix_set", MATRIX_SETS)
@pytest.mark.parametrize("scope", ["", f"/{C}", f"/{C}/photograph"])
def test_wmts_by_key_values(photograph: Published, scope: str, matrix_set: str) -> None:
    service = WebMapTileService(f"{photograph.base}/wmts{scope}")
    tile = tile_inside(photograph)
    answer = service.gettile(
        layer=photograph.layer, tilematrixset=matrix_set, tilematrix=str(tile.z),
        row=tile.y, column=tile.x, format="image/png",
    )  # fmt: skip
    assert_shows(drawing_of(answer.read(), tile), photograph.source)


def test_wmts_by_the_template_of_the_capabilities(photograph: Published) -> None:
    capabilities = f"{photograph.base}/wmts/{C}/photograph/1.0.0/WMTSCapabilities.xml"
    service = WebMapTileService(capabilities)
    tile = tile_inside(photograph)
    matrix_set = next(iter(service.contents[photograph.layer].tilematrixsetlinks))
    address = service.buildTileResource(
        layer=photograph.layer, tilematrixset=matrix_set, tilematrix=str(tile.z),
        row=tile.y, column=tile.x, format="image/png",
    )  # fmt: skip
    answer = requests.get(address, timeout=60)
    assert_shows(drawing_of(answer.content, tile), photograph.source)


def test_wmts_tells_place_and_legend(elevation: Published) -> None:
    service = WebMapTileService(f"{elevation.base}/wmts/{C}")
    layer = service.contents[elevation.layer]
    assert layer.boundingBoxWGS84 == pytest.approx(elevation.facts["bbox"], abs=1e-4)
    assert layer.title == elevation.facts["title"]
    legend = layer.styles["default"]["legend"]
    assert requests.get(legend, timeout=60).headers["content-type"] == "image/png"


def test_features(photograph: Published, elevation: Published) -> None:
    service = Features(f"{photograph.base}/ogc/")
    assert service.api()["openapi"].startswith("3.")
    assert any("ogcapi-features-1" in uri for uri in service.conformance()["conformsTo"])
    assert C in service.feature_collections()
    page = service.collection_items(C, limit=1)
    assert page["numberReturned"] == 1
    assert page["numberMatched"] >= 2
    assert service.collection_item(C, photograph.id)["id"] == photograph.id
    assert "title" in service.collection_queryables(C)["properties"]


def test_features_by_place(photograph: Published) -> None:
    service = Features(f"{photograph.base}/ogc/")
    found = service.collection_items(C, bbox=photograph.facts["bbox"], limit=100)
    assert photograph.id in [feature["id"] for feature in found["features"]]
    elsewhere = service.collection_items(C, bbox=[-80, -80, -79, -79])
    assert elsewhere["features"] == []


def test_a_coverage(photograph: Published) -> None:
    content = Coverages(f"{photograph.base}/ogc/").coverage(photograph.layer).read()
    with (
        MemoryFile(content) as memory,
        memory.open() as got,
        rasterio.open(photograph.source) as want,
    ):
        assert np.array_equal(got.read(), want.read())


def test_a_coverage_scaled_down(photograph: Published) -> None:
    service = Coverages(f"{photograph.base}/ogc/")
    content = service.coverage(photograph.layer, scale_factor=4).read()
    with MemoryFile(content) as memory, memory.open() as got:
        assert (got.width, got.height) == (160, 120)
        with rasterio.open(photograph.source) as want:
            assert got.bounds == pytest.approx(want.bounds)
            smaller = want.read(out_shape=(3, 120, 160)).astype(float)
        assert np.corrcoef(got.read().ravel(), smaller.ravel())[0, 1] > 0.97


def test_one_band_of_a_coverage(photograph: Published) -> None:
    service = Coverages(f"{photograph.base}/ogc/")
    name = photograph.facts["bands"][1]["name"]
    content = service.coverage(photograph.layer, properties=[name]).read()
    with (
        MemoryFile(content) as memory,
        memory.open() as got,
        rasterio.open(photograph.source) as want,
    ):
        assert got.count == 1
        assert np.array_equal(got.read(1), want.read(2))
