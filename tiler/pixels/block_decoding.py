"""From the stored bytes of a block to its pixels, as GDAL would decode them."""

from __future__ import annotations

from dataclasses import dataclass
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
from tiler.pixels.predictors import join_floats, sum_rows

Array = NDArray[Any]
Raw = bytes | memoryview

_DECODERS = {
    DEFLATE: imagecodecs.zlib_decode,
    OLD_DEFLATE: imagecodecs.zlib_decode,
    LZW: imagecodecs.lzw_decode,
    ZSTD: imagecodecs.zstd_decode,
}


@dataclass(frozen=True)
class Part:
    """A rectangle of a block, and where it goes."""

    row: int
    column: int
    height: int
    width: int
    to_row: int = 0
    to_column: int = 0


def decoded(about: Level, raw: Raw) -> Array:
    """A block (block, block, samples), which may be written. Raises ValueError, RuntimeError."""
    side = about.block
    block = np.empty(shape_of(about, side, side), about.dtype)
    decode_part(about, raw, Part(0, 0, side, side), block)
    return block


def shape_of(about: Level, height: int, width: int) -> tuple[int, int, int]:
    """Of that many pixels of a level: (height, width, samples), one sample of a plane."""
    return height, width, 1 if about.planes else about.samples


def decode_part(about: Level, raw: Raw, part: Part, result: Array) -> None:
    """Fill the part's place in `result` (height, width, samples), which is contiguous, from the
    stored bytes of its block. Raises ValueError, RuntimeError."""
    shape = shape_of(about, about.block, about.block)
    source = (part.row, part.column, part.height, part.width)
    place = (part.to_row, part.to_column)
    if about.predictor == 2:
        bits = np.dtype(f"u{about.dtype.itemsize}")
        packed = _unpacked(about, raw, about.block_bytes).view(bits).reshape(shape)
        sum_rows(packed, *source, result.view(bits), *place)
    elif about.predictor == 3:
        lines = _unpacked(about, raw, about.block_bytes).reshape(about.block, -1)
        join_floats(lines, about.dtype.itemsize, *source, result.view(np.uint8), *place)
    else:
        copy_part(_plain(about, raw, shape), part, result)


def copy_part(block: Array, part: Part, result: Array) -> None:
    """Fill the part's place in `result` from the decoded block."""
    rows = slice(part.to_row, part.to_row + part.height)
    columns = slice(part.to_column, part.to_column + part.width)
    result[rows, columns] = block[
        part.row : part.row + part.height, part.column : part.column + part.width
    ]


def _plain(about: Level, raw: Raw, shape: tuple[int, int, int]) -> Array:
    """A block without a predictor."""
    if about.compression in PICTURES:
        return _picture(about, raw, np.empty(shape, np.uint8))
    if about.bits == 1:
        return np.unpackbits(_unpacked(about, raw, about.block**2 // 8)).reshape(shape)
    return _unpacked(about, raw, about.block_bytes).view(about.dtype).reshape(shape)


def _unpacked(about: Level, raw: Raw, size: int) -> Array:
    """The block's bytes. Into an array of ours: kernels are compiled for arrays that may be
    written, and those made of `bytes` may not."""
    if about.compression == NONE:
        return np.frombuffer(bytearray(raw), np.uint8)
    out = np.empty(size, np.uint8)
    # imagecodecs fills any buffer; its stubs name only bytearray.
    _DECODERS[about.compression](raw, out=out)  # type: ignore[arg-type]
    return out


def _picture(about: Level, raw: Raw, out: Array) -> Array:
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
