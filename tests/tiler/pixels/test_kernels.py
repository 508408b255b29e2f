"""The compiled loop against a few lines of Python that say the same."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tiler.pixels.kernels import resample
from tiler.pixels.picture_kernels import filtered_lines
from tiler.pixels.sampling import flat_window
from tiler.pixels.source_values import BILINEAR, NEAREST

NOTHING = np.empty((0, 0), bool)
SIZE = 9


def run(window: np.ndarray, *, smooth: bool, nodata: float | None = None, alpha: int = -1,
        mask: np.ndarray = NOTHING, columns: np.ndarray, rows: np.ndarray):  # fmt: skip
    """(data, mask, count) of a picture of SIZE by SIZE pixels."""
    bands = window.shape[2] - (alpha >= 0)
    data, found = np.zeros((SIZE, SIZE, bands), window.dtype), np.zeros((SIZE, SIZE), bool)
    height, width, _ = window.shape
    frame = np.array([width, height, 0, 0, 1, 1], float)
    values = np.full(bands, nodata or 0, window.dtype)
    flat, layout = flat_window(window)
    count = resample(
        flat, layout, mask, values, np.full(bands, nodata is not None), alpha, columns, rows, 0.0,
        frame, BILINEAR if smooth else NEAREST, window.dtype.kind != "f", data, found,
        np.zeros((SIZE, SIZE), window.dtype),
    )  # fmt: skip
    return data, found, count


def expected(window: np.ndarray, valid: np.ndarray, x: float, y: float) -> float | None:
    """The bilinear value of the first band at a position; None where it is not valid."""
    height, width, _ = window.shape
    if not (0 <= x < width and 0 <= y < height) or not valid[int(y), int(x)]:
        return None
    left, top = math.floor(x - 0.5), math.floor(y - 0.5)
    total = weight = 0.0
    for u in (left, left + 1):
        for v in (top, top + 1):
            share = (1 - abs(x - 0.5 - u)) * (1 - abs(y - 0.5 - v))
            inside = min(max(u, 0), width - 1), min(max(v, 0), height - 1)
            if valid[inside[1], inside[0]]:
                total += share * window[inside[1], inside[0], 0]
                weight += share
    return total / weight


def positions(width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes whose picture sticks out of the window on all sides, sheared a little."""
    xs, ys = np.meshgrid(np.linspace(-1, width + 0.5, 3), np.linspace(-0.7, height + 0.9, 3))
    return xs + 0.05 * ys, ys


@pytest.mark.parametrize("kind", ["plain", "nodata", "nan", "mask", "alpha"])
def test_bilinear_weighs_the_four_pixels_that_are_valid(kind: str) -> None:
    random = np.random.default_rng(11)
    dtype = "float32" if kind in ("nan", "plain") else "int16"
    window = random.integers(1, 100, (6, 7, 1)).astype(dtype)
    holes = random.random((6, 7)) < 0.3
    options: dict = {}
    if kind == "plain":
        holes[:] = False
    elif kind == "nodata":
        window[holes], options["nodata"] = -5, -5
    elif kind == "nan":
        window[holes] = np.nan
    elif kind == "mask":
        options["mask"] = ~holes
    else:
        window = np.concatenate([window, np.where(holes, 0, 255)[..., None]], 2).astype(dtype)
        options["alpha"] = 1
    columns, rows = positions(7, 6)
    data, mask, count = run(window, smooth=True, columns=columns, rows=rows, **options)
    steps = np.linspace(0, 2, SIZE)
    for i, v in enumerate(steps):
        for j, u in enumerate(steps):
            a, b = min(int(v), 1), min(int(u), 1)
            cell = [
                (nodes[a, b] * (1 - (v - a)) + nodes[a + 1, b] * (v - a)) * (1 - (u - b))
                + (nodes[a, b + 1] * (1 - (v - a)) + nodes[a + 1, b + 1] * (v - a)) * (u - b)
                for nodes in (columns, rows)
            ]
            value = expected(window.astype(float), ~holes, *cell)
            assert mask[i, j] == (value is not None)
            if value is not None:
                assert data[i, j, 0] == pytest.approx(value, abs=0.51 if dtype == "int16" else 1e-4)
    assert count == mask.sum() > 0


def test_nearest_takes_the_pixel_that_holds_the_position() -> None:
    window = np.arange(42, dtype="uint8").reshape(6, 7, 1)
    nodes = np.linspace(0.5, 6.5, SIZE)
    columns, rows = np.meshgrid(nodes, np.linspace(0.5, 5.5, SIZE))
    data, mask, _ = run(window, smooth=False, columns=columns, rows=rows)
    assert mask.all()
    np.testing.assert_array_equal(data[..., 0], window[rows.astype(int), columns.astype(int), 0])


def test_a_position_that_is_nowhere_is_not_valid() -> None:
    columns, rows = np.meshgrid(np.linspace(0.5, 6.5, SIZE), np.linspace(0.5, 5.5, SIZE))
    columns[4, 4] = np.nan
    _, mask, count = run(np.ones((6, 7, 1), "uint8"), smooth=False, columns=columns, rows=rows)
    assert not mask[4, 4]
    assert count == SIZE * SIZE - 1


def test_scan_lines_hold_differences_to_the_left() -> None:
    picture = np.random.default_rng(2).integers(0, 256, (4, 5, 3)).astype("uint8")
    lines = filtered_lines(picture)[:-8].reshape(4, 16)
    assert (lines[:, 0] == 1).all()
    body = lines[:, 1:].reshape(4, 5, 3)
    np.testing.assert_array_equal(np.cumsum(body, axis=1, dtype="uint8"), picture)
