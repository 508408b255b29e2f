"""What we compress is what zlib finds."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from tiler.pixels.deflate import LONGEST_CODE, code_lengths, deflate

random = np.random.default_rng(5)
KINDS = {
    "zeros": lambda n: np.zeros(n),
    "noise": lambda n: random.integers(0, 256, n),
    "differences": lambda n: np.abs(random.normal(0, 2, n)),
    "speckles": lambda n: np.where(random.random(n) < 0.999, 0, random.integers(0, 256, n)),
    "skewed": lambda n: np.minimum(255, 2.0 ** random.exponential(1.2, n)),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 15, 16, 17, 263, 270, 1000, 100_003, 197_000])
def test_zlib_unpacks_it(kind: str, size: int) -> None:
    data = KINDS[kind](size).astype("uint8")
    lines, out = np.zeros(size + 8, np.uint8), np.empty(2 * size + 1024, np.uint8)
    lines[:size] = data
    stream = out[: deflate(lines, size, out)].tobytes()
    checksum = zlib.adler32(data).to_bytes(4, "big")
    assert zlib.decompress(stream + checksum) == data.tobytes()


def test_a_code_is_full_and_short() -> None:
    counts = (1.4 ** np.arange(286)).astype(np.int64) % 2**40 + 1
    lengths = np.zeros(286, np.int64)
    code_lengths(counts, LONGEST_CODE, lengths)
    assert lengths.min() >= 1
    assert lengths.max() <= LONGEST_CODE
    assert sum(2.0**-lengths) == 1
    frequent, rare = np.argmax(counts), np.argmin(counts)
    assert lengths[frequent] < lengths[rare]
