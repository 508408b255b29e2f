"""What a product's page says of its raster: facts in words, band by band."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from repository.links import Links
from repository.models import Product
from repository.portal import histogram
from repository.portal.class_shares import ClassShare, class_shares
from repository.portal.words import number, period, with_unit
from repository.pyramids import format_of
from repository.raster_info import BandInfo, RasterInfo
from repository.rendering_style import RenderingStyle

METRES_PER_DEGREE = 111_320.0
MERCATOR_WIDTH = 40_075_016.685578488
"""Of the world at zoom 0, in EPSG:3857 metres, drawn on one tile of 256 pixels."""
MAX_ZOOM = 24
KIND_WORDS = {
    "rgb": "Colour picture",
    "classes": "Classes",
    "bits": "Bit flags",
    "measurement": "Measurement",
}


@dataclass(frozen=True)
class BandFacts:
    """One band, its numbers in the unit that a reader expects (scale and offset applied)."""

    index: int
    name: str
    dtype: str
    unit: str
    lowest: str
    highest: str
    mean: str
    std: str
    no_data: str
    valid_share: str


@dataclass(frozen=True)
class BandPicture:
    """A band's histogram and the sentence that says the same."""

    name: str
    svg: str
    sentence: str


@dataclass(frozen=True)
class ProductFacts:
    """Everything of the raster that the page shows."""

    summary: tuple[str, ...]
    """Parts of the line under the title."""
    kind: str
    size: str
    pixel: str
    crs: str
    bands: tuple[BandFacts, ...]
    pictures: tuple[BandPicture, ...]
    classes: tuple[ClassShare, ...]
    """Instead of pictures where the values are classes."""


def facts_of(product: Product, style: RenderingStyle) -> ProductFacts:
    """The facts of a published product, of the bands that the style draws."""
    info = RasterInfo.from_json(product.raster or {})
    size = f"{number(info.width)} × {number(info.height)} pixels"
    crs = crs_words(info)
    classes = _classes(info, style)
    shown = [] if classes else _shown(info, style)
    summary = (
        _subject(info, style), period(product.start, product.end), f"{pixel_size(info)} pixels",
        crs, product.licence,
    )  # fmt: skip
    return ProductFacts(
        summary=tuple(part for part in summary if part),
        kind=KIND_WORDS[info.kind],
        size=f"{size}, {_plural(len(info.bands), 'band')}, {info.bands[0].dtype}",
        pixel=pixel_size(info),
        crs=crs,
        bands=tuple(_band_facts(band) for band in info.bands),
        pictures=tuple(p for p in (_picture(band) for band in shown) if p is not None),
        classes=classes,
    )


def crs_words(info: RasterInfo) -> str:
    """WGS 84 (EPSG:4326)."""
    name = info.crs_name.strip()
    code = f"EPSG:{info.crs_epsg}" if info.crs_epsg else ""
    if name and code and name != code:
        return f"{name} ({code})"
    return name or code or "A coordinate system of its own"


def pixel_size(info: RasterInfo) -> str:
    """A pixel's width and height on the ground, in metres: "30 m", "93 × 71 m"."""
    a, b, _, d, e, _ = info.transform
    across, down = math.hypot(a, d), math.hypot(b, e)
    if is_geographic(info):
        _, bottom, _, top = info.bounds
        across *= METRES_PER_DEGREE * math.cos(math.radians((bottom + top) / 2))
        down *= METRES_PER_DEGREE
    else:
        factor = metres_per_unit(info.crs_wkt)
        across, down = across * factor, down * factor
    unit, divisor = ("km", 1000.0) if min(across, down) >= 1000 else ("m", 1.0)
    wide, high = (number(v / divisor, 2 if v < 100 * divisor else 3) for v in (across, down))
    return f"{wide} {unit}" if wide == high else f"{wide} × {high} {unit}"


def is_geographic(info: RasterInfo) -> bool:
    """Whether the raster's own coordinates are degrees."""
    return info.crs_wkt.lstrip().upper().startswith(("GEOG", "GEOD"))


