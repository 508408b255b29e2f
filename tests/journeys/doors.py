"""The addresses by which one product is reached: a table, so that no test forgets a door."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode
from xml.etree import ElementTree

import morecantile

from tests.journeys.client import Client

WEB_MERCATOR = morecantile.tms.get("WebMercatorQuad")
WMTS = {"w": "http://www.opengis.net/wmts/1.0", "ows": "http://www.opengis.net/ows/1.1"}


def tile_in_the_middle(bbox: list[float], zoom: int) -> morecantile.Tile:
    """The tile that holds the centre of a product's bbox."""
    left, bottom, right, top = bbox
    return WEB_MERCATOR.tile((left + right) / 2, (bottom + top) / 2, zoom)


def doors_of(c: str, p: str, files: list[str], tile: morecantile.Tile) -> Mapping[str, str]:
    """name -> path and query, of every door that shows something of a product."""
    z, x, y = tile.z, tile.x, tile.y
    bounds = WEB_MERCATOR.bounds(tile)
    lon, lat = (bounds.left + bounds.right) / 2, (bounds.bottom + bounds.top) / 2
    tiles = f"/tiles/{c}/{p}"
    return {
        "api": f"/api/products/{c}/{p}",
        "page": f"/products/{c}/{p}",
        "xyz": xyz(c, p, tile),
        "xyz@2x": f"{tiles}/WebMercatorQuad/{z}/{x}/{y}@2x.webp",
        "tilejson": f"{tiles}/tilejson.json",
        "info": f"{tiles}/info",
        "statistics": f"{tiles}/statistics",
        "point": f"{tiles}/point/{lon},{lat}",
        "preview": f"{tiles}/preview.png",
        "legend picture": f"{tiles}/legend.png",
        "legend": f"{tiles}/legend.json",
        "wmts capabilities": f"/wmts/{c}/{p}/1.0.0/WMTSCapabilities.xml",
        "wmts kvp capabilities": f"/wmts/{c}/{p}?SERVICE=WMTS&REQUEST=GetCapabilities",
        "wmts kvp": wmts_kvp(c, p, tile),
        "ogc collection": f"/ogc/collections/{c}:{p}",
        "ogc item": f"/ogc/collections/{c}/items/{p}",
        "coverage": f"/ogc/collections/{c}:{p}/coverage?f=GTiff",
        **{f"file {name}": f"/files/{c}/{p}/{name}" for name in files},
    }


def xyz(c: str, p: str, tile: morecantile.Tile) -> str:
    """The address of an XYZ tile."""
    return f"/tiles/{c}/{p}/WebMercatorQuad/{tile.z}/{tile.x}/{tile.y}.png"


def wmts_kvp(c: str, p: str, tile: morecantile.Tile) -> str:
    """The same tile as a key-value request (OGC 07-057r7, 8.2)."""
    parameters = {
        "SERVICE": "WMTS", "REQUEST": "GetTile", "VERSION": "1.0.0", "LAYER": f"{c}:{p}",
        "STYLE": "default", "FORMAT": "image/png", "TILEMATRIXSET": "WebMercatorQuad",
        "TILEMATRIX": tile.z, "TILEROW": tile.y, "TILECOL": tile.x,
    }  # fmt: skip
    return f"/wmts?{urlencode(parameters)}"


def wmts_rest(client: Client, c: str, p: str, tile: morecantile.Tile) -> str:
    """The same tile by the template of the product's own capabilities (07-057r7, 10.2)."""
    document = client.get(f"/wmts/{c}/{p}/1.0.0/WMTSCapabilities.xml")
    root = ElementTree.fromstring(document.content)
    templates = [
        element.attrib["template"]
        for element in root.iterfind(".//w:ResourceURL[@resourceType='tile']", WMTS)
        if element.attrib["format"] == "image/png"
    ]
    values = {
        "{Style}": "default", "{style}": "default", "{TileMatrixSet}": "WebMercatorQuad",
        "{TileMatrix}": str(tile.z), "{TileRow}": str(tile.y), "{TileCol}": str(tile.x),
    }  # fmt: skip
    address = templates[0]
    for name, value in values.items():
        address = address.replace(name, value)
    return address


def layers_of(client: Client, address: str) -> list[str]:
    """Identifiers of the layers of a WMTS capabilities document."""
    root = ElementTree.fromstring(client.get(address).content)
    return [str(e.text) for e in root.iterfind(".//w:Layer/ows:Identifier", WMTS)]
