"""The requests that ArcGIS sends for a WMTS layer, in its order and its spelling.

Recorded from the ArcGIS API for JavaScript (WMTSLayer): it drops the query of the address that
it is given, asks for the RESTful document, then by key-values, takes the wkid from SupportedCRS
and fills row before column into the template.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from tests.clients.comparing import assert_shows
from tests.clients.conftest import C, Published
from tests.clients.test_owslib import drawing_of, tile_inside
from tests.journeys.client import Client
from tests.journeys.doors import WMTS

pytestmark = [pytest.mark.clients, pytest.mark.services]

SCOPES = ("", f"/{C}", f"/{C}/photograph")
GOOGLE_SCALE_0 = 559082264.0287178
"""OGC 07-057r7, annex E.4: GoogleMapsCompatible."""
CAPABILITIES = (
    "/1.0.0/WMTSCapabilities.xml",
    "?request=GetCapabilities&service=WMTS&version=1.0.0",
    "?SERVICE=WMTS&REQUEST=GetCapabilities",
    "",
)


@pytest.fixture
def arcgis(photograph: Published) -> Client:
    return Client(photograph.base)


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("request_form", CAPABILITIES)
def test_every_form_of_the_request_gets_the_document(
    arcgis: Client, scope: str, request_form: str
) -> None:
    headers = {"Origin": "https://maps.example.org"}
    answer = arcgis.get(f"/wmts{scope}{request_form}", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"].split(";")[0] in ("application/xml", "text/xml")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert f"{C}:photograph" in answer.text


def test_an_error_carries_cors_too(arcgis: Client) -> None:
    headers = {"Origin": "https://maps.example.org"}
    answer = arcgis.get("/wmts/nowhere/1.0.0/WMTSCapabilities.xml", headers=headers)
    assert answer.status_code == 404
    assert answer.headers["access-control-allow-origin"] == "*"


def document(arcgis: Client, scope: str = f"/{C}/photograph") -> ElementTree.Element:
    return ElementTree.fromstring(arcgis.get(f"/wmts{scope}/1.0.0/WMTSCapabilities.xml").content)


def test_the_first_matrix_set_is_googles(arcgis: Client) -> None:
    root = document(arcgis)
    matrix_set = root.find("w:Contents/w:TileMatrixSet", WMTS)
    assert matrix_set is not None
    assert matrix_set.findtext("ows:Identifier", None, WMTS) == "GoogleMapsCompatible"
    assert matrix_set.findtext("ows:SupportedCRS", None, WMTS) == "urn:ogc:def:crs:EPSG::3857"
    well_known = matrix_set.findtext("w:WellKnownScaleSet", None, WMTS)
    assert well_known == "urn:ogc:def:wkss:OGC:1.0:GoogleMapsCompatible"
    first = matrix_set.find("w:TileMatrix", WMTS)
    assert first is not None
    assert float(first.findtext("w:ScaleDenominator", "0", WMTS)) == pytest.approx(GOOGLE_SCALE_0)
    corners = {e.text for e in matrix_set.iterfind("w:TileMatrix/w:TopLeftCorner", WMTS)}
    assert len(corners) == 1, "ArcGIS takes one origin for all levels"


def test_a_layer_has_one_named_style_and_plain_titles(arcgis: Client) -> None:
    root = document(arcgis)
    layers = root.findall("w:Contents/w:Layer", WMTS)
    assert len(layers) == 1, "the Python API's parser takes one layer alone"
    assert layers[0].findtext("w:Style/ows:Identifier", None, WMTS) == "default"
    assert layers[0].find("w:Style/w:LegendURL", WMTS) is not None
    titles = [e.text or "" for e in root.iter(f"{{{WMTS['ows']}}}Title")]
    assert not [title for title in titles if re.search(r"[\"'<>]", title)]


@pytest.mark.parametrize("scope", SCOPES)
def test_the_template_puts_row_before_column(
    arcgis: Client, photograph: Published, scope: str
) -> None:
    layer = next(
        layer
        for layer in document(arcgis, scope).iterfind("w:Contents/w:Layer", WMTS)
        if layer.findtext("ows:Identifier", None, WMTS) == photograph.layer
    )
    resource = layer.find("w:ResourceURL[@format='image/png'][@resourceType='tile']", WMTS)
    assert resource is not None
    template = resource.attrib["template"]
    assert template.index("{TileRow}") < template.index("{TileCol}")
    tile = tile_inside(photograph)
    values = {
        "{Style}": "default", "{TileMatrixSet}": "GoogleMapsCompatible",
        "{TileMatrix}": str(tile.z), "{TileRow}": str(tile.y), "{TileCol}": str(tile.x),
    }  # fmt: skip
    for name, value in values.items():
        template = template.replace(name, value)
    answer = arcgis.get(template)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert_shows(drawing_of(answer.content, tile), photograph.source)


def test_footprints_come_in_one_large_page(arcgis: Client, photograph: Published) -> None:
    """OGCFeatureLayer asks for 5,000 items and does not follow `next`."""
    page = arcgis.document(f"/ogc/collections/{C}/items?f=json&limit=5000")
    assert page["numberReturned"] == page["numberMatched"]