def metres_per_unit(wkt: str) -> float:
    """Of a projected CRS: the last length unit of its WKT (OGC 01-009 and 18-010)."""
    units = re.findall(r'\b(?:LENGTH)?UNIT\[\s*"([^"]+)"\s*,\s*([0-9.eE+-]+)', wkt)
    lengths = [float(factor) for name, factor in units if "degree" not in name.lower()]
    return lengths[-1] if lengths else 1.0


def native_zoom(info: RasterInfo) -> int:
    """The first Web Mercator zoom whose pixels are at least as fine as the raster's."""
    left, _, right, _ = info.bounds_wgs84
    degrees = right - left if right >= left else right - left + 360
    metres = max(degrees, 1e-9) / 360 * MERCATOR_WIDTH / max(info.width, 1)
    return max(0, min(MAX_ZOOM, math.ceil(math.log2(MERCATOR_WIDTH / 256 / metres) - 0.1)))


def map_settings(product: Product, style: RenderingStyle, name: str) -> dict[str, Any]:
    """What the page's script needs to draw the product in the style of that name."""
    info = RasterInfo.from_json(product.raster or {})
    # The format that is stored ahead of time, and the smaller one, too.
    tiles = f"/tiles/{product.address}/WebMercatorQuad/{{z}}/{{x}}/{{y}}.{format_of(style)}"
    legend = Links.styled(f"/tiles/{product.address}/legend.json", name)
    return {
        "tiles": Links.styled(tiles, name),
        "point": f"/tiles/{product.address}/point/",
        "legend": "" if style.kind == "rgb" else legend,
        "bounds": info.bounds_wgs84,
        "maxZoom": min(native_zoom(info) + 1, MAX_ZOOM),
        "smooth": style.resampling != "nearest",
        "bands": [{"name": band_name(b, info), "unit": b.unit} for b in info.bands],
        "classes": {c.value: c.label for c in style.classes if c.label},
    }


def band_name(band: BandInfo, info: RasterInfo) -> str:
    """The band's description; the word "Value" for the only band of a file without one."""
    return band.description or ("Value" if len(info.bands) == 1 else f"Band {band.index}")


def _subject(info: RasterInfo, style: RenderingStyle) -> str:
    title = style.title or KIND_WORDS[info.kind]
    title = title[:1].upper() + title[1:]
    return f"{title} in {style.unit}" if style.unit else title


def _shown(info: RasterInfo, style: RenderingStyle) -> list[BandInfo]:
    return [band for band in info.bands if band.index in style.bands]


def _classes(info: RasterInfo, style: RenderingStyle) -> tuple[ClassShare, ...]:
    if style.kind != "classes":
        return ()
    statistics = info.bands[style.bands[0] - 1].statistics
    return class_shares(statistics, style) if statistics else ()


def _scaled(band: BandInfo, value: float | int | None) -> float | int | None:
    if value is None or (band.scale == 1 and band.offset == 0):
        return value
    return value * band.scale + band.offset


def _band_facts(band: BandInfo) -> BandFacts:
    statistics = band.statistics
    if statistics is None:
        low = high = mean = std = "not known"
    else:
        low, high, mean = (
            number(_scaled(band, value))
            for value in (statistics.min, statistics.max, statistics.mean)
        )
        std = number(None if statistics.std is None else statistics.std * abs(band.scale))
    return BandFacts(
        band.index, band.description or f"b{band.index}", band.dtype, band.unit,
        low, high, mean, std,
        no_data="none" if band.nodata is None else number(band.nodata),
        valid_share=f"{statistics.valid_share:.1%}" if statistics else "not known",
    )  # fmt: skip


def _picture(band: BandInfo) -> BandPicture | None:
    statistics = band.statistics
    if statistics is None or not sum(statistics.histogram_counts):
        return None
    edges = tuple(float(_scaled(band, edge) or 0.0) for edge in statistics.histogram_edges)
    counts = statistics.histogram_counts
    if edges[0] > edges[-1]:  # a negative scale turns the axis round
        edges, counts = edges[::-1], counts[::-1]
    bars = histogram.coarser(counts, edges, band.unit)
    name = band.description or f"Band {band.index}"
    title = f"Histogram of {name}, from {number(edges[0])} to {with_unit(edges[-1], band.unit)}"
    return BandPicture(name, histogram.svg(bars, title), histogram.sentence(bars))


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
