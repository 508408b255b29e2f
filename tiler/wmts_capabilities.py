"""WMTS 1.0.0 capabilities (OGC 07-057r7, clause 7): the document that a map client reads first.

Written so that ArcGIS and QGIS draw it: the tile matrix set by its well-known name first,
CRS in the urn form, one top left corner for all levels, a style that has a name, and
titles without quotes. Elements stand in the order of the schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from repository.links import Links
from repository.raster_info import Bounds
from tiler.descriptions import drawn_bounds
from tiler.pixels.rendering import FORMATS
from tiler.pixels.tile_matrix_sets import (
    GOOGLE_MAPS_COMPATIBLE,
    HALF_WORLD,
    MAX_ADVERTISED_ZOOM,
    SCALE_DENOMINATOR_0,
    TILE_SIZE,
    WEB_MERCATOR_QUAD,
    TileMatrixSet,
)  # fmt: skip
from tiler.products import Layer

PICTURES = [FORMATS[name] for name in ("png", "jpg", "webp")]
INFO_FORMATS = {"application/json": "json", "text/plain": "txt"}
MAX_LAYERS_WITH_LIMITS = 200
"""The limits of one layer are 4 kB each set; a list of thousands is better read than exact."""

UNWANTED = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\"'<>&`]+")
NAMESPACES = (
    'xmlns="http://www.opengis.net/wmts/1.0" xmlns:ows="http://www.opengis.net/ows/1.1" '
    'xmlns:xlink="http://www.w3.org/1999/xlink" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xsi:schemaLocation="http://www.opengis.net/wmts/1.0 '
    'http://schemas.opengis.net/wmts/1.0/wmtsGetCapabilities_response.xsd" version="1.0.0"'
)


@dataclass(frozen=True)
class Service:
    """One WMTS: of the catalogue, of a collection or of a product."""

    links: Links
    collection: str = ""
    product: str = ""
    title: str = "Rastrum"
    abstract: str = ""

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return self.links.wmts(self.collection, self.product)

    @property
    def tile_matrix_sets(self) -> tuple[TileMatrixSet, ...]:
        """Both names of the one set, GoogleMapsCompatible first, because clients take the first.

        A product has that one alone: ArcGIS API for Python reads documents of one layer
        and one tile matrix set only.
        """
        return (
            (GOOGLE_MAPS_COMPATIBLE,)
            if self.product
            else (GOOGLE_MAPS_COMPATIBLE, WEB_MERCATOR_QUAD)
        )

    @property
    def capabilities_url(self) -> str:
        """Of the RESTful document."""
        return self.links.wmts_capabilities(self.collection, self.product)


def capabilities(service: Service, layers: Iterable[Layer]) -> str:
    """The document."""
    layers = list(layers)
    with_limits = len(layers) <= MAX_LAYERS_WITH_LIMITS
    contents = "".join(_layer(service, layer, with_limits) for layer in layers)
    matrix_sets = "".join(_tile_matrix_set(tms.name) for tms in service.tile_matrix_sets)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Capabilities {NAMESPACES}>\n'
        f"{_identification(service)}{_operations(service)}"
        f"<Contents>\n{contents}{matrix_sets}</Contents>\n"
        f"<ServiceMetadataURL xlink:href={quoteattr(service.capabilities_url)}/>\n"
        "</Capabilities>\n"
    )


def plain(text: str) -> str:
    """Text without quotes, markup and control characters: some clients read them as code."""
    return " ".join(UNWANTED.sub(" ", text).split())


def _identification(service: Service) -> str:
    abstract = _abstract(service.abstract)
    return (
        f"<ows:ServiceIdentification>\n<ows:Title>{escape(plain(service.title))}</ows:Title>\n"
        f"{abstract}<ows:ServiceType>OGC WMTS</ows:ServiceType>\n"
        "<ows:ServiceTypeVersion>1.0.0</ows:ServiceTypeVersion>\n</ows:ServiceIdentification>\n"
    )


def _abstract(text: str) -> str:
    shown = escape(plain(text)[:500])
    return f"<ows:Abstract>{shown}</ows:Abstract>\n" if shown else ""


def _operations(service: Service) -> str:
    key_value = _get(f"{service.url}?", "KVP")
    restful = _get(service.capabilities_url, "RESTful")
    operations = (
        ("GetCapabilities", restful + key_value), ("GetTile", key_value),
        ("GetFeatureInfo", key_value),
    )  # fmt: skip
    body = "".join(
        f'<ows:Operation name="{name}"><ows:DCP><ows:HTTP>{gets}</ows:HTTP></ows:DCP>'
        "</ows:Operation>\n"
        for name, gets in operations
    )
    return f"<ows:OperationsMetadata>\n{body}</ows:OperationsMetadata>\n"


def _get(url: str, encoding: str) -> str:
    return (
        f'<ows:Get xlink:href={quoteattr(url)}><ows:Constraint name="GetEncoding">'
        f"<ows:AllowedValues><ows:Value>{encoding}</ows:Value></ows:AllowedValues>"
        "</ows:Constraint></ows:Get>"
    )


def _layer(service: Service, layer: Layer, with_limits: bool) -> str:
    name = layer.name
    title = escape(plain(layer.title) or name)
    formats = "".join(f"<Format>{media.media_type}</Format>" for media in PICTURES)
    infos = "".join(f"<InfoFormat>{media_type}</InfoFormat>" for media_type in INFO_FORMATS)
    limits = _limits(layer.bounds_wgs84) if with_limits else ""
    matrix_sets = "".join(
        f"<TileMatrixSetLink><TileMatrixSet>{tms.name}</TileMatrixSet>{limits}</TileMatrixSetLink>\n"
        for tms in service.tile_matrix_sets
    )
    return (
        f"<Layer>\n<ows:Title>{title}</ows:Title>\n{_abstract(layer.description)}"
        f"{_bounding_box(layer.bounds_wgs84)}<ows:Identifier>{name}</ows:Identifier>\n"
        f"{_styles(service, layer)}{formats}\n{infos}\n"
        f"{matrix_sets}{_resources(service, layer)}</Layer>\n"
    )


def _styles(service: Service, layer: Layer) -> str:
    """The product's own first; the others by name."""
    named = (("default", "default"), *layer.styles)
    return "".join(_style(name, title, _legend(service, layer, name)) for name, title in named)


