"""What GDAL says in the middle of a step: the file's fault, with a sentence for its owner."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError

from repository.errors import Rejected
from tasks.tags import plain_text


@contextmanager
def library_errors_named(path: str) -> Iterator[None]:
    """Turn errors of GDAL and of its texts, which rasterio raises wherever it likes, into Rejected
    `corrupt`. `path` is our name of the file, which nobody must see."""
    try:
        yield
    except (CPLE_BaseError, RasterioError, UnicodeDecodeError) as error:
        said = str(error).replace(path, "the file") if path else str(error)
        raise Rejected(
            f"The file cannot be read: {plain_text(said, 300)}",
            code="corrupt",
            hint="Write it anew with `gdal_translate -of COG input output.tif`.",
        ) from error
