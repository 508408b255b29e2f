"""A style as a QGIS style file (.qml), for QGIS 3.16 and later."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

from repository.raster_info import BandInfo
from repository.rendering_style import ColorStop, RenderingStyle
from repository.style_files.scales import writable

MEDIA_TYPE = "application/x-qgis-layer-settings"
RESAMPLERS = {"nearest": "nearestNeighbour", "mode": "nearestNeighbour"}
HEAD = b"<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"


def write_qml(style: RenderingStyle, bands: Sequence[BandInfo] | None) -> bytes:
    """The file, UTF-8. Raises BadRequest `style_not_expressible`."""
    style = writable(style, bands)
    root = Element("qgis", version="3.22.0", styleCategories="Symbology")
    pipe = SubElement(root, "pipe")
    resampler = RESAMPLERS.get(style.resampling, "bilinear")
    SubElement(
        SubElement(pipe, "provider"), "resampling", enabled="false", maxOversampling="2",
        zoomedInResamplingMethod=resampler, zoomedOutResamplingMethod=resampler,
    )  # fmt: skip
    _RENDERERS[style.kind](pipe, style)
    SubElement(pipe, "brightnesscontrast", brightness="0", contrast="0", gamma="1")
    SubElement(pipe, "huesaturation", saturation="0", grayscaleMode="0", colorizeOn="0")
    if resampler == "bilinear":
        SubElement(pipe, "rasterresampler", zoomedInResampler="bilinear", maxOversampling="2")
    else:
        SubElement(pipe, "rasterresampler", maxOversampling="2")
    SubElement(pipe, "resamplingStage").text = "resamplingFilter"
    SubElement(root, "blendMode").text = "0"
    return HEAD + tostring(root, encoding="utf-8")


def _pseudocolor(pipe: Element, style: RenderingStyle) -> None:
    ends = [stop.value for stop in style.stops if stop.value != math.inf]
    low, high = (ends[0], ends[-1]) if ends else (0.0, 0.0)
    renderer = _renderer(
        pipe, "singlebandpseudocolor", band=str(style.bands[0]), classificationMin=repr(low),
        classificationMax=repr(high),
    )  # fmt: skip
    kind = "INTERPOLATED" if style.kind == "stops" else "DISCRETE"
    shader = SubElement(
        SubElement(renderer, "rastershader"), "colorrampshader", colorRampType=kind,
        classificationMode="1", clip="1" if style.outside == "transparent" else "0",
        minimumValue=repr(low), maximumValue=repr(high), labelPrecision="4",
    )  # fmt: skip
    for stop in _with_open_end(style):
        red, green, blue, alpha = stop.color
        SubElement(
            shader, "item", value="inf" if stop.value == math.inf else repr(stop.value),
            color=f"#{red:02x}{green:02x}{blue:02x}", alpha=str(alpha),
            label=stop.label or _label(stop.value),
        )  # fmt: skip
    if style.unit:
        SubElement(shader, "rampLegendSettings", suffix=f" {style.unit}", useContinuousLegend="1")


def _with_open_end(style: RenderingStyle) -> tuple[ColorStop, ...]:
    """QGIS draws nothing above the last interval: where we clamp, that one has no end."""
    last = style.stops[-1]
    if style.kind == "stops" or style.outside == "transparent" or last.value == math.inf:
        return style.stops
    return (*style.stops[:-1], ColorStop(math.inf, last.color, last.label))


def _paletted(pipe: Element, style: RenderingStyle) -> None:
    renderer = _renderer(pipe, "paletted", band=str(style.bands[0]))
    palette = SubElement(renderer, "colorPalette")
    for entry in style.classes:
        red, green, blue, alpha = entry.color
        SubElement(
            palette, "paletteEntry", value=str(entry.value), alpha=str(alpha),
            color=f"#{red:02x}{green:02x}{blue:02x}", label=entry.label or str(entry.value),
        )  # fmt: skip


def _multiband(pipe: Element, style: RenderingStyle) -> None:
    red, green, blue = (str(band) for band in style.bands)
    renderer = _renderer(pipe, "multibandcolor", redBand=red, greenBand=green, blueBand=blue)
    stretch = style.stretch or ((0.0, 255.0),) * 3
    for name, (low, high) in zip(("red", "green", "blue"), stretch, strict=True):
        enhancement = SubElement(renderer, f"{name}ContrastEnhancement")
        SubElement(enhancement, "minValue").text = repr(low)
        SubElement(enhancement, "maxValue").text = repr(high)
        SubElement(enhancement, "algorithm").text = "StretchToMinimumMaximum"


_RENDERERS = {
    "stops": _pseudocolor, "intervals": _pseudocolor, "classes": _paletted, "rgb": _multiband,
}  # fmt: skip


def _renderer(pipe: Element, kind: str, **attributes: str) -> Element:
    given = {"opacity": "1", "alphaBand": "-1", "nodataColor": ""} | attributes
    renderer = SubElement(pipe, "rasterrenderer", {"type": kind} | given)
    SubElement(renderer, "rasterTransparency")
    return renderer


def _label(value: float) -> str:
    return "above" if value == math.inf else f"{value:.6g}"
