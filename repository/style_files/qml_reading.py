"""Raster styles of QGIS 2 and 3 (.qml)."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element

from repository.style_files.parts import (
    Entry,
    Reading,
    classes,
    color,
    faded,
    label,
    number,
    opacity_of,
    stops,
)
from repository.style_files.xml_reading import not_a_style

STRETCHED, CLIPPED = "StretchToMinimumMaximum", "StretchAndClipToMinimumMaximum"
RESAMPLING = {"nearestNeighbour": "nearest", "bilinear": "bilinear", "cubic": "bilinear"}


def read_qml(root: Element, reading: Reading) -> None:
    """Fill the reading from a QGIS style. Raises BadRequest `invalid_style`."""
    renderer = root.find(".//rasterrenderer")
    if renderer is None:
        raise not_a_style("The file has no raster renderer: it styles another kind of layer.")
    kind = renderer.get("type", "")
    if kind not in _RENDERERS:
        raise not_a_style(f"QGIS's renderer {kind[:50]!r} cannot be drawn here.")
    opacity = opacity_of(renderer.get("opacity"), reading)
    _RENDERERS[kind](renderer, opacity, reading)
    reading.definition["resampling"] = _resampling(root, kind, reading)
    _warn_of_filters(root, renderer, reading)
    suffix = (root.find(".//rampLegendSettings") or Element("none")).get("suffix", "").strip()
    if suffix:
        reading.definition["unit"] = suffix[:100]


def _pseudocolor(renderer: Element, opacity: float, reading: Reading) -> None:
    shader = renderer.find(".//colorrampshader")
    if shader is None:
        raise not_a_style("The style has no colours.")
    entries: list[Entry] = [
        (number(item.get("value"), "A value of the colour map"),
         faded(color(item.get("color"), number(item.get("alpha", "255"), "An alpha")), opacity),
         label(item.get("label")))
        for item in shader.findall("item")
    ]  # fmt: skip
    found: dict[str, Any] = {"bands": [_band(renderer, "band")]}
    is_clipped = shader.get("clip", "0") == "1"
    match shader.get("colorRampType", "INTERPOLATED").upper():
        case "EXACT":
            found |= {"kind": "classes", "classes": classes(entries, reading)}
        case "DISCRETE":
            # QGIS shows nothing above the last interval, whatever it is told of clipping.
            found |= {"kind": "intervals", "stops": stops(entries, "intervals", reading),
                      "outside": "transparent"}  # fmt: skip
        case _:
            found |= {"kind": "stops", "stops": stops(entries, "stops", reading),
                      "outside": "transparent" if is_clipped else "clamp"}  # fmt: skip
    reading.definition |= found


def _paletted(renderer: Element, opacity: float, reading: Reading) -> None:
    entries: list[Entry] = [
        (number(entry.get("value"), "A class"),
         faded(color(entry.get("color"), number(entry.get("alpha", "255"), "An alpha")), opacity),
         label(entry.get("label")))
        for entry in renderer.findall(".//paletteEntry")
    ]  # fmt: skip
    reading.definition |= {
        "kind": "classes", "bands": [_band(renderer, "band")],
        "classes": classes(entries, reading),
    }  # fmt: skip


def _multiband(renderer: Element, opacity: float, reading: Reading) -> None:
    channels = ("red", "green", "blue")
    bands = [_band(renderer, f"{name}Band") for name in channels]
    stretch = [
        _stretch(renderer.find(f"{name}ContrastEnhancement"), band)
        for name, band in zip(channels, bands, strict=True)
    ]
    if any(element.text == CLIPPED for element in renderer.iter("algorithm")):
        reading.warn("Values beyond the stretch are clear in QGIS and clamped here.")
    if opacity < 1:
        reading.warn("The opacity of a colour picture is left to the map that shows it.")
    reading.definition |= {"kind": "rgb", "bands": bands, "stretch": stretch}


def _gray(renderer: Element, opacity: float, reading: Reading) -> None:
    band = _band(renderer, "grayBand")
    enhancement = renderer.find("contrastEnhancement")
    low, high = _stretch(enhancement, band)
    if enhancement is not None and enhancement.findtext("algorithm") == CLIPPED:
        reading.definition["outside"] = "transparent"
    is_falling = renderer.get("gradient", "BlackToWhite") == "WhiteToBlack"
    if opacity < 1:
        black, white = (faded((n, n, n, 255), opacity) for n in (0, 255))
        ends = (white, black) if is_falling else (black, white)
        entries = [(low, ends[0], ""), (high, ends[1], "")]
        reading.definition |= {"kind": "stops", "bands": [band],
                               "stops": stops(entries, "stops", reading)}  # fmt: skip
        return
    reading.definition |= {
        "kind": "ramp", "bands": [band], "ramp": "gray_r" if is_falling else "gray",
        "stretch": [(low, high)],
    }  # fmt: skip


_RENDERERS = {
    "singlebandpseudocolor": _pseudocolor, "paletted": _paletted, "multibandcolor": _multiband,
    "singlebandgray": _gray,
}  # fmt: skip


def _band(renderer: Element, name: str) -> int:
    band = number(renderer.get(name, "-1"), f"The attribute {name}")
    if not (band.is_integer() and 1 <= band <= 65_535):
        raise not_a_style(f"The style has no {name}.")
    return int(band)


def _stretch(enhancement: Element | None, band: int) -> tuple[float, float]:
    """The ends of a contrast enhancement; without one the whole range of bytes."""
    if enhancement is None or enhancement.findtext("algorithm") not in (STRETCHED, CLIPPED):
        return 0.0, 255.0
    low = number(enhancement.findtext("minValue"), f"The lowest value of band {band}")
    high = number(enhancement.findtext("maxValue"), f"The highest value of band {band}")
    return low, high


def _resampling(root: Element, kind: str, reading: Reading) -> str:
    """Early resampling (of the provider, QGIS 3.16) before the late one."""
    early, late = root.find(".//resampling"), root.find(".//rasterresampler")
    if early is not None and early.get("enabled") == "true":
        near = early.get("zoomedInResamplingMethod", "nearestNeighbour")
        return RESAMPLING.get(near, "bilinear")
    if late is not None and late.get("zoomedInResampler"):
        near = late.get("zoomedInResampler", "")
        return "nearest" if kind == "paletted" else RESAMPLING.get(near, "nearest")
    return "nearest"


def _warn_of_filters(root: Element, renderer: Element, reading: Reading) -> None:
    """Say what of QGIS's pipe is left out."""
    contrast, hue = root.find(".//brightnesscontrast"), root.find(".//huesaturation")
    plain = {"brightness": "0", "contrast": "0", "gamma": "1"}
    if contrast is not None and any(contrast.get(k, v) != v for k, v in plain.items()):
        reading.warn("Brightness, contrast and gamma are not kept.")
    plain = {"saturation": "0", "grayscaleMode": "0", "colorizeOn": "0", "invertColors": "0"}
    if hue is not None and any(hue.get(k, v) != v for k, v in plain.items()):
        reading.warn("Hue and saturation are not kept.")
    if renderer.find(".//rasterTransparency/*/*") is not None:
        reading.warn("The list of transparent values is not kept.")
    if renderer.get("alphaBand", "-1") not in ("-1", "0", ""):
        reading.warn("The raster's own alpha band is used, whichever the style names.")
