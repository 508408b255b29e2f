"""Legends: what the colours of a style mean, as data and as a picture."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from repository.rendering_style import RenderingStyle
from tiler.pixels.colour_maps import colour_map
from tiler.pixels.styles import ramp_palette

MAX_CLASSES = 60
"""Of the picture; the data has them all."""
MAX_LISTED_STOPS = 12
BAR_COLOURS = 128
WIDTH, MARGIN, LINE, BAR = 220, 10, 20, 16
INK, PAPER, FRAME = (30, 30, 30, 255), (255, 255, 255, 255), (120, 120, 120, 255)


def legend_data(style: RenderingStyle, title: str) -> dict[str, Any]:
    """Kind, title, unit and the entries: classes, intervals or stops with colours, or the ramp
    with its ends; of a colour picture its channels. `title` is for styles without one."""
    legend: dict[str, Any] = {
        "kind": style.kind, "style": style.name,
        "title": style.title or style.formula or title, "unit": style.unit,
    }  # fmt: skip
    if style.formula:
        legend["formula"] = style.formula
    return legend | _CONTENTS[style.kind](style)


def _channels(style: RenderingStyle) -> dict[str, Any]:
    names = ("red", "green", "blue")
    stretch = style.stretch or ((0.0, 255.0),) * 3
    return {
        "entries": [
            {"channel": name, "band": band, "min": low, "max": high}
            for name, band, (low, high) in zip(names, style.bands, stretch, strict=False)
        ]
    }


def _ramp(style: RenderingStyle) -> dict[str, Any]:
    low, high = style.stretch[0] if style.stretch else (0.0, 255.0)
    colours = ramp_palette(style.ramp)[1:]
    steps = [(low + (high - low) * i / 254, colours[i]) for i in (0, 63, 127, 191, 254)]
    return {
        "ramp": style.ramp, "min": low, "max": high,
        "stops": [_hex(colours[i]) for i in range(0, 255, 2)],
        "entries": [
            {"value": value, "label": _number(value), "color": _hex(colour)}
            for value, colour in steps
        ],
    }  # fmt: skip


def _stops(style: RenderingStyle) -> dict[str, Any]:
    """`stops` are colours at even steps from `min` to `max`, as of a ramp."""
    low, high = style.stops[0].value, style.stops[-1].value
    scale = colour_map(style)
    colours = scale.palette[scale.index(np.linspace(low, high, BAR_COLOURS))]
    return {
        "min": low, "max": high, "stops": [_hex(colour) for colour in colours],
        "entries": [
            {"value": s.value, "label": s.label or _number(s.value), "color": _hex(s.color)}
            for s in style.stops
        ],
    }  # fmt: skip


def _intervals(style: RenderingStyle) -> dict[str, Any]:
    """`min` is left out, it is the end of the interval before; `max` is null where it is open."""
    entries, before = [], None
    for stop in style.stops:
        top = None if stop.value == math.inf else stop.value
        label = stop.label or _range(before, top)
        entries.append({"min": before, "max": top, "label": label, "color": _hex(stop.color)})
        before = top
    return {"entries": entries}


def _classes(style: RenderingStyle) -> dict[str, Any]:
    return {
        "entries": [
            {"value": c.value, "label": c.label or str(c.value), "color": _hex(c.color)}
            for c in style.classes
        ]
    }


_CONTENTS = {
    "rgb": _channels, "ramp": _ramp, "stops": _stops, "intervals": _intervals,
    "classes": _classes,
}  # fmt: skip


def _range(low: float | None, high: float | None) -> str:
    if high is None:
        return "all" if low is None else f"above {_number(low)}"
    return f"up to {_number(high)}" if low is None else f"{_number(low)} to {_number(high)}"


def legend_picture(style: RenderingStyle, title: str) -> bytes:
    """The legend as PNG, 220 pixels wide and as high as it needs."""
    data = legend_data(style, title)
    lines = _lines(style, data)
    bar = BAR + 6 if "stops" in data else 0
    height = 2 * MARGIN + LINE + bar + LINE * len(lines)
    image = Image.new("RGBA", (WIDTH, height), PAPER)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(12)
    heading = data["title"] + (f" [{data['unit']}]" if data["unit"] else "")
    draw.text((MARGIN, MARGIN), _fitting(draw, heading, font, WIDTH - 2 * MARGIN), INK, font)
    top = MARGIN + LINE
    if bar:
        _draw_bar(image, data["stops"], top)
        top += bar
    for colour, text in lines:
        left = MARGIN
        if colour:
            draw.rectangle((left, top + 2, left + 22, top + LINE - 4), colour, FRAME)
            left += 30
        draw.text((left, top + 1), _fitting(draw, text, font, WIDTH - left - MARGIN), INK, font)
        top += LINE
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def _lines(style: RenderingStyle, data: dict[str, Any]) -> list[tuple[str, str]]:
    """(colour or nothing, text) below the heading."""
    if style.kind == "ramp" or (style.kind == "stops" and len(style.stops) > MAX_LISTED_STOPS):
        return [("", f"{_number(data['min'])} to {_number(data['max'])}")]
    if style.kind == "rgb":
        return [(e["channel"], f"band {e['band']}") for e in data["entries"]]
    entries = data["entries"]
    lines = [(e["color"], e["label"]) for e in entries[:MAX_CLASSES]]
    rest = len(entries) - MAX_CLASSES
    return [*lines, ("", f"and {rest} more")] if rest > 0 else lines


def _draw_bar(image: Image.Image, colours: list[str], top: int) -> None:
    width = WIDTH - 2 * MARGIN
    strip = Image.new("RGBA", (width, BAR), PAPER)
    for x in range(width):
        column = Image.new("RGBA", (1, BAR), colours[x * (len(colours) - 1) // (width - 1)])
        strip.alpha_composite(column, (x, 0))
    image.paste(strip, (MARGIN, top))


def _fitting(draw: ImageDraw.ImageDraw, text: str, font: Any, width: int) -> str:
    """The text, or its beginning with an ellipsis where it is too wide."""
    text = " ".join(text.split())[:200]
    if draw.textlength(text, font) <= width:
        return text
    while text and draw.textlength(text + "...", font) > width:
        text = text[:-1]
    return text + "..."


def _number(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 1e6 else f"{value:.3e}"


def _hex(colour: Any) -> str:
    red, green, blue, alpha = (int(v) for v in colour)
    return f"#{red:02x}{green:02x}{blue:02x}" + (f"{alpha:02x}" if alpha < 255 else "")
