"""Rasters as users upload them, generated: relief with fields and sensor noise, striped TIFFs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_origin

TEXTURE = 2048
CELL = 256
KINDS = {
    "rgb": (3, "uint8"),
    "reflectance": (4, "uint16"),
    "index": (1, "float32"),
    "classes": (1, "uint8"),
}
"""Name -> bands, type."""


def relief(rng: np.random.Generator) -> np.ndarray:
    """A tileable surface with the 1/f spectrum of natural land, (2048, 2048), 0 to 1."""
    frequency = np.hypot(np.fft.fftfreq(TEXTURE)[:, None], np.fft.rfftfreq(TEXTURE)[None])
    frequency[0, 0] = 1
    spectrum = np.fft.rfft2(rng.standard_normal((TEXTURE, TEXTURE))) * frequency**-1.6
    spectrum[0, 0] = 0
    surface = np.fft.irfft2(spectrum, s=(TEXTURE, TEXTURE))
    low, high = np.percentile(surface, (1, 99))
    return np.clip((surface - low) / (high - low), 0, 1).astype("float32")


def fields(rng: np.random.Generator) -> np.ndarray:
    """Parcels of different brightness, (2048, 2048), 0.7 to 1.3."""
    parcels = rng.uniform(0.7, 1.3, (TEXTURE // 32, TEXTURE // 32)).astype("float32")
    return np.kron(parcels, np.ones((32, 32), "float32"))


def write_raster(path: Path, kind: str, megabytes: int, seed: int = 7) -> Path:
    """Write about `megabytes` of pixels of a kind as an uncompressed, striped GeoTIFF."""
    rng = np.random.default_rng(seed)
    bands, dtype = KINDS[kind]
    side = int((megabytes * 1e6 / bands / np.dtype(dtype).itemsize) ** 0.5)
    textures = [_texture(kind, band, rng) for band in range(bands)]
    with rasterio.open(
        path, "w", driver="GTiff", width=side, height=side, count=bands, dtype=dtype,
        crs="EPSG:32633", transform=from_origin(399_960, 5_600_040, 10, 10), BIGTIFF="IF_SAFER",
        interleave="pixel", nodata=-9999 if kind == "index" else None,
    ) as dataset:  # fmt: skip
        for top in range(0, side, CELL):
            height = min(CELL, side - top)
            strip = _strip(textures, top, height, side, rng, dtype)
            dataset.write(strip, window=rasterio.windows.Window(0, top, side, height))
    return path


def write_small(path: Path, number: int) -> Path:
    """Write a raster of 64 by 64 pixels; each number lies elsewhere."""
    pixels = np.random.default_rng(number).integers(0, 10_000, (1, 64, 64), "uint16")
    transform = from_origin(300_000 + 5_000 * number, 5_600_000, 10, 10)
    with rasterio.open(
        path, "w", driver="GTiff", width=64, height=64, count=1, dtype="uint16",
        crs="EPSG:32633", transform=transform,
    ) as dataset:  # fmt: skip
        dataset.write(pixels)
    return path


def write_small_lonlat(path: Path) -> Path:
    """Write 64 by 64 pixels of a hundredth of a degree, in colour."""
    rng = np.random.default_rng(3)
    pixels = np.clip(rng.normal(120, 30, (3, 64, 64)), 1, 255).astype("uint8")
    with rasterio.open(
        path, "w", driver="GTiff", width=64, height=64, count=3, dtype="uint8",
        crs="EPSG:4326", transform=from_origin(10, 50, 0.01, 0.01), photometric="rgb",
    ) as dataset:  # fmt: skip
        dataset.write(pixels)
    return path


def write_patches(path: Path, number: int, count: int) -> Path:
    """Write one of `count` rasters of the same place, 2048 pixels square, in colour: each is valid
    in stripes of its own, so that a mosaic needs them all."""
    rng = np.random.default_rng(number)
    texture = np.array([_texture("rgb", band, rng) for band in range(3)]).astype("uint8")
    place = np.add.outer(np.arange(TEXTURE), np.arange(TEXTURE)) // 32 % count
    texture[:, place != number] = 0
    with rasterio.open(
        path, "w", driver="GTiff", width=TEXTURE, height=TEXTURE, count=3, dtype="uint8",
        crs="EPSG:32633", transform=from_origin(500_000, 5_500_000, 10, 10), nodata=0,
        photometric="rgb",
    ) as dataset:  # fmt: skip
        dataset.write(texture)
    return path


def _texture(kind: str, band: int, rng: np.random.Generator) -> np.ndarray:
    land = relief(rng) * fields(rng)
    noise = rng.normal(0, 1, land.shape).astype("float32")
    if kind == "rgb":
        return np.clip(40 + 120 * land + 2 * noise, 1, 255)
    if kind == "reflectance":
        return np.clip(300 + (1500 + 600 * band) * land + 25 * noise, 1, 65535)
    if kind == "classes":
        return np.floor(np.clip(relief(rng) * 9, 0, 8))
    index = land - 0.4 + 0.004 * noise
    index[relief(rng) > 0.85] = -9999
    return index


def _strip(
    textures: list[np.ndarray],
    top: int,
    height: int,
    side: int,
    rng: np.random.Generator,
    dtype: str,
) -> np.ndarray:
    """Cells of the textures, taken from anywhere and flipped: nothing repeats in a line."""
    strip = np.empty((len(textures), height, side), dtype)
    for left in range(0, side, CELL):
        width = min(CELL, side - left)
        y, x = rng.integers(0, TEXTURE - CELL, 2)
        step = int(rng.choice((-1, 1)))
        for band, texture in enumerate(textures):
            cell = texture[y : y + height, x : x + width][:, ::step]
            strip[band, :, left : left + width] = cell
    return strip
