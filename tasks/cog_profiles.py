"""How each kind of data is stored as a COG: compression, predictor, blocks, overviews.

Measured on 2 cores with real scenes: ZSTD level 3 with a predictor writes about
as small as DEFLATE level 6 and decodes several times faster; blocks of 256 pixels
serve a map tile from the fewest bytes. Level 4 writes colour pictures 6 % smaller, level 7
class codes 18 % smaller: at level 3 these would be larger than DEFLATE's.
Of pictures as noisy as cameras make them level 1 is often smaller than level 4, which takes
chance for likeness: such a block is written in a quarter of the time, and decodes in half of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from repository.raster_info import Kind, RasterInfo

Resampling = Literal["average", "mode", "nearest"]
Codec = Literal["zstd", "deflate"]

PIXEL_INTERLEAVED_BANDS = 4
"""Up to here one block holds all bands: they are nearly always drawn together. Beyond, a
reader of one band of many would decode all the others, so each band has its own blocks."""


@dataclass(frozen=True)
class CogProfile:
    """The choices that one kind of data asks for."""

    resampling: Resampling
    """How four pixels become one in an overview."""
    predict: bool
    """Store differences between neighbours: pays for gradients, costs for class codes."""
    codec: Codec = "zstd"
    level: int = 3
    """Of the codec: more is smaller and slower."""
    fast_level: int = 0
    """Tried on some rows of each block, and taken where they get no larger; 0 for none."""
    block_size: int = 256


PROFILES: dict[Kind, CogProfile] = {
    "measurement": CogProfile(resampling="average", predict=True),
    "rgb": CogProfile(resampling="average", predict=True, level=4, fast_level=1),
    "classes": CogProfile(resampling="mode", predict=False, level=7),
    "bits": CogProfile(resampling="nearest", predict=False),
}


def profile_for(info: RasterInfo) -> CogProfile:
    """The profile of a raster. A colour table makes classes: codes cannot be averaged."""
    if any(band.color_table for band in info.bands):
        return PROFILES["classes"]
    return PROFILES[info.kind]


def predictor_for(profile: CogProfile, dtype: np.dtype[Any]) -> int:
    """TIFF tag Predictor: 1 none, 2 horizontal differences, 3 floating point (TIFF TN 3)."""
    if not profile.predict:
        return 1
    return 3 if dtype.kind == "f" else 2


def is_pixel_interleaved(band_count: int) -> bool:
    """Whether one block holds all bands (PlanarConfiguration 1) or one band (2)."""
    return band_count <= PIXEL_INTERLEAVED_BANDS
