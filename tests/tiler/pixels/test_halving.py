"""Pictures at half their size: averages, shares that are covered, and colours that do not mix."""

from __future__ import annotations

import numpy as np
import pytest

from tiler.pixels.halving import halve


def halved(
    rgb: np.ndarray, alpha: np.ndarray, row: int = 0, column: int = 0, *, by_mode: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    height, width = alpha.shape
    tall, wide = (row + height + 1) // 2, (column + width + 1) // 2
    half, half_alpha = np.zeros((tall, wide, 3), np.uint8), np.zeros((tall, wide), np.uint8)
    halve(rgb, alpha, row, column, by_mode, half, half_alpha)
    return half, half_alpha


@pytest.mark.parametrize("offset", [(0, 0), (1, 0), (1, 1)])
def test_colours_are_averaged_by_what_is_covered(offset: tuple[int, int]) -> None:
    rng = np.random.default_rng(5)
    rgb = rng.integers(0, 256, (7, 9, 3)).astype(np.uint8)
    alpha = rng.choice([0, 100, 255], (7, 9)).astype(np.uint8)
    half, half_alpha = halved(rgb, alpha, *offset)
    padded = np.zeros((half.shape[0] * 2, half.shape[1] * 2, 4))
    window = padded[offset[0] : offset[0] + 7, offset[1] : offset[1] + 9]
    window[..., :3], window[..., 3] = rgb * alpha[..., None].astype(float), alpha
    sums = padded.reshape(half.shape[0], 2, half.shape[1], 2, 4).sum(axis=(1, 3))
    assert np.array_equal(half_alpha, np.ceil(sums[..., 3] / 4))
    shown = sums[..., 3] > 0
    exact = sums[shown][:, :3] / sums[shown][:, 3:]
    assert np.abs(half[shown] - exact).max() <= 0.5


def test_nothing_is_lost_however_often() -> None:
    rgb, alpha = np.zeros((256, 256, 3), np.uint8), np.zeros((256, 256), np.uint8)
    rgb[77, 33], alpha[77, 33] = (200, 100, 50), 255
    for _ in range(8):
        rgb, alpha = halved(rgb, alpha)
    assert rgb[0, 0].tolist() == [200, 100, 50]
    assert alpha[0, 0] == 1


def test_of_classes_the_most_frequent_one_is_kept() -> None:
    colours = np.array([[9, 9, 9], [5, 5, 5], [7, 7, 7]], np.uint8)
    rgb = colours[np.array([[0, 1, 2, 0], [1, 2, 1, 2]])]
    half, alpha = halved(rgb, np.full((2, 4), 255, np.uint8), by_mode=True)
    assert half[0].tolist() == [[5, 5, 5], [7, 7, 7]]
    assert alpha.tolist() == [[255, 255]]
