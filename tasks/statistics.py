"""Statistics of every band, gathered while the conversion reads each pixel once.

Integers of 8 and 16 bits are counted value by value, so that everything about
them is exact. Wider types keep exact minimum, maximum, mean, deviation and count;
their percentiles and histogram come from an evenly spread sample of about a
million pixels, and from all pixels where there are no more than that.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from repository.raster_info import RasterInfo, Statistics
from tasks.kinds import settle_kind

SAMPLE_PIXELS = 1_000_000
HISTOGRAM_BINS = 256
MAX_UNIQUE = 256
_PIECE = 1 << 18
"""Pixels worked on at once: temporary arrays stay in the processor's cache."""

Values = NDArray[Any]
"""One-dimensional, valid pixels only."""


class BandStatistics(Protocol):
    """Collects one band's pixels, in any order and any portions."""

    def add(self, values: Values) -> None:
        """Count these valid pixels."""

    def result(self, total_count: int) -> Statistics:
        """What was counted, among `total_count` pixels valid or not."""


class RasterStatistics:
    """The observer that a conversion feeds with strips."""

    def __init__(self, info: RasterInfo) -> None:
        pixels = info.width * info.height
        self._bands = [band_statistics(band.dtype, pixels) for band in info.bands]

    def add(self, pixels: NDArray[Any], valid: NDArray[np.bool_]) -> None:
        """Count a strip: both arrays of shape (bands, height, width), True for valid."""
        for i, band in enumerate(self._bands):
            band.add(_valid_values(pixels[i], valid[i]))

    def complete(self, info: RasterInfo) -> RasterInfo:
        """`info` with the statistics of its bands, and its kind reconsidered in their light."""
        total = info.width * info.height
        return settle_kind(with_statistics(info, [band.result(total) for band in self._bands]))


def band_statistics(dtype: str, pixels: int) -> BandStatistics:
    """The right collector for a band of `dtype` with at most `pixels` valid pixels."""
    kind = np.dtype(dtype)
    if kind.kind in "iu" and kind.itemsize <= 2:
        return CountedStatistics(kind)
    return SampledStatistics(kind, pixels)


def with_statistics(info: RasterInfo, found: list[Statistics]) -> RasterInfo:
    """`info` with one record for each band; warns `all_nodata` where no pixel has a value."""
    bands = tuple(
        replace(band, statistics=facts) for band, facts in zip(info.bands, found, strict=True)
    )
    warnings = info.warnings
    measured = [b.statistics for b in bands if b.color_interpretation != "alpha"]
    if not any(facts is not None and facts.valid_count for facts in measured):
        warnings = (*warnings, ("all_nodata", "No pixel of the raster has a value."))
    return replace(info, bands=bands, warnings=warnings)


def _valid_values(pixels: NDArray[Any], valid: NDArray[np.bool_]) -> Values:
    # A mask of stride 0 is one True broadcast over the strip: nothing to look at.
    if not any(valid.strides) and valid.size:
        return pixels.reshape(-1) if valid.flat[0] else pixels[:0].reshape(-1)
    return pixels.reshape(-1) if valid.all() else pixels[valid]


