"""Makes the sample of a fresh server: an imaginary landscape, and labelled as such."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.transform import from_origin

SIZE = 768
PIXEL_METRES = 30.0
ORIGIN = (440_000.0, 5_560_000.0)
"""Upper left corner in EPSG:32633, where the imaginary land is drawn: northern Bohemia."""

COVER_CLASSES: dict[int, tuple[str, tuple[int, int, int, int]]] = {
    1: ("Water", (70, 130, 180, 255)),
    2: ("Meadow", (158, 197, 120, 255)),
    3: ("Forest", (56, 112, 68, 255)),
    4: ("Heath", (188, 160, 110, 255)),
    5: ("Rock", (150, 146, 142, 255)),
}


def write_elevation(path: Path) -> None:
    """A float32 elevation model in metres, EPSG:32633, with a corner of nodata (-9999)."""
    heights = _terrain().astype("float32")
    heights[-80:, :60] = -9999.0
    with rasterio.open(path, "w", **_profile("float32", -9999.0)) as target:
        target.write(heights, 1)
        target.set_band_description(1, "elevation")
        target.set_band_unit(1, "m")


def write_land_cover(path: Path) -> None:
    """A uint8 class map with colour table on the same grid; 0 is nodata."""
    heights = _terrain()
    levels = np.quantile(heights, [0.14, 0.45, 0.78, 0.93])
    classes = (np.digitize(heights, levels) + 1).astype("uint8")
    with rasterio.open(path, "w", **_profile("uint8", 0)) as target:
        target.write(classes, 1)
        target.write_colormap(1, {value: color for value, (_, color) in COVER_CLASSES.items()})
        target.set_band_description(1, "land cover")


def _profile(dtype: str, nodata: float) -> dict[str, object]:
    return {
        "driver": "GTiff",
        "width": SIZE,
        "height": SIZE,
        "count": 1,
        "dtype": dtype,
        "nodata": nodata,
        "crs": CRS.from_epsg(32633),
        "transform": from_origin(*ORIGIN, PIXEL_METRES, PIXEL_METRES),
        "compress": "deflate",
    }


def _terrain() -> NDArray[np.float64]:
    """Heights in metres: a broad massif carrying ridges, where a rougher field crosses zero."""
    massif, folds = _field(2.4, seed=7), _field(1.9, seed=11)
    ridges = (1.0 - np.abs(folds) / np.abs(folds).max()) ** 3
    land = massif / np.ptp(massif) + 0.55 * ridges
    share = (land - land.min()) / np.ptp(land)
    return np.asarray(180.0 + 1250.0 * share**1.4)


def _field(exponent: float, *, seed: int) -> NDArray[np.float64]:
    """A random surface by spectral synthesis: white noise filtered to a 1/f^exponent amplitude."""
    noise = np.random.default_rng(seed).standard_normal((SIZE, SIZE))
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(SIZE), np.fft.fftfreq(SIZE)))
    frequency[0, 0] = np.inf
    return np.asarray(np.fft.ifft2(np.fft.fft2(noise) / frequency**exponent).real)
