"""From pixels and a style to the bytes of a picture: the one place where tiles are encoded."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Literal

import numpy as np
import rasterio
from imagecodecs import jpeg_encode, webp_encode
from numpy.typing import NDArray
from rasterio.io import MemoryFile
from rasterio.transform import from_bounds

from repository.errors import NotFound
from repository.rendering_style import RenderingStyle
from tiler.pixels.colours import Colours, Indexed, Picture, ScanLines, as_colours, on_white
from tiler.pixels.png import encode_png
from tiler.pixels.reading import Pixels
from tiler.pixels.styles import paint

Format = Literal["png", "jpg", "webp", "tif", "npy"]

JPEG_QUALITY = 85
WEBP_QUALITY = 80


@dataclass(frozen=True)
class MediaFormat:
    """A file format that a tile can have."""

    extension: Format
    media_type: str
    has_transparency: bool
    is_picture: bool
    """Drawn with a style; else it holds the values as stored."""


FORMATS: dict[str, MediaFormat] = {
    "png": MediaFormat("png", "image/png", True, True),
    "jpg": MediaFormat("jpg", "image/jpeg", False, True),
    "webp": MediaFormat("webp", "image/webp", True, True),
    "tif": MediaFormat("tif", "image/tiff; application=geotiff", False, False),
    "npy": MediaFormat("npy", "application/x-binary", False, False),
}


def media_format(extension: str) -> MediaFormat:
    """The format of that file extension. Raises NotFound `unknown_format`."""
    extension = "jpg" if extension == "jpeg" else extension
    if extension not in FORMATS:
        raise NotFound(
            f"Tiles have no format {extension[:20]!r}.",
            code="unknown_format",
            hint=f"Use one of {', '.join(FORMATS)}.",
        )
    return FORMATS[extension]


def bands_for(style: RenderingStyle, media: MediaFormat) -> tuple[int, ...]:
    """The bands that a picture needs; none (all) for a file of values."""
    return style.bands if media.is_picture else ()


def render(pixels: Pixels, style: RenderingStyle, extension: str) -> bytes:
    """The file of that extension. Pictures need the bands of the style, in its order."""
    media = media_format(extension)
    if media.extension == "npy":
        return _npy(pixels)
    if media.extension == "tif":
        return _geotiff(pixels)
    return encode(paint(pixels, style), media)


def encode(picture: Picture, media: MediaFormat) -> bytes:
    """A picture as a file of a picture's format."""
    if media.extension == "png" or isinstance(picture, ScanLines):
        return encode_png(picture)
    if media.extension == "jpg":
        return bytes(jpeg_encode(_on_white(picture), level=JPEG_QUALITY))
    colours = as_colours(picture)
    return bytes(webp_encode(_with_alpha(colours), level=WEBP_QUALITY, method=0, lossless=False))


def _on_white(picture: Indexed | Colours) -> NDArray[np.uint8]:
    """JPEG has no transparency: paper shows through."""
    if isinstance(picture, Indexed):
        palette = picture.palette
        paper = on_white(*(np.ascontiguousarray(p)[None] for p in (palette[:, :3], palette[:, 3])))[
            0
        ]
        return as_colours(Indexed(picture.index, np.insert(paper, 3, 255, axis=1))).rgb
    if picture.alpha is None:
        return picture.rgb
    return on_white(picture.rgb, np.ascontiguousarray(picture.alpha))


def _with_alpha(colours: Colours) -> NDArray[np.uint8]:
    if colours.alpha is None:
        return colours.rgb
    return np.dstack([colours.rgb, colours.alpha])


def _npy(pixels: Pixels) -> bytes:
    """(bands + 1, height, width), the last plane the mask, 255 for valid: TiTiler's layout."""
    mask = pixels.mask.astype(pixels.data.dtype)
    limit = 127 if pixels.data.dtype == np.int8 else 255
    stream = io.BytesIO()
    np.save(stream, np.concatenate([pixels.data, (mask * limit)[None]]), allow_pickle=False)
    return stream.getvalue()


def _geotiff(pixels: Pixels) -> bytes:
    """All values as stored, georeferenced, with an internal mask where some are not valid."""
    bands, height, width = pixels.data.shape
    profile = {
        "driver": "GTiff", "count": bands, "height": height, "width": width,
        "dtype": pixels.data.dtype.name, "crs": pixels.crs or None, "compress": "deflate",
        "zlevel": 1, "transform": from_bounds(*pixels.bounds, width, height),
    }  # fmt: skip
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), MemoryFile() as memory:
        with memory.open(**profile) as dataset:
            dataset.write(pixels.data)
            if not pixels.mask.all():
                dataset.write_mask(pixels.mask)
        return bytes(memory.read())
