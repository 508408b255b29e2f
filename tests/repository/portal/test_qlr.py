"""The QGIS layer definition file."""

from urllib.parse import parse_qs
from xml.etree import ElementTree

import pytest
from pyproj import Transformer

from repository.portal.qlr import TileLayer, layer_definition, mercator_bounds

LAYER = TileLayer(
    id="rastrum_1",
    title="Height & <depth>",
    capabilities="https://maps.example.org/wmts/alps/dem/1.0.0/WMTSCapabilities.xml",
    layer="alps:dem",
    bounds_wgs84=(10.0, 45.0, 11.0, 46.0),
)


def test_it_names_the_layer_as_qgis_writes_it() -> None:
    root = ElementTree.fromstring(layer_definition(LAYER))
    source = parse_qs(root.findtext("./maplayers/maplayer/datasource") or "")
    assert source["url"] == [LAYER.capabilities]
    assert source["layers"] == ["alps:dem"]
    assert source["tileMatrixSet"] == ["GoogleMapsCompatible"]


def test_the_tree_and_the_layer_are_tied_by_their_id() -> None:
    root = ElementTree.fromstring(layer_definition(LAYER))
    node = root.find("./layer-tree-group/layer-tree-layer")
    assert node is not None
    assert node.get("id") == root.findtext("./maplayers/maplayer/id") == "rastrum_1"
    assert node.get("name") == "Height & <depth>"


def test_the_extent_is_in_web_mercator() -> None:
    to_mercator = Transformer.from_crs(4326, 3857, always_xy=True)
    left, bottom = to_mercator.transform(10, 45)
    right, top = to_mercator.transform(11, 46)
    assert mercator_bounds(LAYER.bounds_wgs84) == pytest.approx((left, bottom, right, top))


def test_a_layer_across_the_antimeridian_spans_the_world() -> None:
    left, _, right, _ = mercator_bounds((170.0, -40.0, -170.0, -30.0))
    assert (left, right) == pytest.approx((-20037508.34, 20037508.34))
