"""Legends: what the colours of a style mean, as data and as a picture."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from repository.rendering_style import RenderingStyle
from tiler.pixels.styles import ramp_palette

MAX_CLASSES = 60
"""Of the picture; the data has them all."""
WIDTH, MARGIN, LINE, BAR = 220, 10, 20, 16
INK, PAPER, FRAME = (30, 30, 30, 255), (255, 255, 255, 255), (120, 120, 120, 255)


def legend_data(style: RenderingStyle, title: str) -> dict[str, Any]:
    """Kind, title, unit and the entries: classes with colours, or the ramp with its ends."""
    legend: dict[str, Any] = {
        "kind": style.kind, "style": style.name, "title": style.title or title, "unit": style.unit,
    }  # fmt: skip
    if style.kind == "classes":
        legend["entries"] = [
            {"value": c.value, "label": c.label or str(c.value), "color": _hex(c.color)}
            for c in style.classes
        ]
    elif style.kind == "ramp":
        low, high = _ends(style)
        colours = ramp_palette(style.ramp)[1:]
        steps = [(low + (high - low) * i / 254, colours[i]) for i in (0, 63, 127, 191, 254)]
        legend |= {
            "ramp": style.ramp, "min": low, "max": high,
            "stops": [_hex(colours[i]) for i in range(0, 255, 2)],
            "entries": [
                {"value": value, "label": _number(value), "color": _hex(colour)}
                for value, colour in steps
            ],
        }  # fmt: skip
    else:
        names = ("red", "green", "blue")
        stretch = style.stretch or ((0.0, 255.0),) * 3
        legend["entries"] = [
            {"channel": name, "band": band, "min": low, "max": high}
            for name, band, (low, high) in zip(names, style.bands, stretch, strict=False)
        ]
    return legend


def legend_picture(style: RenderingStyle, title: str) -> bytes:
    """The legend as PNG, 220 pixels wide and as high as it needs."""
    data = legend_data(style, title)
    lines = _lines(style, data)
    bar = BAR + 6 if style.kind == "ramp" else 0
    height = 2 * MARGIN + LINE + bar + LINE * len(lines)
    image = Image.new("RGBA", (WIDTH, height), PAPER)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(12)
    heading = data["title"] + (f" [{data['unit']}]" if data["unit"] else "")
    draw.text((MARGIN, MARGIN), _fitting(draw, heading, font, WIDTH - 2 * MARGIN), INK, font)
    top = MARGIN + LINE
    if bar:
        _draw_ramp(image, style.ramp, top)
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
    if style.kind == "ramp":
        return [("", f"{_number(data['min'])} to {_number(data['max'])}")]
    if style.kind == "rgb":
        return [(e["channel"], f"band {e['band']}") for e in data["entries"]]
    entries = data["entries"]
    lines = [(e["color"], e["label"]) for e in entries[:MAX_CLASSES]]
    rest = len(entries) - MAX_CLASSES
    return [*lines, ("", f"and {rest} more")] if rest > 0 else lines


def _draw_ramp(image: Image.Image, name: str, top: int) -> None:
    colours = ramp_palette(name)[1:]
    width = WIDTH - 2 * MARGIN
    strip = Image.new("RGBA", (width, BAR))
    for x in range(width):
        colour = tuple(int(v) for v in colours[x * 254 // (width - 1)])
        strip.paste(colour, (x, 0, x + 1, BAR))
    image.paste(strip, (MARGIN, top))


def _fitting(draw: ImageDraw.ImageDraw, text: str, font: Any, width: int) -> str:
    """The text, or its beginning with an ellipsis where it is too wide."""
    text = " ".join(text.split())[:200]
    if draw.textlength(text, font) <= width:
        return text
    while text and draw.textlength(text + "...", font) > width:
        text = text[:-1]
    return text + "..."


def _ends(style: RenderingStyle) -> tuple[float, float]:
    return style.stretch[0] if style.stretch else (0.0, 255.0)


def _number(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 1e6 else f"{value:.3e}"


def _hex(colour: Any) -> str:
    red, green, blue, alpha = (int(v) for v in colour)
    return f"#{red:02x}{green:02x}{blue:02x}" + (f"{alpha:02x}" if alpha < 255 else "")
