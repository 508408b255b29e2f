"""Decides what a raster's numbers mean: class codes, bit flags, measurements or a colour picture.

A header tells it for colour tables, colour pictures and telling names. Class codes
without a colour table look like any 8-bit picture until pixels are seen, and the
overviews' resampling hangs on it; `guess_kind` therefore looks at a bounded sample.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.windows import Window

from repository.raster_info import BandInfo, Kind, RasterInfo
from tasks.memory import ORDINARY_BLOCK_BYTES, band_block_bytes

MAX_CLASSES = 256
"""More values than this are no legend that a person reads."""

MAX_SAMPLED_VALUES = 64
SAMPLE_BLOCKS = 64
SAMPLE_AREAS = 16
"""Of a JPEG 2000: where it is one tile, each is sought in the whole codestream."""
SAMPLE_BYTES = 64 * 1024 * 1024
"""Decoded bytes that a guess may cost; one block is always read."""

_WINDOW_PIXELS = 1 << 18

_BIT_NAME = re.compile(
    r"(?:^|[^a-z])(?:qa|bqa|qa_?pixel|qa_?radsat|qa_?aerosol|pixel_?qa|radsat_?qa|cloud_?qa|"
    r"bit_?mask|bit_?flags?|qa_?bits?|qc_?flags?)(?:[^a-z]|$)",
    re.IGNORECASE,
)

_MEASURED_NAME = re.compile(
    r"(?:^|[^a-z])(?:dem|dsm|dtm|elev|elevation|heights?|slope|hillshade|bathymetry|ndvi|evi|lst|"
    r"sst)(?:[^a-z]|$)",
    re.IGNORECASE,
)
"""A few even values in patches are class codes, but for those who say otherwise."""


def is_measured(file_name: str) -> bool:
    """Whether a name says that the numbers are measurements, few as they may be."""
    return _MEASURED_NAME.search(file_name) is not None


def kind_from_header(bands: Sequence[BandInfo], file_name: str) -> Kind:
    """What colour table, colour interpretation and names say; `measurement` where they are mute."""
    first = bands[0]
    if first.color_table:
        return "classes"
    if _is_integer(first.dtype) and _BIT_NAME.search(f"{first.description} {file_name}"):
        return "bits"
    colors = {band.color_interpretation for band in bands if band.dtype in ("uint8", "uint16")}
    return "rgb" if {"red", "green", "blue"} <= colors else "measurement"


def guess_kind(
    dataset: rasterio.DatasetReader, info: RasterInfo, *, block_bytes: int = ORDINARY_BLOCK_BYTES
) -> Kind:
    """`info.kind`, or `classes` where a sample of a single integer band looks like class codes.

    Reads at most some 64 MB, and nothing where a block decodes to more than `block_bytes`. A
    block that cannot be read is left for the conversion to name.
    """
    if band_block_bytes(info) > block_bytes:
        return info.kind
    if info.kind != "measurement" or not _may_be_classes(info):
        return info.kind
    sample = _Sample()
    try:
        for window in _windows(info):
            sample.add(dataset.read(1, window=window), info.bands[0].nodata)
            if len(sample.values) > MAX_SAMPLED_VALUES:
                return "measurement"
    except RasterioError:
        return info.kind
    return "classes" if sample.looks_like_classes() else "measurement"


def settle_kind(info: RasterInfo) -> RasterInfo:
    """The kind once every pixel was counted: classes with too many values are measurements.

    Never the other way round: overviews made by averaging hold values that are no class.
    """
    band = info.bands[0]
    if info.kind != "classes" or band.color_table or band.statistics is None:
        return info
    if band.statistics.unique_values or not band.statistics.valid_count:
        return info
    return replace(info, kind="measurement")


def _may_be_classes(info: RasterInfo) -> bool:
    measured = [band for band in info.bands if band.color_interpretation != "alpha"]
    band = measured[0] if measured else info.bands[0]
    scaled = band.scale != 1 or band.offset != 0 or bool(band.unit)
    return len(measured) == 1 and _is_integer(band.dtype) and not scaled


def _is_integer(dtype: str) -> bool:
    return dtype.startswith(("int", "uint"))


def _windows(info: RasterInfo) -> Iterator[Window]:
    """Blocks spread over the raster, each cut to a quarter of a million pixels."""
    wide, high = max(info.block_width, 1), max(info.block_height, 1)
    across = -(-info.width // wide)
    item = np.dtype(info.bands[0].dtype).itemsize * len(info.bands)
    affordable = SAMPLE_BYTES // (wide * high * item)
    # Strips of few rows show too little of a neighbourhood: read some of them together.
    rows = min(info.height, max(high, -(-64 // high) * high))
    most = SAMPLE_AREAS if info.driver == "JP2OpenJPEG" else SAMPLE_BLOCKS
    count = max(1, min(most, affordable // max(1, rows // high)))
    steps = max(1, across * (-(-info.height // rows)))
    for i in sorted({int((k + 0.5) * steps / count) for k in range(min(count, steps))}):
        # A stride prime to the number of columns, so that samples do not line up.
        column, row = (i * 7 + i // across) % across * wide, i // across * rows
        width = min(wide, info.width - column, max(64, _WINDOW_PIXELS // rows))
        yield Window(column, row, width, min(rows, info.height - row, 512))


class _Sample:
    """Distinct values and likeness of neighbours, gathered over windows."""

    def __init__(self) -> None:
        self.values: set[int] = set()
        self.pairs = self.equal_pairs = self.pixels = 0

    def add(self, pixels: NDArray[np.generic], nodata: float | int | None) -> None:
        """Count one window of shape (height, width)."""
        valid = np.ones(pixels.shape, bool) if nodata is None else pixels != nodata
        self.pixels += int(valid.sum())
        self.values.update(int(v) for v in np.unique(pixels[valid])[: MAX_SAMPLED_VALUES + 1])
        both = valid[:, 1:] & valid[:, :-1]
        self.pairs += int(both.sum())
        self.equal_pairs += int((both & (pixels[:, 1:] == pixels[:, :-1])).sum())

    def looks_like_classes(self) -> bool:
        """Few small codes, in patches: neighbours are alike far more often than in a picture."""
        if len(self.values) < 2 or self.pixels < 64 or not self.pairs:
            return False
        likeness = self.equal_pairs / self.pairs
        return -128 <= min(self.values) and max(self.values) < 10_000 and likeness > 0.5
