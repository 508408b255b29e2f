"""A QGIS layer definition file: dragged into QGIS 3.22 or later, it draws the map."""

from __future__ import annotations

import math
from dataclasses import dataclass
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement, tostring

from repository.raster_info import Bounds

MEDIA_TYPE = "application/x-qgis-layer-definition"
TILE_MATRIX_SET = "GoogleMapsCompatible"
"""The name under which the capabilities list WebMercatorQuad."""
SAFE_IN_ADDRESS = ":/?=,@~.-_"
MERCATOR_EDGE = 20037508.342789244
"""Half the width of the world in EPSG:3857, metres."""
MAX_LATITUDE = 85.0511287798066


@dataclass(frozen=True)
class TileLayer:
    """What QGIS has to know of a layer of a WMTS in Web Mercator."""

    id: str
    title: str
    capabilities: str
    """Address of the WMTS capabilities. With XYZ tiles QGIS would take the world for the extent."""
    layer: str
    """The layer's name there."""
    bounds_wgs84: Bounds
    style: str = "default"


def layer_definition(layer: TileLayer) -> bytes:
    """The file, UTF-8 (QGIS: QgsLayerDefinition). No credentials are in it."""
    root = Element("qlr")
    group = SubElement(root, "layer-tree-group", expanded="1", checked="Qt::Checked", name="")
    SubElement(group, "customproperties")
    SubElement(
        group, "layer-tree-layer", id=layer.id, name=layer.title, expanded="1",
        checked="Qt::Checked", providerKey="wms", source=datasource(layer),
    )  # fmt: skip
    map_layer = SubElement(SubElement(root, "maplayers"), "maplayer", type="raster")
    _text(map_layer, "id", layer.id)
    _text(map_layer, "datasource", datasource(layer))
    _text(map_layer, "layername", layer.title)
    _text(map_layer, "provider", "wms")
    _extent(map_layer, layer.bounds_wgs84)
    reference = SubElement(SubElement(map_layer, "srs"), "spatialrefsys", nativeFormat="Wkt")
    # Without QGIS's own number (srs.db) QGIS keeps the name and takes the CRS for unknown.
    _text(reference, "srsid", "3857")
    _text(reference, "authid", "EPSG:3857")
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE qgis-layer-definition>\n'
    return head.encode() + tostring(root, encoding="utf-8")


def datasource(layer: TileLayer) -> str:
    """QGIS's own way to write a source: a query string in which the address comes last."""
    return (
        f"crs=EPSG:3857&dpiMode=7&format=image/png&layers={quote(layer.layer, safe=':')}"
        f"&styles={layer.style}&tileMatrixSet={TILE_MATRIX_SET}"
        f"&url={quote(layer.capabilities, safe=SAFE_IN_ADDRESS)}"
    )


def mercator_bounds(bounds_wgs84: Bounds) -> Bounds:
    """EPSG:3857 metres; the whole width where the box crosses the antimeridian."""
    left, bottom, right, top = bounds_wgs84
    if left > right:
        left, right = -180.0, 180.0
    return _x(left), _y(bottom), _x(right), _y(top)


def _x(longitude: float) -> float:
    return longitude / 180 * MERCATOR_EDGE


def _y(latitude: float) -> float:
    clamped = math.radians(max(-MAX_LATITUDE, min(MAX_LATITUDE, latitude)))
    return math.asinh(math.tan(clamped)) / math.pi * MERCATOR_EDGE


def _extent(parent: Element, bounds_wgs84: Bounds) -> None:
    extent = SubElement(parent, "extent")
    values = mercator_bounds(bounds_wgs84)
    for name, value in zip(("xmin", "ymin", "xmax", "ymax"), values, strict=True):
        _text(extent, name, repr(value))


def _text(parent: Element, name: str, value: str) -> None:
    SubElement(parent, name).text = value
