"""Raster styles of SLD 1.0 (OGC 02-070) and of Symbology Encoding 1.1 (OGC 05-077r4)."""

from __future__ import annotations

import math
from collections.abc import Iterator
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

BEYOND = 1e30
"""Larger quantities stand for infinity, which SLD cannot write."""
CHANNELS = ("RedChannel", "GreenChannel", "BlueChannel")


def read_sld(root: Element, reading: Reading) -> None:
    """Fill the reading from the first raster symbolizer. Raises BadRequest `invalid_style`."""
    found = list(root.iter("RasterSymbolizer"))
    if not found:
        raise not_a_style("The file has no RasterSymbolizer: it styles another kind of layer.")
    if len(found) > 1:
        reading.warn("The file has several raster symbolizers: the first one is used.")
    symbolizer = found[0]
    reading.title = label(_text(root, ".//UserStyle/Title") or _text(root, ".//Description/Title"))
    opacity = opacity_of(_literal(symbolizer.find("Opacity")), reading)
    colours = symbolizer.find("ColorMap")
    if all(symbolizer.find(f".//{name}") is not None for name in CHANNELS):
        _rgb(symbolizer, opacity, reading)
    elif colours is not None:
        _colour_map(symbolizer, colours, opacity, reading)
    else:
        _gray(symbolizer, opacity, reading)
    for name in ("ShadedRelief", "ImageOutline", "OverlapBehavior"):
        if symbolizer.find(name) is not None:
            reading.warn(f"{name} is not kept.")


def _rgb(symbolizer: Element, opacity: float, reading: Reading) -> None:
    channels = [symbolizer.find(f".//{name}") for name in CHANNELS]
    bands = [_channel_band(channel) for channel in channels]
    whole = symbolizer.find("ContrastEnhancement")
    stretch = [_stretch(c, whole, b, reading) for c, b in zip(channels, bands, strict=True)]
    if opacity < 1:
        reading.warn("The opacity of a colour picture is left to the map that shows it.")
    reading.definition |= {"kind": "rgb", "bands": bands, "stretch": stretch,
                           "resampling": "bilinear"}  # fmt: skip


def _gray(symbolizer: Element, opacity: float, reading: Reading) -> None:
    channel = symbolizer.find(".//GrayChannel")
    band = _channel_band(channel)
    low, high = _stretch(channel, symbolizer.find("ContrastEnhancement"), band, reading)
    entries: list[Entry] = [
        (low, faded((0, 0, 0, 255), opacity), ""), (high, faded((255,) * 3 + (255,), opacity), ""),
    ]  # fmt: skip
    reading.definition |= {"bands": [band], "resampling": "bilinear"}
    if opacity == 1:
        reading.definition |= {"kind": "ramp", "ramp": "gray", "stretch": [(low, high)]}
    else:
        reading.definition |= {"kind": "stops", "stops": stops(entries, "stops", reading)}


def _colour_map(symbolizer: Element, colours: Element, opacity: float, reading: Reading) -> None:
    band = _channel_band(symbolizer.find(".//GrayChannel"))
    kind, entries = _entries(colours, reading)
    entries = [(value, faded(colour, opacity), text) for value, colour, text in entries]
    found: dict[str, Any] = {
        "bands": [band],
        "resampling": "nearest" if kind == "values" else "bilinear",
    }
    if kind == "values":
        found |= {"kind": "classes", "classes": classes(entries, reading)}
    elif kind == "intervals":
        # Nothing is drawn above the last one, as GeoServer does.
        found |= {"kind": "intervals", "stops": stops(entries, "intervals", reading),
                  "outside": "transparent"}  # fmt: skip
    else:
        found |= {"kind": "stops", "stops": stops(entries, "stops", reading)}
    reading.definition |= found


def _entries(colours: Element, reading: Reading) -> tuple[str, list[Entry]]:
    """`ramp`, `intervals` or `values`, and what the colour map lists."""
    if (categorize := colours.find("Categorize")) is not None:
        return "intervals", list(_categories(categorize))
    if (interpolate := colours.find("Interpolate")) is not None:
        points = interpolate.findall("InterpolationPoint")
        return "ramp", [
            (number(_text(p, "Data"), "A value"), color(_text(p, "Value")), "") for p in points
        ]
    kind = colours.get("type", "ramp")
    if kind not in ("ramp", "intervals", "values"):
        raise not_a_style(f"A colour map is a ramp, intervals or values, not {kind[:40]!r}.")
    return kind, [_entry(entry, reading) for entry in colours.findall("ColorMapEntry")]


def _entry(entry: Element, reading: Reading) -> Entry:
    opacity = opacity_of(entry.get("opacity"), reading)
    quantity = number(entry.get("quantity"), "A quantity of the colour map")
    quantity = math.inf if quantity >= BEYOND else quantity
    return quantity, color(entry.get("color"), 255 * opacity), label(entry.get("label"))


def _categories(categorize: Element) -> Iterator[Entry]:
    """Values between thresholds (OGC 05-077r4, 11.6.4): the last one has no upper end."""
    colours = [color(v.text) for v in categorize.findall("Value")]
    ends = [number(t.text, "A threshold") for t in categorize.findall("Threshold")]
    if len(colours) != len(ends) + 1:
        raise not_a_style("Categorize needs one value more than thresholds.")
    yield from zip([*ends, math.inf], colours, [""] * len(colours), strict=True)


def _channel_band(channel: Element | None) -> int:
    """Channels are named by numbers of bands; without a selection the first one is meant."""
    name = _literal(channel.find("SourceChannelName")) if channel is not None else "1"
    if not (name and name.isascii() and name.isdigit() and 1 <= int(name[:6]) <= 65_535):
        raise not_a_style(f"The channel {(name or '')[:40]!r} is no number of a band.")
    return int(name)


def _stretch(
    channel: Element | None, whole: Element | None, band: int, reading: Reading
) -> tuple[float, float]:
    """The ends that a vendor's option gives, else of Normalize the band's lowest and highest."""
    own = channel.find("ContrastEnhancement") if channel is not None else None
    enhancement = own if own is not None else whole
    if enhancement is None:
        return 0.0, 255.0
    gamma = _text(enhancement, "GammaValue")
    if gamma is not None and number(gamma, "GammaValue") != 1:
        reading.warn("GammaValue is not kept.")
    options = {o.get("name"): o.text for o in enhancement.iter("VendorOption")}
    if {"minValue", "maxValue"} <= options.keys():
        return (number(options["minValue"], "minValue"), number(options["maxValue"], "maxValue"))
    if enhancement.find("Normalize") is not None:
        return _of_statistics(band, reading)
    if len(enhancement):
        reading.warn("The contrast enhancement is not kept.")
    return 0.0, 255.0


def _of_statistics(band: int, reading: Reading) -> tuple[float, float]:
    facts = reading.band(band)
    known = facts.statistics if facts else None
    if facts is None or known is None or known.min is None or known.max is None:
        reading.warn("Normalize needs the values of a map; 0 to 255 is used.")
        return 0.0, 255.0
    low, high = (float(v) * facts.scale + facts.offset for v in (known.min, known.max))
    return (low, high) if low < high else (low, low + 1)


def _literal(element: Element | None) -> str | None:
    """The text, also within a Literal (Filter Encoding)."""
    if element is None:
        return None
    inner = element.find("Literal")
    return ((inner if inner is not None else element).text or "").strip()


def _text(element: Element, path: str) -> str | None:
    text = element.findtext(path)
    return text.strip() if text else None
