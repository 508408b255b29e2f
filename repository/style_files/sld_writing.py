"""A style as SLD 1.0 (OGC 02-070), with the vendor's options that QGIS and GeoServer read."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

from repository.raster_info import BandInfo
from repository.rendering_style import Color, RenderingStyle
from repository.style_files.scales import writable
from repository.style_files.sld_reading import BEYOND

MEDIA_TYPE = "application/vnd.ogc.sld+xml"
NAMESPACES = {
    "xmlns": "http://www.opengis.net/sld", "xmlns:ogc": "http://www.opengis.net/ogc",
    "version": "1.0.0",
}  # fmt: skip


def write_sld(style: RenderingStyle, bands: Sequence[BandInfo] | None) -> bytes:
    """The file, UTF-8. Raises BadRequest `style_not_expressible`."""
    style = writable(style, bands)
    root = Element("StyledLayerDescriptor", NAMESPACES)
    layer = SubElement(root, "NamedLayer")
    SubElement(layer, "Name").text = style.name
    user = SubElement(layer, "UserStyle")
    SubElement(user, "Title").text = style.title or style.name
    rule = SubElement(SubElement(user, "FeatureTypeStyle"), "Rule")
    symbolizer = SubElement(rule, "RasterSymbolizer")
    selection = SubElement(symbolizer, "ChannelSelection")
    if style.kind == "rgb":
        _channels(selection, style)
    else:
        channel = SubElement(selection, "GrayChannel")
        SubElement(channel, "SourceChannelName").text = str(style.bands[0])
        _colour_map(symbolizer, style)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="utf-8")


def _channels(selection: Element, style: RenderingStyle) -> None:
    stretch = style.stretch or ((0.0, 255.0),) * 3
    named = zip(("Red", "Green", "Blue"), style.bands, stretch, strict=True)
    for name, band, (low, high) in named:
        channel = SubElement(selection, f"{name}Channel")
        SubElement(channel, "SourceChannelName").text = str(band)
        normalize = SubElement(SubElement(channel, "ContrastEnhancement"), "Normalize")
        options = {"algorithm": "StretchToMinimumMaximum", "minValue": repr(low),
                   "maxValue": repr(high)}  # fmt: skip
        for option, value in options.items():
            SubElement(normalize, "VendorOption", name=option).text = value


def _colour_map(symbolizer: Element, style: RenderingStyle) -> None:
    kind = {"stops": "ramp", "intervals": "intervals", "classes": "values"}[style.kind]
    colours = SubElement(symbolizer, "ColorMap", type=kind)
    for quantity, (red, green, blue, alpha), text in _entries(style):
        attributes = {"color": f"#{red:02x}{green:02x}{blue:02x}", "quantity": quantity}
        if alpha < 255:
            attributes["opacity"] = f"{alpha / 255:.4g}"
        SubElement(colours, "ColorMapEntry", attributes | ({"label": text} if text else {}))


def _entries(style: RenderingStyle) -> Iterable[tuple[str, Color, str]]:
    if style.kind == "classes":
        return [(str(entry.value), entry.color, entry.label) for entry in style.classes]
    is_open = style.kind == "intervals" and style.outside == "clamp"
    last = style.stops[-1]
    return [
        (repr(BEYOND if s.value == math.inf or (is_open and s is last) else s.value), s.color,
         s.label)
        for s in style.stops
    ]  # fmt: skip
