"""Whether a drawn picture shows the source: in the right place, the right way round.

"The layer loaded" proves little, so a drawing is compared with the source warped to
the same extent, and with flipped and shifted copies of that, which must fit worse.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.transform import from_bounds
from rasterio.vrt import WarpedVRT

Bounds = tuple[float, float, float, float]

LEAST_CORRELATION = 0.95
SHIFT_PIXELS = 12
LUMINANCE = np.array([0.299, 0.587, 0.114])
"""ITU-R BT.601; grows with the value along viridis."""


@dataclass(frozen=True)
class Drawing:
    """What a client has drawn: (height, width, 3 or 4) uint8, over bounds in EPSG:3857."""

    pixels: NDArray[np.uint8]
    bounds: Bounds


def assert_shows(drawing: Drawing, source: Path) -> float:
    """The correlation with the source, after asserting that it is high and no accident."""
    height, width = drawing.pixels.shape[:2]
    expected, valid = drawn_source(source, drawing.bounds, height, width)
    drawn = drawing.pixels[..., :3].astype(float)
    if expected.shape[2] == 1:
        drawn = (drawn @ LUMINANCE)[..., np.newaxis]
    assert valid.mean() > 0.2, "the extent of the test shows too little of the source"
    right = correlation(drawn, expected, valid)
    wrong = {name: correlation(drawn, *copy) for name, copy in _copies(expected, valid).items()}
    assert right > LEAST_CORRELATION, f"correlation {right:.3f}; copies {wrong}"
    assert right > max(wrong.values()), f"{right:.3f} is not above {wrong}"
    return right


def drawn_source(
    source: Path, bounds: Bounds, height: int, width: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The source over bounds in EPSG:3857: (height, width, 1 or 3), and True where valid."""
    with (
        rasterio.open(source) as dataset,
        WarpedVRT(
            dataset,
            crs="EPSG:3857",
            transform=from_bounds(*bounds, width, height),
            width=width,
            height=height,
            resampling=Resampling.bilinear,
            add_alpha=dataset.nodata is None and dataset.count in (1, 3),
        ) as warped,
    ):
        bands = [1, 2, 3] if dataset.count >= 3 else [1]
        pixels = np.moveaxis(warped.read(bands).astype(float), 0, 2)
        valid = warped.dataset_mask() > 0
    return pixels, valid


def correlation(
    drawn: NDArray[np.float64], expected: NDArray[np.float64], valid: NDArray[np.bool_]
) -> float:
    """Pearson's, over the valid pixels of all channels; 0 where nothing varies."""
    one, other = drawn[valid].ravel(), expected[valid].ravel()
    if one.std() == 0 or other.std() == 0:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])


def _copies(
    expected: NDArray[np.float64], valid: NDArray[np.bool_]
) -> dict[str, tuple[NDArray[np.float64], NDArray[np.bool_]]]:
    """Wrong copies: mirrored, upside down, turned, and shifted to the four sides."""
    copies = {
        "mirrored": (expected[:, ::-1], valid[:, ::-1]),
        "upside down": (expected[::-1], valid[::-1]),
        "turned": (expected[::-1, ::-1], valid[::-1, ::-1]),
    }
    for name, step in {"right": (0, 1), "left": (0, -1), "down": (1, 0), "up": (-1, 0)}.items():
        rows, columns = (SHIFT_PIXELS * n for n in step)
        copies[name] = tuple(np.roll(a, (rows, columns), (0, 1)) for a in (expected, valid))
    return copies
