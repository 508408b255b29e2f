"""How a map is used elsewhere: for each program at most three steps and one address to copy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from repository.links import Links


@dataclass(frozen=True)
class GisTab:
    """One program's way to the map."""

    id: str
    title: str
    steps: tuple[str, ...]
    address: str
    more: str = ""
    """Code or another way, folded away."""
    file: str = ""
    """Address of a layer file that makes the steps needless."""


@dataclass(frozen=True)
class Address:
    """One interface of the map, by its usual name."""

    name: str
    address: str


QGIS_STEPS = (
    "Copy the address.",
    "In QGIS: Layer, Add Layer, Add WMS/WMTS Layer, New.",
    "Paste it as URL, press OK and Connect.",
)
ARCGIS_STEPS = (
    "Copy the address.",
    "In ArcGIS Pro: Insert, Connections, Server, New WMTS Server. In ArcGIS Online: Add layer "
    "from URL.",
    "Paste it as URL and press OK.",
)
WEB_STEPS = (
    "Copy the address.",
    "Use it as the tile address of OpenLayers, Leaflet or MapLibre.",
)
PYTHON_STEPS = (
    "Copy the address.",
    "Open it with rasterio; only the parts that you read are fetched.",
)
FEATURES_STEPS = (
    "Copy the address.",
    "In QGIS: Layer, Add Layer, Add WFS / OGC API Features Layer, New.",
    "Paste it as URL; the outlines of all maps are the features.",
)


def product_tabs(
    links: Links, c: str, p: str, cog_name: str, style: str = "default"
) -> tuple[GisTab, ...]:
    """QGIS, ArcGIS, web maps and Python, for one product in the style of that name."""
    xyz, cog = links.styled(links.tiles(c, p), style), links.file(c, p, cog_name)
    wmts = links.wmts_capabilities(c, p)
    layer_file = links.styled(f"/products/{c}/{p}/layer.qlr", style)
    return (
        GisTab("qgis", "QGIS", QGIS_STEPS, wmts, file=layer_file),
        GisTab("arcgis", "ArcGIS", ARCGIS_STEPS, wmts),
        GisTab("web", "Web map", WEB_STEPS, xyz, more=f"L.tileLayer('{xyz}').addTo(map)"),
        GisTab("python", "Python", PYTHON_STEPS, cog, more=_rasterio(cog)),
    )


def collection_tabs(links: Links, c: str) -> tuple[GisTab, ...]:
    """The ways to all maps of a collection at once."""
    tiles = links.collection_tiles(c)
    return (
        GisTab("qgis", "QGIS", QGIS_STEPS, links.wmts_capabilities(c)),
        GisTab("arcgis", "ArcGIS", ARCGIS_STEPS, links.wmts_capabilities(c)),
        GisTab("web", "Web map", WEB_STEPS, tiles, more=f"L.tileLayer('{tiles}').addTo(map)"),
        GisTab("ogc", "OGC API", FEATURES_STEPS, links.ogc()),
    )


def product_addresses(
    links: Links, c: str, p: str, style: str = "default", *, has_style_file: bool = True
) -> Sequence[Address]:
    """Every interface of a product, for whoever knows what to do with it."""
    style_file = Address("Style for QGIS (.qml)", f"{links.product_style(c, p, style)}.qml")
    return (
        Address("XYZ tiles", links.styled(links.tiles(c, p), style)),
        Address("TileJSON", links.styled(links.tile_resource(c, p, "tilejson.json"), style)),
        Address("WMTS", links.wmts_capabilities(c, p)),
        Address("OGC API", links.ogc_collection(f"{c}:{p}")),
        Address("Metadata (JSON)", links.product(c, p)),
        *((style_file,) if has_style_file else ()),
    )


def _rasterio(cog: str) -> str:
    return (
        "import rasterio\n\n"
        f'with rasterio.open("{cog}") as raster:\n'
        "    pixels = raster.read(1, masked=True)"
    )
