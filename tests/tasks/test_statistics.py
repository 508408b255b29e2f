from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from repository.raster_info import Statistics
from tasks.statistics import RasterStatistics, band_statistics
from tests.inspecting import inspect
from tests.rasters import write_raster

TYPES = ["uint8", "int8", "uint16", "int16", "int32", "uint32", "float32", "float64"]


def collected(values: np.ndarray, parts: int = 3) -> Statistics:
    collector = band_statistics(values.dtype.name, values.size)
    for part in np.array_split(values, parts):
        collector.add(part)
    return collector.result(values.size)


@pytest.mark.parametrize("dtype", TYPES)
def test_figures_are_those_of_numpy(dtype: str) -> None:
    values = np.random.default_rng(2).normal(40, 20, 9_001).clip(-100, 120).astype(dtype)
    found, exact = collected(values), values.astype(float)
    assert (found.min, found.max, found.valid_count) == (exact.min(), exact.max(), 9_001)
    assert found.mean == pytest.approx(exact.mean(), rel=1e-12)
    assert found.std == pytest.approx(exact.std(), rel=1e-10)
    assert [found.percentile_2, found.percentile_98] == pytest.approx(
        list(np.percentile(exact, [2, 98]))
    )
    assert sum(found.histogram_counts) == 9_001
    assert len(found.histogram_edges) == len(found.histogram_counts) + 1


def test_long_runs_of_bytes_are_counted_as_pairs_exactly() -> None:
    values = np.random.default_rng(3).integers(0, 256, 600_001, "uint8")
    found = collected(values, parts=1)
    assert found.histogram_counts == tuple(np.bincount(values).tolist())


def test_a_large_mean_costs_no_digits() -> None:
    values = 1e9 + np.random.default_rng(4).random(100_000)
    assert collected(values).std == pytest.approx(float(values.std()), rel=1e-6)


def test_the_largest_integers_stay_exact() -> None:
    found = collected(np.array([2**64 - 1, 2**63 + 1], "uint64"))
    assert (found.min, found.max) == (2**63 + 1, 2**64 - 1)
    assert found.unique_values == (2**63 + 1, 2**64 - 1)


def test_infinities_are_left_out() -> None:
    found = collected(np.array([1, np.inf, -np.inf, 3], "float32"))
    assert (found.min, found.max, found.valid_count, found.total_count) == (1, 3, 2, 4)


def test_a_sample_is_close_to_the_truth() -> None:
    values = np.random.default_rng(5).normal(0, 1, 2_500_000).astype("float32")
    found = collected(values, parts=20)
    assert 900_000 < sum(found.histogram_counts) < 1_100_000
    assert found.percentile_98 == pytest.approx(np.percentile(values, 98), abs=0.02)


def test_many_values_are_no_unique_values() -> None:
    assert collected(np.arange(256, dtype="int32")).unique_values == tuple(range(256))
    assert collected(np.arange(257, dtype="int32")).unique_values == ()
    assert collected(np.arange(257, dtype="int16")).unique_values == ()


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_raster_without_a_value_is_warned_of(tmp_path: Path, dtype: str) -> None:
    pixels = np.zeros((2, 8, 8), dtype)
    info = inspect(write_raster(tmp_path / "a.tif", pixels, nodata=0))
    statistics = RasterStatistics(info)
    statistics.add(pixels, np.broadcast_to(np.False_, pixels.shape))
    info = statistics.complete(info)
    facts = info.bands[1].statistics
    assert facts is not None
    assert (facts.min, facts.mean, facts.valid_count, facts.total_count) == (None, None, 0, 64)
    assert [code for code, _ in info.warnings] == ["all_nodata"]


def test_masked_pixels_do_not_count(tmp_path: Path) -> None:
    pixels = np.arange(128, dtype="int16").reshape(2, 8, 8)
    valid = pixels % 2 == 1
    info = inspect(write_raster(tmp_path / "a.tif", pixels))
    statistics = RasterStatistics(info)
    for rows in (slice(0, 5), slice(5, 8)):
        statistics.add(pixels[:, rows], valid[:, rows])
    first, second = (band.statistics for band in statistics.complete(info).bands)
    assert first is not None
    assert second is not None
    assert (first.min, first.max, first.valid_count) == (1, 63, 32)
    assert (second.min, second.max, second.valid_count) == (65, 127, 32)
