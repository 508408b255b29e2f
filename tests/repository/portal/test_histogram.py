"""Histograms as pictures and as sentences."""

from xml.etree import ElementTree

import numpy as np
import pytest

from repository.portal import histogram
from repository.portal.histogram import Histogram


def test_the_picture_has_one_bar_for_each_count_that_is_not_zero() -> None:
    picture = ElementTree.fromstring(
        histogram.svg(Histogram((3, 0, 1), (0.0, 1.0, 2.0, 3.0)), "Histogram of elevation")
    )
    assert len(picture.findall("./g[@class='bars']/rect")) == 2
    assert picture.get("aria-label") == "Histogram of elevation"


def test_names_from_a_file_cannot_become_markup() -> None:
    picture = histogram.svg(Histogram((1,), (0.0, 1.0)), '"><script>alert(1)</script>')
    assert "<script>" not in picture


def test_coarser_bars_keep_every_pixel_and_both_ends() -> None:
    counts, edges = np.histogram(np.random.default_rng(7).normal(size=5000), bins=200)
    bars = histogram.coarser(counts.tolist(), edges.tolist())
    assert len(bars.counts) <= histogram.MAX_BARS
    assert bars.total == 5000
    assert (bars.edges[0], bars.edges[-1]) == (edges[0], edges[-1])


def test_quantiles_agree_with_numpy() -> None:
    values = np.random.default_rng(7).normal(1900, 300, size=20000)
    counts, edges = np.histogram(values, bins=400)
    bars = Histogram(tuple(counts.tolist()), tuple(edges.tolist()))
    for share in (0.25, 0.5, 0.75):
        assert bars.quantile(share) == pytest.approx(np.quantile(values, share), abs=5)


def test_the_sentence_names_the_middle_half_with_its_unit() -> None:
    bars = Histogram((100,), (0.0, 100.0), "m")
    assert histogram.sentence(bars) == (
        "Half of the pixels lie between 25 and 75 m; the middle value is 50 m."
    )
