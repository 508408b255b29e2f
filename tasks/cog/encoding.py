"""Pixels of one block to the bytes that lie in the file."""

from __future__ import annotations

import imagecodecs
import numpy as np

from tasks.cog.validity import Mask, Pixels
from tasks.cog_profiles import Codec, CogProfile

COMPRESSION_ZSTD = 50000
COMPRESSION_DEFLATE = 8
COMPRESSION: dict[Codec, int] = {"zstd": COMPRESSION_ZSTD, "deflate": COMPRESSION_DEFLATE}
"""TIFF tag Compression."""
MASK_DEFLATE_LEVEL = 6
SAMPLE_ROWS = 48


def padded(block: Pixels, size: int) -> Pixels:
    """A block (samples, h, w) grown to size x size by repeating its edge: it compresses best."""
    _, height, width = block.shape
    if (height, width) == (size, size):
        return block
    return np.pad(block, ((0, 0), (0, size - height), (0, size - width)), mode="edge")


def encode_block(block: Pixels, size: int, predictor: int, profile: CogProfile) -> bytes:
    """A block (samples, h, w) as compressed bytes of size x size pixels, samples interleaved."""
    pixels = np.ascontiguousarray(padded(block, size).transpose(1, 2, 0))
    if predictor == 2:
        pixels = imagecodecs.delta_encode(pixels, axis=-2)
    elif predictor == 3:
        pixels = imagecodecs.floatpred_encode(pixels, axis=-2)
    # imagecodecs takes any buffer; its stubs name only bytes.
    if profile.codec == "deflate":
        return bytes(imagecodecs.deflate_encode(pixels, level=profile.level))  # type: ignore[arg-type]
    return _zstd(pixels, _zstd_level(pixels, profile))


def _zstd_level(pixels: Pixels, profile: CogProfile) -> int:
    """The profile's level, or its fast one where that makes a sample of the rows no larger."""
    if not profile.fast_level:
        return profile.level
    middle = len(pixels) // 2
    sample = pixels[middle - SAMPLE_ROWS // 2 : middle + SAMPLE_ROWS // 2]
    fast, usual = (len(_zstd(sample, n)) for n in (profile.fast_level, profile.level))
    return profile.fast_level if fast <= usual else profile.level


def _zstd(pixels: Pixels, level: int) -> bytes:
    return bytes(imagecodecs.zstd_encode(pixels, level=level))  # type: ignore[arg-type]


def encode_mask(valid: Mask, size: int) -> bytes:
    """A mask (h, w), True for valid, as DEFLATE bytes of size x size bits."""
    bits = np.packbits(padded(valid[np.newaxis], size)[0], axis=1)
    return bytes(imagecodecs.zlib_encode(bits, level=MASK_DEFLATE_LEVEL))  # type: ignore[arg-type]
