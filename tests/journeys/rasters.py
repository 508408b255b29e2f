"""Rasters with so much asymmetry that a flipped, shifted or recoloured copy shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.windows import Window

from tests.rasters import ORIGIN, UTM, write_raster

HEIGHT, WIDTH = 480, 640


def hills(height: int = HEIGHT, width: int = WIDTH, seed: int = 11) -> NDArray[np.float64]:
    """Smooth random land from 0 to 1 with a slope to the south-east: (height, width)."""
    noise = np.random.default_rng(seed).standard_normal((height, width))
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(width), np.fft.fftfreq(height)))
    frequency[0, 0] = 1.0
    land = np.fft.ifft2(np.fft.fft2(noise) / frequency**1.6).real
    slope = np.add.outer(np.linspace(0, 1, height), np.linspace(0, 2, width))
    mixed = land / land.std() + slope
    return (mixed - mixed.min()) / np.ptp(mixed)


def write_photograph(path: Path) -> Path:
    """RGB uint8 in UTM, three different lands, no nodata."""
    bands = [hills(seed=seed) for seed in (1, 2, 3)]
    pixels = (np.stack(bands) * 250 + 2).astype("uint8")
    return write_raster(path, pixels, photometric="rgb", compress="deflate")


def write_elevation(path: Path) -> Path:
    """float32 metres in UTM, with nodata -9999 in the north-western corner."""
    heights = (hills(seed=4) * 1800 + 120).astype("float32")
    heights[:60, :90] = -9999
    return write_raster(path, heights[np.newaxis], nodata=-9999, compress="deflate")


def write_large(path: Path, edge: int) -> Path:
    """A float32 raster of edge x edge noisy pixels: seconds of work for a conversion."""
    pixels = np.random.default_rng(5).random((256, edge), dtype="float32")
    profile = {
        "driver": "GTiff", "count": 1, "width": edge, "height": edge, "dtype": "float32",
        "crs": UTM, "transform": ORIGIN, "tiled": True, "blockxsize": 256, "blockysize": 256,
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as dataset:
        for row in range(0, edge, 256):
            rows = min(256, edge - row)
            dataset.write(pixels[:rows] + row, 1, window=Window(0, row, edge, rows))
    return path