def _style(name: str, title: str, legend: str) -> str:
    default = ' isDefault="true"' if name == "default" else ""
    return (
        f"<Style{default}><ows:Title>{escape(plain(title) or name)}</ows:Title>"
        f"<ows:Identifier>{name}</ows:Identifier>{legend}</Style>\n"
    )


def _legend(service: Service, layer: Layer, style: str) -> str:
    if style == "default" and not layer.has_legend:
        return ""
    links, what = service.links, "legend.png"
    url = (
        links.tile_resource(layer.collection, layer.product, what)
        if layer.product
        else links.collection_resource(layer.collection, what)
    )
    url = links.styled(url, style)
    return f'<LegendURL format="image/png" xlink:href={quoteattr(url)}/>'


def _bounding_box(bounds: Bounds) -> str:
    """Of the whole width where the layer crosses the antimeridian: clients want left < right."""
    left, bottom, right, top = bounds
    if left > right:
        left, right = -180.0, 180.0
    left, right = max(-180.0, left), min(180.0, right)
    return (
        f"<ows:WGS84BoundingBox><ows:LowerCorner>{left:.9g} {bottom:.9g}</ows:LowerCorner>"
        f"<ows:UpperCorner>{right:.9g} {top:.9g}</ows:UpperCorner></ows:WGS84BoundingBox>\n"
    )


def _limits(bounds: Bounds) -> str:
    rows = []
    for z in range(MAX_ADVERTISED_ZOOM + 1):
        west, north, east, south = GOOGLE_MAPS_COMPATIBLE.tiles_over(drawn_bounds(bounds), z)
        rows.append(
            f"<TileMatrixLimits><TileMatrix>{z}</TileMatrix>"
            f"<MinTileRow>{north}</MinTileRow><MaxTileRow>{south}</MaxTileRow>"
            f"<MinTileCol>{west}</MinTileCol><MaxTileCol>{east}</MaxTileCol></TileMatrixLimits>"
        )
    return f"\n<TileMatrixSetLimits>{''.join(rows)}</TileMatrixSetLimits>\n"


def _resources(service: Service, layer: Layer) -> str:
    """With the variable for the style only where there is a choice: not every client fills it."""
    style = "{Style}" if layer.styles else "default"
    tile = "{TileMatrixSet}/{TileMatrix}/{TileRow}/{TileCol}"
    base = f"{service.url}/1.0.0/{layer.name}/{style}/{tile}"
    tiles = [("tile", m.media_type, f"{base}.{m.extension}") for m in PICTURES]
    infos = [("FeatureInfo", m, f"{base}/{{J}}/{{I}}.{e}") for m, e in INFO_FORMATS.items()]
    return "".join(
        f'<ResourceURL format="{media_type}" resourceType="{kind}" template={quoteattr(url)}/>\n'
        for kind, media_type, url in tiles + infos
    )


def _tile_matrix_set(name: str) -> str:
    corner = f"{-HALF_WORLD!r} {HALF_WORLD!r}"
    matrices = "".join(
        f"<TileMatrix><ows:Identifier>{z}</ows:Identifier>"
        f"<ScaleDenominator>{SCALE_DENOMINATOR_0 / 2**z!r}</ScaleDenominator>"
        f"<TopLeftCorner>{corner}</TopLeftCorner>"
        f"<TileWidth>{TILE_SIZE}</TileWidth><TileHeight>{TILE_SIZE}</TileHeight>"
        f"<MatrixWidth>{2**z}</MatrixWidth><MatrixHeight>{2**z}</MatrixHeight></TileMatrix>\n"
        for z in range(MAX_ADVERTISED_ZOOM + 1)
    )
    return (
        f"<TileMatrixSet>\n<ows:Identifier>{name}</ows:Identifier>\n"
        "<ows:SupportedCRS>urn:ogc:def:crs:EPSG::3857</ows:SupportedCRS>\n"
        "<WellKnownScaleSet>urn:ogc:def:wkss:OGC:1.0:GoogleMapsCompatible</WellKnownScaleSet>\n"
        f"{matrices}</TileMatrixSet>\n"
    )
