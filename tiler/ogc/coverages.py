"""A product as a coverage: the provider behind pygeoapi's coverages."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from pygeoapi.provider.base import BaseProvider

from repository.errors import BadRequest
from repository.raster_info import BandInfo
from repository.times import parse_range
from tiler.ogc.coverage_json import coverage_json_of
from tiler.ogc.coverage_pixels import read_pixels
from tiler.ogc.coverage_request import CoverageRequest
from tiler.ogc.coverage_window import PixelWindow, choose_window
from tiler.ogc.geotiff import geotiff_of
from tiler.ogc.records import CoverageRecord

GEOTIFF = "GTiff"
COVERAGE_JSON = "json"
MEDIA_TYPES = {
    GEOTIFF: "image/tiff; application=geotiff", COVERAGE_JSON: "application/prs.coverage+json",
}  # fmt: skip

MAX_BYTES = 64_000_000
"""Decoded, of one answer: the values, the file made of them and the mask lie in memory at once."""

MAX_JSON_VALUES = 1_000_000
"""Of one CoverageJSON, over all bands: each becomes a number of Python's, then text."""


class ProductCoverage(BaseProvider):
    """pygeoapi's coverage provider over a CoverageRecord, which is its `data`.

    `options["request"]` is the parsed request: pygeoapi knows no scaling, and
    its own reading of a subset takes neither other names nor small letters.
    """

    def __init__(self, provider_def: dict[str, Any]) -> None:
        super().__init__(provider_def)
        self.record: CoverageRecord = self.data
        self.request: CoverageRequest = (self.options or {}).get("request", CoverageRequest())
        self.filename = f"{self.record.product}.tif"
        self.axes = ["x", "y"]
        self._fields = self.get_fields()
        raster = self.record.raster
        a, b, _, d, e, _ = raster.transform
        self._coverage_properties = {
            "width": raster.width, "height": raster.height,
            "resx": math.hypot(a, d), "resy": math.hypot(b, e),
        }  # fmt: skip

    def get_fields(self) -> dict[str, dict[str, Any]]:
        """JSON Schema of each band's values."""
        fields = {}
        for name, band in zip(self.record.band_names, self.record.raster.bands, strict=True):
            whole = band.dtype.startswith(("int", "uint"))
            schema: dict[str, Any] = {"title": name, "type": "integer" if whole else "number",
                      "x-ogc-propertySeq": band.index}  # fmt: skip
            if band.unit:
                schema["x-ogc-unit"] = band.unit
            if band.nodata is not None and not math.isnan(band.nodata):
                schema["x-ogc-nilValues"] = [band.nodata if whole else float(band.nodata)]
            fields[name] = schema
        return fields

    def query(self, format_: str = COVERAGE_JSON, **_: Any) -> memoryview | bytes:
        """The bytes of a GeoTIFF or of a CoverageJSON document. Raises BadRequest."""
        check_time(self.record, self.request)
        bands = choose_bands(self.record, self.request)
        window = choose_window(self.record.raster, self.request)
        _check_size(window, [self.record.raster.bands[i - 1] for i in bands], format_)
        pixels = read_pixels(self.record, window, bands)
        if format_ == GEOTIFF:
            return geotiff_of(self.record, pixels)
        return coverage_json_of(self.record, pixels)


def choose_bands(record: CoverageRecord, request: CoverageRequest) -> tuple[int, ...]:
    """Numbers of the wanted bands, all of them where none is named. Raises BadRequest."""
    numbers = {name.casefold(): index for index, name in enumerate(record.band_names, start=1)}
    chosen = []
    for wanted in request.bands:
        number = numbers.get(wanted.casefold())
        if number is None:
            digits = wanted.lower().removeprefix("b")
            number = int(digits) if digits.isdecimal() and len(digits) < 6 else 0
        if not 1 <= number <= len(record.band_names):
            raise BadRequest(f"There is no band {wanted[:50]!r}.", code="unknown_band",
                             hint=f"Choose of {', '.join(record.band_names[:20])}.")  # fmt: skip
        if number not in chosen:
            chosen.append(number)
    return tuple(chosen) or tuple(range(1, len(record.band_names) + 1))


def check_time(record: CoverageRecord, request: CoverageRequest) -> None:
    """Raise BadRequest where the product's time lies outside the wanted one."""
    if not request.datetime:
        return
    start, end = parse_range(request.datetime)
    if (start is not None and record.end < start) or (end is not None and record.start > end):
        raise BadRequest("The coverage has no data at that time.", code="outside_raster",
                         hint="Its time is at the collection's address.")  # fmt: skip


def _check_size(window: PixelWindow, bands: list[BandInfo], format_: str) -> None:
    """Raise BadRequest where the answer would take more memory than one request may."""
    # A byte more for each value's mask; a file has one data type, the widest of its bands'.
    width_in_bytes = 1 + max(np.dtype(band.dtype).itemsize for band in bands)
    most = MAX_JSON_VALUES if format_ == COVERAGE_JSON else MAX_BYTES // width_in_bytes
    samples = window.out_width * window.out_height * len(bands)
    if samples <= most:
        return
    shrink = math.sqrt(most / samples)
    width, height = (max(1, int(side * shrink)) for side in (window.out_width, window.out_height))
    raise BadRequest(
        f"The answer would have {samples:,} values; {most:,} of these are the most for {format_}.",
        code="coverage_too_large",
        hint=f"Ask for a smaller part with bbox, or add scale-size=x({width}),y({height}).",
    )
