"""From the stored bytes of a block to its pixels, as GDAL would decode them."""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from tiler.pixels.cog_header import (
    DEFLATE,
    GREY,
    LZW,
    NONE,
    OLD_DEFLATE,
    PICTURES,
    WEBP,
    ZSTD,
    Level,
)  # fmt: skip

Array = NDArray[Any]

_DECODERS = {
    DEFLATE: imagecodecs.zlib_decode,
    OLD_DEFLATE: imagecodecs.zlib_decode,
    LZW: imagecodecs.lzw_decode,
    ZSTD: imagecodecs.zstd_decode,
}


def decoded(about: Level, raw: bytes | memoryview) -> Array:
    """A block (block, block, samples), which may be written. Raises ValueError, RuntimeError."""
    side, samples = about.block, 1 if about.planes else about.samples
    if about.compression in PICTURES:
        return _picture(about, raw, np.empty((side, side, samples), np.uint8))
    if about.bits == 1:
        packed = _unpacked(about, raw, side * side // 8)
        return np.unpackbits(packed).reshape(side, side, 1)
    size = side * side * samples * about.dtype.itemsize
    block: Array = _unpacked(about, raw, size).view(about.dtype).reshape(side, side, samples)
    if about.predictor == 2:
        return np.asarray(imagecodecs.delta_decode(block, axis=-2, out=block))
    if about.predictor == 3:
        return np.asarray(imagecodecs.floatpred_decode(block, axis=-2))
    return block


def _unpacked(about: Level, raw: bytes | memoryview, size: int) -> Array:
    """The block's bytes. Into an array of ours: kernels are compiled for arrays that may be
    written, and those made of `bytes` may not."""
    if about.compression == NONE:
        return np.frombuffer(bytearray(raw), np.uint8)
    out = np.empty(size, np.uint8)
    # imagecodecs fills any buffer; its stubs name only bytearray.
    _DECODERS[about.compression](raw, out=out)  # type: ignore[arg-type]
    return out


def _picture(about: Level, raw: bytes | memoryview, out: Array) -> Array:
    """JPEG or WEBP. Into an array of ours, so that no block's own header takes more memory."""
    if about.compression == WEBP:
        imagecodecs.webp_decode(raw, hasalpha=about.samples == 4, out=out)  # type: ignore[arg-type]
        return out
    colours = "GRAYSCALE" if about.photometric == GREY else "RGB"
    imagecodecs.jpeg8_decode(
        raw,  # type: ignore[arg-type]
        tables=about.jpeg_tables or None, colorspace=colours, outcolorspace=colours,
        out=out[..., 0] if about.photometric == GREY else out,
    )  # fmt: skip
    return out
