"""Gathers what is found out about an upload and tells it at once: an early end shows it too."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from repository.findings import BandFindings, FileFindings, Findings, Option, RasterFindings
from repository.raster_info import BandInfo
from tasks.pixel_sample import Sample
from tasks.tags import plain_name

MAX_FILES = 500
MAX_RASTERS = 12
"""Described in full; an upload of hundreds lists its files."""

MAX_BANDS = 64
HISTOGRAM_BINS = 32

SayFound = Callable[[Findings], None]


class Diagnosis:
    """The findings so far. Every step is told with all that the steps before it found."""

    def __init__(self, say: SayFound) -> None:
        self._say = say
        self._files: dict[str, FileFindings] = {}
        self.findings = Findings()

    def step(self, name: str) -> None:
        """The journey goes on: tell where it is, and what is known."""
        self.findings = replace(self.findings, step=name)
        self.tell()

    def tell(self) -> None:
        """Say all that is known."""
        self._say(replace(self.findings, files=tuple(self._files.values())[:MAX_FILES]))

    def file(self, path: str, found: FileFindings) -> None:
        """Note a file, or more about one; `path` tells files of one name apart."""
        self._files[path] = replace(found, name=plain_name(found.name))

    def warn(self, warnings: Sequence[tuple[str, str]]) -> None:
        """Note warnings of the upload, each once."""
        new = [note for note in warnings if note not in self.findings.warnings]
        self.findings = replace(self.findings, warnings=self.findings.warnings + tuple(new))

    def offer(self, options: Sequence[Option]) -> None:
        """Note what the owner may choose from, and tell it."""
        self.findings = replace(self.findings, options=tuple(options))
        self.tell()

    def raster(self, number: int, **facts: Any) -> None:
        """Note facts (fields of RasterFindings) of the raster of this number, from 0.

        Of many rasters the later ones are not described.
        """
        rasters = list(self.findings.rasters)
        if number >= MAX_RASTERS or number > len(rasters):
            return
        if number == len(rasters):
            rasters.append(RasterFindings(name=""))
        rasters[number] = replace(rasters[number], **facts)
        self.findings = replace(self.findings, rasters=tuple(rasters))


def band_findings(bands: Sequence[BandInfo], sample: Sample | None) -> tuple[BandFindings, ...]:
    """What header and sample say about each band, as far as they go."""
    return tuple(_band(band, sample) for band in bands[:MAX_BANDS])


def _band(band: BandInfo, sample: Sample | None) -> BandFindings:
    found = BandFindings(
        band.index, band.dtype, band.nodata, description=band.description, unit=band.unit
    )
    if sample is None or band.index > len(sample.pixels):
        return found
    valid = sample.valid[band.index - 1]
    values = sample.pixels[band.index - 1][valid]
    found = replace(found, valid_share=round(float(valid.mean()), 4))
    if not values.size:
        return found
    counts, edges = _histogram(values)
    return replace(
        found,
        min=values.min().item(),
        max=values.max().item(),
        histogram_counts=counts,
        histogram_edges=edges,
    )


def _histogram(values: NDArray[np.generic]) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Counts and edges; none where the values span more than a float64 can."""
    numbers = values.astype(np.float64)
    low, high = float(numbers.min()), float(numbers.max())
    if not math.isfinite(high - low):
        return (), ()
    if high == low:
        high = low + max(1.0, abs(low) * 1e-6)
    counts, edges = np.histogram(numbers, HISTOGRAM_BINS, (low, high))
    return tuple(int(n) for n in counts), tuple(float(edge) for edge in edges)
