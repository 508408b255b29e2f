"""PNG (ISO/IEC 15948) written for speed: palettes where they do, one filter, alpha where needed."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from tiler.pixels.colours import Bytes, Colours, Indexed, Picture, ScanLines
from tiler.pixels.deflate import deflate
from tiler.pixels.picture_kernels import filtered_lines

LEVEL = 1
"""Of ISA-L, for palettes of classes: level 6 took five times the time for a fifth fewer bytes."""
RGB, PALETTE, RGBA = 2, 3, 6


def encode_png(picture: Picture) -> bytes:
    """The picture as a PNG file."""
    if isinstance(picture, Indexed):
        return _encode_indexed(picture)
    if isinstance(picture, Colours):
        return _encode_colours(picture)
    return _encode_lines(picture)


def _encode_indexed(picture: Indexed) -> bytes:
    height, width = picture.index.shape
    highest = int(picture.index.max())
    if not highest:
        return _blank(width, height)
    palette = picture.palette[: highest + 1]
    opaque_from = _last_translucent(palette) + 1
    data: bytes | Bytes
    if picture.is_ordered:
        data = _deflated(
            filtered_lines(np.ascontiguousarray(picture.index)[..., None]), height * (width + 1)
        )
    else:
        lines = np.empty((height, width + 1), np.uint8)
        lines[:, 0], lines[:, 1:] = 0, picture.index  # no filter: numbers have no differences
        data = isal_zlib.compress(lines, LEVEL)
    return _file(
        width, height, 8, PALETTE, data,
        (b"PLTE", palette[:, :3].tobytes()), (b"tRNS", palette[:opaque_from, 3].tobytes()),
    )  # fmt: skip


def _encode_colours(picture: Colours) -> bytes:
    height, width = picture.rgb.shape[:2]
    samples = picture.rgb
    if picture.alpha is not None:
        if not picture.alpha.any():
            return _blank(width, height)
        samples = np.dstack([picture.rgb, picture.alpha])
    lines = filtered_lines(np.ascontiguousarray(samples))
    return _encode_lines(ScanLines(lines, width, height, samples.shape[2]))


def _encode_lines(lines: ScanLines) -> bytes:
    colour = RGB if lines.channels == 3 else RGBA
    return _file(lines.width, lines.height, 8, colour, _deflated(lines.lines, lines.size))


def _deflated(lines: Bytes, size: int) -> Bytes:
    """The zlib stream of the first `size` bytes of filtered lines, which go on for 8 more."""
    out = np.empty(2 * size + 1024, np.uint8)
    length = deflate(lines, size, out)
    checksum = isal_zlib.adler32(lines[:size])
    out[length : length + 4] = list(checksum.to_bytes(4, "big"))
    return out[: length + 4]


def _blank(width: int, height: int) -> bytes:
    """All transparent, one bit a pixel: about 100 bytes."""
    lines = bytes((1 + (width + 7) // 8) * height)
    data = isal_zlib.compress(lines, LEVEL)
    return _file(width, height, 1, PALETTE, data, (b"PLTE", bytes(3)), (b"tRNS", bytes(1)))


def _file(
    width: int,
    height: int,
    depth: int,
    colour: int,
    data: bytes | Bytes,
    *chunks: tuple[bytes, bytes],
) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = [b"\x89PNG\r\n\x1a\n", *_chunk(b"IHDR", header)]
    for chunk in chunks:
        if chunk[1]:
            parts += _chunk(*chunk)
    return b"".join([*parts, *_chunk(b"IDAT", data), *_chunk(b"IEND", b"")])


def _chunk(name: bytes, data: bytes | Bytes) -> list[bytes]:
    checksum = isal_zlib.crc32(data, isal_zlib.crc32(name))
    # Joined without a copy before: an array of bytes is a buffer, though its stubs say no.
    body: Any = data
    return [struct.pack(">I", len(data)), name, body, struct.pack(">I", checksum)]


def _last_translucent(palette: NDArray[Any]) -> int:
    clear = np.flatnonzero(palette[:, 3] < 255)
    return int(clear[-1]) if clear.size else -1
