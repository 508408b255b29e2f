"""Chooses the picture that a newcomer would want, from a raster's facts and statistics alone."""

from __future__ import annotations

import colorsys
import re
from collections.abc import Sequence

from repository.raster_info import BandInfo, RasterInfo, Statistics
from repository.rendering_style import ClassColor, RenderingStyle

MAX_CLASSES = 256

SEQUENTIAL, DIVERGING, VEGETATION = "viridis", "rdbu_r", "rdylgn"
"""Names that rio-tiler knows; the diverging one puts white at the middle and red above it."""

_RED, _GREEN, _BLUE = (
    re.compile(rf"(?:^|[^a-z0-9])(?:{names})(?:[^a-z0-9]|$)", re.IGNORECASE)
    for names in ("red|b0?4", "green|b0?3", "blue|b0?2")
)
"""Sentinel-2's and Landsat 8's numbers agree here; they hold only where all three are there."""

_DIVERGING_NAME = re.compile(
    r"anomal|differ|delta|change|residual|displacement|velocity|trend|offset", re.IGNORECASE
)

_VEGETATION_NAME = re.compile(r"(?:^|[^a-z])(?:ndvi|evi2?|savi|msavi)(?:[^a-z]|$)", re.IGNORECASE)

_CATEGORICAL = (
    (31, 119, 180), (255, 127, 14), (44, 160, 44), (214, 39, 40), (148, 103, 189), (140, 86, 75),
    (227, 119, 194), (127, 127, 127), (188, 189, 34), (23, 190, 207), (174, 199, 232),
    (255, 187, 120), (152, 223, 138), (255, 152, 150), (197, 176, 213), (196, 156, 148),
    (247, 182, 210), (199, 199, 199), (219, 219, 141), (158, 218, 229),
)  # fmt: skip
"""Twenty well-known categorical colours, strong ones first."""


def default_style(info: RasterInfo) -> RenderingStyle:
    """The stored style of a new product; complete, so that drawing looks at no statistics.

    `info` must carry the bands' statistics where a stretch or a legend is to come of them.
    """
    if info.kind in ("classes", "bits") and (style := _class_style(info)) is not None:
        return style
    if (channels := true_color_bands(info.bands)) is not None:
        return _rgb_style(info, channels)
    return _ramp_style(info)


def true_color_bands(bands: Sequence[BandInfo]) -> tuple[int, int, int] | None:
    """Numbers of the red, green and blue bands by interpretation, else by description."""
    by_color = {band.color_interpretation: band.index for band in reversed(bands)}
    if {"red", "green", "blue"} <= by_color.keys():
        return by_color["red"], by_color["green"], by_color["blue"]
    found = [
        next((band.index for band in bands if name.search(band.description)), None)
        for name in (_RED, _GREEN, _BLUE)
    ]
    red, green, blue = found
    if red is None or green is None or blue is None or len(set(found)) < 3:
        return None
    return red, green, blue


def _class_style(info: RasterInfo) -> RenderingStyle | None:
    """None where the values are too many for a legend, or unknown."""
    band = info.bands[0]
    values = band.statistics.unique_values if band.statistics else ()
    if band.color_table:
        classes = _table_classes(band, values)
    elif 0 < len(values) <= MAX_CLASSES:
        classes = tuple(
            ClassColor(value, (*_categorical(i), 255), str(value)) for i, value in enumerate(values)
        )
    else:
        return None
    return RenderingStyle(
        kind="classes",
        bands=(band.index,),
        classes=classes,
        resampling="nearest",
        title=band.description,
        unit=band.unit,
    )


def _table_classes(band: BandInfo, values: Sequence[int]) -> tuple[ClassColor, ...]:
    """The file's own colours; only of values that occur, where these are known."""
    entries = {value: (r, g, b, a) for value, r, g, b, a in band.color_table}
    shown = [value for value in values if value in entries] or list(entries)
    return tuple(ClassColor(value, entries[value], str(value)) for value in shown)


def _categorical(i: int) -> tuple[int, int, int]:
    """Twenty chosen colours, then hues a golden angle apart: neighbours always differ."""
    if i < len(_CATEGORICAL):
        return _CATEGORICAL[i]
    hue, lightness = i * 0.618034 % 1, (0.35, 0.5, 0.65)[i % 3]
    red, green, blue = colorsys.hls_to_rgb(hue, lightness, 0.65)
    return round(red * 255), round(green * 255), round(blue * 255)


def _rgb_style(info: RasterInfo, channels: tuple[int, int, int]) -> RenderingStyle:
    facts = [info.bands[index - 1].statistics for index in channels]
    return RenderingStyle(
        kind="rgb",
        bands=channels,
        stretch=_rgb_stretch(info.bands[channels[0] - 1].dtype, facts),
        resampling="bilinear",
    )


def _rgb_stretch(dtype: str, facts: Sequence[Statistics | None]) -> tuple[tuple[float, float], ...]:
    """Finished 8-bit pictures as they are; else 2-98 %, one stretch for all three bands.

    One common stretch keeps the colours that the sensor saw: reflectances of the
    three bands share one scale, and a stretch for each would paint a forest grey.
    """
    ranges = [r for r in map(percentile_range, facts) if r is not None]
    if not ranges:
        return ((0.0, 255.0),) * 3
    low, high = min(r[0] for r in ranges), max(r[1] for r in ranges)
    if dtype == "uint8" and high - low >= 64:
        return ((0.0, 255.0),) * 3
    return (widened(low, high),) * 3


def _ramp_style(info: RasterInfo) -> RenderingStyle:
    band = _first_measured(info.bands)
    low, high = percentile_range(band.statistics) or (0.0, 255.0)
    ramp = VEGETATION if _VEGETATION_NAME.search(band.description) else SEQUENTIAL
    if _diverges(band, low, high):
        ramp, high = DIVERGING, max(abs(low), abs(high))
        low = -high
    return RenderingStyle(
        kind="ramp",
        bands=(band.index,),
        stretch=(widened(low, high),),
        ramp=ramp,
        resampling="nearest" if info.kind in ("classes", "bits") else "bilinear",
        title=band.description,
        unit=band.unit,
    )


def _first_measured(bands: Sequence[BandInfo]) -> BandInfo:
    """The first band that is no alpha and has values; the first one where there is none."""
    opaque = [band for band in bands if band.color_interpretation != "alpha"] or list(bands)
    with_values = (b for b in opaque if b.statistics is not None and b.statistics.valid_count)
    return next(with_values, opaque[0])


def _diverges(band: BandInfo, low: float, high: float) -> bool:
    """Differences named so, with values on both sides of zero. An index such as NDVI has
    negative values too, but its zero is not its middle: it is stretched as any other."""
    return low < 0 < high and bool(_DIVERGING_NAME.search(band.description))


def percentile_range(facts: Statistics | None) -> tuple[float, float] | None:
    """2nd and 98th percentile; minimum and maximum where these coincide; None without values."""
    if facts is None or facts.min is None or facts.max is None:
        return None
    low, high = facts.percentile_2, facts.percentile_98
    if low is None or high is None or not low < high:
        low, high = float(facts.min), float(facts.max)
    return float(low), float(high)


def widened(low: float, high: float) -> tuple[float, float]:
    """A stretch of some width: a constant raster is shown in the middle of its ramp."""
    if high > low:
        return low, high
    margin = max(abs(low) * 1e-3, 0.5)
    return low - margin, low + margin
