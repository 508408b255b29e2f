"""Doubts about nodata: a value that is probably meant and not named, or several of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from repository.raster_info import BandInfo, RasterInfo
from tasks.pixel_sample import Sample

MIN_PIXELS = 256
MIN_SHARE = 0.02
MIN_BORDER_SHARE = 0.25
"""Of pixels along the edges: collars and fill lie there, shadows and water anywhere."""


def nodata_warning(sample: Sample, info: RasterInfo) -> tuple[str, str] | None:
    """The warning `nodata_ambiguous` with the value and its share; None where nothing is doubtful.

    Doubtful is a value that is the lowest or highest of all, takes a good part of the edges
    and stands in all bands at once, where neither nodata nor mask nor alpha is given. Class
    codes and bit flags are left alone: each value means something there.
    """
    if info.kind in ("classes", "bits") or sample.border.size < MIN_PIXELS:
        return None
    if any(band.mask != "all_valid" or band.color_table for band in info.bands):
        return None
    value = _commonest(sample.pixels[0][sample.border])
    if value is None or value not in _extremes(sample.pixels[0]):
        return None
    same = (sample.pixels == value).all(axis=0)
    share, border_share = float(same.mean()), float(same[sample.border].mean())
    if same.all() or share < MIN_SHARE or border_share < MIN_BORDER_SHARE:
        return None
    return (
        "nodata_ambiguous",
        f"No nodata value is given, but {_number(value)} fills about {share:.0%} of the raster "
        f"and {border_share:.0%} of its edges. If it means that there is no data, set it as "
        "nodata: no new upload is needed.",
    )


def differing_nodata_warning(bands: Sequence[BandInfo]) -> tuple[str, str] | None:
    """The warning `nodata_of_first_band` where bands differ in nodata: a GeoTIFF holds one."""
    measured = [band for band in bands if band.color_interpretation != "alpha"]
    if len({repr(None if b.nodata is None else float(b.nodata)) for b in measured}) < 2:
        return None
    first = bands[0].nodata
    return (
        "nodata_of_first_band",
        "The bands have different nodata values, and one is kept for all: that of the first band, "
        f"{'none' if first is None else f'{first:g}'}. Where another band means something else, "
        "publish it as a map of its own.",
    )


def _commonest(values: NDArray[np.generic]) -> np.generic | None:
    finite = values[np.isfinite(values)]
    if not finite.size:
        return None
    found, counts = np.unique(finite, return_counts=True)
    commonest: np.generic = found[counts.argmax()]
    return commonest


def _extremes(pixels: NDArray[np.generic]) -> tuple[np.generic, np.generic]:
    finite = pixels[np.isfinite(pixels)]
    return finite.min(), finite.max()


def _number(value: np.generic) -> str:
    return f"{value.item():g}" if value.dtype.kind == "f" else str(value.item())
