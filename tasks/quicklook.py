"""A small picture of a raster from a sample of its pixels, for who must judge what arrived."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from repository.raster_info import BandInfo
from tasks.pixel_sample import Sample

MAX_BASE64_BYTES = 64 * 1024
Bytes = NDArray[np.uint8]


def quicklook_png(sample: Sample, bands: Sequence[BandInfo]) -> str:
    """A PNG in base64 of at most 64 KB; empty where the sample shows no picture.

    Colours by the colour table, by red, green and blue bands, or in grey; transparent where no
    pixel is valid.
    """
    if not sample.is_picture:
        return ""
    image = _image(sample, bands)
    for step in range(1, max(image.shape)):
        file = io.BytesIO()
        Image.fromarray(image[::step, ::step]).save(file, "PNG")
        text = base64.b64encode(file.getvalue()).decode("ascii")
        if len(text) <= MAX_BASE64_BYTES:
            return text
    return ""


def _image(sample: Sample, bands: Sequence[BandInfo]) -> Bytes:
    """Shape (height, width, 4): red, green, blue, alpha."""
    taken = _bands_to_draw(bands, len(sample.pixels))
    valid = sample.valid[taken].all(axis=0)
    alpha = np.where(valid, 255, 0).astype(np.uint8)
    table = bands[0].color_table
    if len(taken) == 1 and table:
        colors = _by_table(sample.pixels[0], table)
        colors[..., 3] = np.minimum(colors[..., 3], alpha)
        return colors
    shades = [_stretched(sample.pixels[i], sample.valid[i]) for i in taken]
    return np.stack([*(shades if len(shades) == 3 else 3 * shades), alpha], axis=-1)


def _bands_to_draw(bands: Sequence[BandInfo], count: int) -> list[int]:
    by_color = {band.color_interpretation: band.index - 1 for band in bands[:count]}
    if {"red", "green", "blue"} <= set(by_color):
        return [by_color[name] for name in ("red", "green", "blue")]
    return [0]


def _by_table(pixels: NDArray[np.generic], table: Sequence[Sequence[int]]) -> Bytes:
    colors = np.zeros((*pixels.shape, 4), np.uint8)
    for value, *color in table:
        colors[pixels == value] = color
    return colors


def _stretched(pixels: NDArray[np.generic], valid: NDArray[np.bool_]) -> Bytes:
    """From the 2nd to the 98th percentile; the middle grey where all values are one."""
    values = pixels.astype(np.float64)
    known = values[valid]
    if not known.size:
        return np.zeros(pixels.shape, np.uint8)
    low, high = np.percentile(known, (2, 98))
    if not high > low:
        return np.full(pixels.shape, 128, np.uint8)
    with np.errstate(invalid="ignore", over="ignore"):
        share = (values - low) / (high - low)
    return (np.clip(np.nan_to_num(share), 0, 1) * 255).astype(np.uint8)
