"""WMTS over HTTP, read by OWSLib where it is a document."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from owslib.wmts import WebMapTileService

NS = {
    "w": "http://www.opengis.net/wmts/1.0",
    "ows": "http://www.opengis.net/ows/1.1",
    "x": "http://www.w3.org/1999/xlink",
}
GET_TILE = (
    "SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0&LAYER=c:p&STYLE=default&FORMAT=image/png"
    "&TILEMATRIXSET=GoogleMapsCompatible&TILEMATRIX={z}&TILEROW={y}&TILECOL={x}"
)


def parsed(answer) -> WebMapTileService:
    assert answer.status_code == 200, answer.text
    return WebMapTileService("http://127.0.0.1:8000/wmts", xml=answer.content)


@pytest.mark.parametrize("path", [
    "/wmts/c/p", "/wmts/c/p/", "/wmts/c/p/1.0.0/WMTSCapabilities.xml",
    "/wmts/c/p?SERVICE=WMTS&REQUEST=GetCapabilities",
    "/wmts/c/p?service=wmts&request=getcapabilities",
    "/wmts/c/p?SERVICE=WMS&REQUEST=GetCapabilities",  # QGIS, given the address above
])  # fmt: skip
def test_a_product_has_one_layer_and_one_tile_matrix_set(client, path) -> None:
    service = parsed(client.get(path))
    assert list(service.contents) == ["c:p"]
    assert list(service.tilematrixsets) == ["GoogleMapsCompatible"]


def test_a_list_has_the_layers_that_the_caller_may_see(client) -> None:
    assert set(parsed(client.get("/wmts")).contents) == {"c:p", "c:scaled"}
    answer = client.get("/wmts/c", headers={"Authorization": "Bearer right"})
    assert "c:private" in parsed(answer).contents
    assert answer.headers["cache-control"] == "private, no-store"


def test_levels_are_those_of_the_well_known_scale_set(client) -> None:
    root = ET.fromstring(client.get("/wmts/c/p").content)
    tms = root.find("w:Contents/w:TileMatrixSet", NS)
    assert tms is not None
    assert tms.findtext("ows:SupportedCRS", None, NS) == "urn:ogc:def:crs:EPSG::3857"
    assert (tms.findtext("w:WellKnownScaleSet", "", NS)).endswith(":GoogleMapsCompatible")
    levels = tms.findall("w:TileMatrix", NS)
    assert float(levels[0].findtext("w:ScaleDenominator", "", NS)) == 559082264.0287178
    assert len({level.findtext("w:TopLeftCorner", "", NS) for level in levels}) == 1
    assert [int(v.findtext("w:MatrixWidth", "0", NS)) for v in levels[:3]] == [1, 2, 4]


def test_titles_are_free_of_quotes_and_markup(client) -> None:
    root = ET.fromstring(client.get("/wmts/c/p").content)
    title = root.findtext("w:Contents/w:Layer/ows:Title", "", NS)
    assert title == "Heights above sea below"


def test_elements_of_a_layer_stand_in_the_order_of_the_schema(client) -> None:
    layer = ET.fromstring(client.get("/wmts/c/p").content).find("w:Contents/w:Layer", NS)
    assert layer is not None
    names = list(dict.fromkeys(child.tag.split("}")[1] for child in layer))
    assert names == [
        "Title", "WGS84BoundingBox", "Identifier", "Style", "Format", "InfoFormat",
        "TileMatrixSetLink", "ResourceURL",
    ]  # fmt: skip


def test_every_address_of_a_document_answers(client, tile) -> None:
    root = ET.fromstring(client.get("/wmts/c/p").content)
    z, x, y = tile
    values = {"TileMatrixSet": "GoogleMapsCompatible", "TileMatrix": z, "TileRow": y,
              "TileCol": x, "I": 5, "J": 6, "Style": "grey"}  # fmt: skip
    for resource in root.iterfind(".//w:ResourceURL", NS):
        answer = client.get(resource.attrib["template"].format(**values))
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(resource.attrib["format"])
    legend = root.find(".//w:LegendURL", NS)
    assert legend is not None
    assert client.get(legend.attrib[f"{{{NS['x']}}}href"]).status_code == 200


def test_all_ways_give_the_xyz_tile(client, tile) -> None:
    z, x, y = tile
    expected = client.get(f"/tiles/c/p/WebMercatorQuad/{z}/{x}/{y}.png").content
    assert len(expected) > 500
    rest = f"1.0.0/c:p/default/GoogleMapsCompatible/{z}/{y}/{x}.png"
    for prefix in ("/wmts", "/wmts/c", "/wmts/c/p"):
        assert client.get(f"{prefix}/{rest}").content == expected
        assert client.get(f"{prefix}?{GET_TILE.format(z=z, x=x, y=y)}").content == expected
    other = GET_TILE.format(z=z, x=x, y=y).replace("GoogleMapsCompatible", "WebMercatorQuad")
    small_keys = "&".join(f"{k.lower()}={v}" for k, v in (kv.split("=") for kv in other.split("&")))
    assert client.get(f"/wmts?{small_keys}").content == expected


def test_styles_are_listed_with_their_legends_the_default_first(client) -> None:
    layer = parsed(client.get("/wmts/c/p")).contents["c:p"]
    assert [(s, f["isDefault"], f["title"]) for s, f in layer.styles.items()] == [
        ("default", True, "default"), ("grey", False, "The grey one"),
    ]  # fmt: skip
    assert layer.styles["grey"]["legend"].endswith("/tiles/c/p/legend.png?style=grey")
    assert all("/c:p/{Style}/{TileMatrixSet}/" in url["template"] for url in layer.resourceURLs)


def test_all_ways_give_the_tile_in_a_style(client, tile) -> None:
    z, x, y = tile
    plain = client.get(f"/tiles/c/p/WebMercatorQuad/{z}/{x}/{y}.png").content
    expected = client.get(f"/tiles/c/p/WebMercatorQuad/{z}/{x}/{y}.png?style=grey").content
    assert expected != plain
    rest = f"1.0.0/c:p/grey/GoogleMapsCompatible/{z}/{y}/{x}.png"
    query = GET_TILE.format(z=z, x=x, y=y).replace("STYLE=default", "STYLE=grey")
    for address in (f"/wmts/{rest}", f"/wmts/c/p/{rest}", f"/wmts?{query}"):
        assert client.get(address).content == expected


@pytest.mark.parametrize(("old", "new", "status", "code", "locator"), [
    ("&LAYER=c:p", "", 400, "MissingParameterValue", "layer"),
    ("SERVICE=WMTS&", "", 400, "MissingParameterValue", "service"),
    ("SERVICE=WMTS", "SERVICE=WMS", 400, "InvalidParameterValue", "service"),
    ("GetTile", "GetMap", 501, "OperationNotSupported", "request"),
    ("LAYER=c:p", "LAYER=c:absent", 404, "InvalidParameterValue", "Layer"),
    ("LAYER=c:p", "LAYER=p", 404, "InvalidParameterValue", "Layer"),
    ("STYLE=default", "STYLE=fancy", 400, "InvalidParameterValue", "Style"),
    ("image/png", "image/tiff", 400, "InvalidParameterValue", "Format"),
    ("GoogleMapsCompatible", "Other", 400, "InvalidParameterValue", "TileMatrixSet"),
    ("TILEMATRIX=3", "TILEMATRIX=99", 400, "InvalidParameterValue", "TileMatrix"),
    ("TILEROW=1", "TILEROW=8", 400, "TileOutOfRange", "TileRow"),
    ("TILECOL=2", "TILECOL=8", 400, "TileOutOfRange", "TileCol"),
    ("TILECOL=2", "TILECOL=x", 400, "InvalidParameterValue", "TileCol"),
])  # fmt: skip
def test_a_wrong_request_is_an_exception_report(client, old, new, status, code, locator) -> None:
    query = GET_TILE.format(z=3, x=2, y=1)
    assert old in query
    answer = client.get(f"/wmts?{query.replace(old, new)}")
    exception = ET.fromstring(answer.content).find("ows:Exception", NS)
    assert exception is not None
    assert answer.status_code == status
    assert exception.attrib == {"exceptionCode": code, "locator": locator}


def test_a_layer_of_another_product_is_not_served_below_a_product(client) -> None:
    answer = client.get("/wmts/c/p/1.0.0/c:scaled/default/GoogleMapsCompatible/0/0/0.png")
    assert answer.status_code == 404


@pytest.mark.parametrize(("path", "status"), [
    ("/wmts/c/absent", 404), ("/wmts/c/gone", 410), ("/wmts/a/b/c", 404), ("/wmts/1.0.0/x", 404),
])  # fmt: skip
def test_an_absent_service_is_not_found(client, path, status) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert b"ExceptionReport" in answer.content


def test_wrong_credentials_are_401(client) -> None:
    answer = client.get("/wmts", headers={"Authorization": "Bearer wrong"})
    assert answer.status_code == 401
    assert "Basic" in answer.headers["www-authenticate"]


def test_a_pixel_tells_its_value(client, tile) -> None:
    z, x, y = tile
    answer = client.get(f"/wmts/1.0.0/c:p/default/GoogleMapsCompatible/{z}/{y}/{x}/100/200.json")
    (feature,) = answer.json()["features"]
    lon, lat = feature["geometry"]["coordinates"]
    point = client.get(f"/tiles/c/p/point/{lon},{lat}").json()
    assert feature["properties"]["b1"] == point["values"][0]


def test_a_known_document_is_not_sent_again(client) -> None:
    etag = client.get("/wmts").headers["etag"]
    assert client.get("/wmts", headers={"If-None-Match": etag}).status_code == 304