class CountedStatistics:
    """8- and 16-bit integers: how often each value occurs; exact in everything."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self._dtype = dtype
        self._unsigned = np.dtype(f"u{dtype.itemsize}")
        self._counts = np.zeros(1 << (8 * dtype.itemsize), np.int64)

    def add(self, values: Values) -> None:
        """Count these valid pixels."""
        raw = np.ascontiguousarray(values, self._dtype).view(self._unsigned)
        if raw.itemsize == 1 and raw.size >= _PIECE:
            # Two pixels at a time: one count of 16-bit pairs takes half the time of two.
            even = raw[: raw.size & ~1].view(np.uint16)
            pairs = _counts(even, 1 << 16).reshape(256, 256)
            self._counts += pairs.sum(axis=0) + pairs.sum(axis=1)
            raw = raw[raw.size & ~1 :]
        self._counts += _counts(raw, self._counts.size)

    def result(self, total_count: int) -> Statistics:
        """What was counted, among `total_count` pixels valid or not."""
        levels, counts = self._occurring()
        if not levels.size:
            return nothing_valid(total_count)
        valid, exact = int(counts.sum()), levels.astype(np.float64)
        mean = float((exact * counts).sum() / valid)
        variance = float((counts * (exact - mean) ** 2).sum() / valid)
        histogram, edges = _integer_histogram(levels, counts)
        return Statistics(
            min=int(levels[0]),
            max=int(levels[-1]),
            mean=mean,
            std=math.sqrt(variance),
            valid_count=valid,
            total_count=total_count,
            percentile_2=_percentile(levels, counts, 0.02),
            percentile_98=_percentile(levels, counts, 0.98),
            histogram_counts=histogram,
            histogram_edges=edges,
            unique_values=_few(levels),
        )

    def _occurring(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        present = np.flatnonzero(self._counts)
        levels = present.astype(self._unsigned).view(self._dtype).astype(np.int64)
        order = np.argsort(levels)
        return levels[order], self._counts[present][order]


class SampledStatistics:
    """Wider integers and floats: exact moments, percentiles of a sample.

    Moments of portions are merged by the formula of Chan, Golub and LeVeque (1979),
    which does not lose digits where the mean is large against the deviation.
    """

    def __init__(self, dtype: np.dtype[Any], pixels: int) -> None:
        self._dtype = dtype
        self._share = min(1.0, SAMPLE_PIXELS / max(pixels, 1))
        self._random = np.random.default_rng(0)
        self._sample: list[Values] = []
        self._count, self._mean, self._squares = 0, 0.0, 0.0
        self._min: float | int | None = None
        self._max: float | int | None = None
        self._unique: set[int] | None = set() if dtype.kind in "iu" else None

    def add(self, values: Values) -> None:
        """Count these valid pixels; infinite ones are left out."""
        for start in range(0, values.size, _PIECE):
            piece = values[start : start + _PIECE]
            if self._dtype.kind == "f":
                finite = np.isfinite(piece)
                piece = piece if finite.all() else piece[finite]
            if piece.size:
                self._add_piece(piece)

    def _add_piece(self, piece: Values) -> None:
        low, high = piece.min().item(), piece.max().item()
        self._min = low if self._min is None else min(self._min, low)
        self._max = high if self._max is None else max(self._max, high)
        self._merge(piece)
        self._keep_sample(piece)
        if self._unique is not None:
            self._unique.update(np.unique(piece).tolist())
            if len(self._unique) > MAX_UNIQUE:
                self._unique = None

    def _merge(self, piece: Values) -> None:
        with np.errstate(over="ignore", invalid="ignore"):
            exact = piece.astype(np.float64)
            mean = float(exact.mean())
            exact -= mean
            squares = float(np.dot(exact, exact))
            count = self._count + piece.size
            difference = mean - self._mean
            self._squares += squares + difference**2 * (self._count * piece.size / count)
            self._mean += difference * (piece.size / count)
            self._count = count

    def _keep_sample(self, piece: Values) -> None:
        """One pixel of every stretch of 1/share, at random within it: no pattern of columns."""
        if self._share >= 1:
            self._sample.append(piece.copy())
            return
        stretch = 1 / self._share
        starts = np.arange(self._random.random() * stretch, piece.size, stretch)
        chosen = starts + self._random.random(starts.size) * stretch
        chosen = chosen[chosen < piece.size].astype(np.intp)
        self._sample.append(piece[chosen])

    def result(self, total_count: int) -> Statistics:
        """What was counted, among `total_count` pixels valid or not."""
        if not self._count or self._min is None or self._max is None:
            return nothing_valid(total_count)
        sample = np.concatenate(self._sample).astype(np.float64)
        low, high = np.percentile(sample, (2, 98)).tolist() if sample.size else (None, None)
        counts, edges = _histogram(sample, float(self._min), float(self._max))
        return Statistics(
            min=self._min,
            max=self._max,
            mean=self._mean,
            std=math.sqrt(max(self._squares, 0.0) / self._count),
            valid_count=self._count,
            total_count=total_count,
            percentile_2=low,
            percentile_98=high,
            histogram_counts=counts,
            histogram_edges=edges,
            unique_values=tuple(sorted(self._unique)) if self._unique else (),
        )


def nothing_valid(total_count: int) -> Statistics:
    """The statistics of a band without a single value."""
    return Statistics(
        min=None, max=None, mean=None, std=None, valid_count=0, total_count=total_count
    )


def _counts(raw: NDArray[Any], size: int) -> NDArray[np.int64]:
    total = np.zeros(size, np.int64)
    for start in range(0, raw.size, 4 * _PIECE):
        total += np.bincount(raw[start : start + 4 * _PIECE], minlength=size)
    return total


def _percentile(levels: NDArray[np.int64], counts: NDArray[np.int64], share: float) -> float:
    """Interpolated between neighbouring ranks, as numpy's default does."""
    ends = np.cumsum(counts)
    rank = share * (int(ends[-1]) - 1)
    below, above = (levels[np.searchsorted(ends, r, "right")] for r in (rank // 1, -(-rank // 1)))
    return float(below + (above - below) * (rank % 1))


def _integer_histogram(
    levels: NDArray[np.int64], counts: NDArray[np.int64]
) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Bins of whole numbers, at most 256, edges halfway between values."""
    low, high = int(levels[0]), int(levels[-1])
    width = -(-(high - low + 1) // HISTOGRAM_BINS)
    bins = -(-(high - low + 1) // width)
    totals = np.zeros(bins, np.int64)
    np.add.at(totals, (levels - low) // width, counts)
    edges = low - 0.5 + width * np.arange(bins + 1)
    return tuple(totals.tolist()), tuple(edges.tolist())


def _histogram(
    sample: NDArray[np.float64], low: float, high: float
) -> tuple[tuple[int, ...], tuple[float, ...]]:
    if not sample.size or not math.isfinite(high - low):
        return (), ()
    if low == high or np.linspace(low, high, HISTOGRAM_BINS + 1)[1] == low:
        low, high = low - 0.5, high + 0.5
    try:
        counts, edges = np.histogram(sample, HISTOGRAM_BINS, (low, high))
    except ValueError:  # numbers so large that 256 steps between them do not exist
        return (), ()
    return tuple(counts.tolist()), tuple(edges.tolist())


def _few(levels: NDArray[np.int64]) -> tuple[int, ...]:
    return tuple(levels.tolist()) if levels.size <= MAX_UNIQUE else ()
