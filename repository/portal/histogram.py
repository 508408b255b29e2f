"""A histogram as a picture (SVG) and as a sentence, made on the server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from repository.portal.words import number, with_unit

WIDTH, HEIGHT, AXIS = 352, 132, 22
MAX_BARS = 64
TICKS = 5


@dataclass(frozen=True)
class Histogram:
    """Counts of pixels between edges; one edge more than counts, ascending."""

    counts: tuple[int, ...]
    edges: tuple[float, ...]
    unit: str = ""

    @property
    def total(self) -> int:
        """How many pixels were counted."""
        return sum(self.counts)

    def quantile(self, share: float) -> float:
        """The value below which `share` of the pixels lie, interpolated within its bar."""
        wanted, seen = share * self.total, 0
        for count, low, high in zip(self.counts, self.edges, self.edges[1:], strict=False):
            if count and seen + count >= wanted:
                return low + (high - low) * (wanted - seen) / count
            seen += count
        return self.edges[-1]


def coarser(counts: Sequence[int], edges: Sequence[float], unit: str = "") -> Histogram:
    """At most MAX_BARS bars: neighbours are added together."""
    step = -(-len(counts) // MAX_BARS)
    grouped = tuple(sum(counts[i : i + step]) for i in range(0, len(counts), step))
    return Histogram(grouped, (*edges[:-1:step], edges[-1]), unit)


def svg(histogram: Histogram, title: str) -> SafeString:
    """The picture; colours come from the page's style sheet by class."""
    peak = max(histogram.counts) or 1
    room = HEIGHT - AXIS
    width = WIDTH / len(histogram.counts)
    bars = format_html_join(
        "",
        '<rect x="{}" y="{}" width="{}" height="{}"/>',
        (
            (f"{i * width:.2f}", f"{room - _tall(c, peak, room):.2f}",
             f"{max(width - 0.8, 0.8):.2f}", f"{_tall(c, peak, room):.2f}")
            for i, c in enumerate(histogram.counts) if c
        ),
    )  # fmt: skip
    return format_html(
        '<svg class="histogram" viewBox="0 0 {} {}" role="img" aria-label="{}">'
        '<g class="bars">{}</g><path class="axis" d="M0 {}H{}"/><g class="ticks">{}</g></svg>',
        WIDTH, HEIGHT, title, bars, room + 0.5, WIDTH, _ticks(histogram),
    )  # fmt: skip


def sentence(histogram: Histogram) -> str:
    """What the picture shows, for those who do not see it."""
    low, middle, high = (histogram.quantile(share) for share in (0.25, 0.5, 0.75))
    if low == high:
        return f"Most pixels are {with_unit(middle, histogram.unit)}."
    return (
        f"Half of the pixels lie between {number(low, 3)} and "
        f"{with_unit(_rounded(high), histogram.unit)}; the middle value is "
        f"{with_unit(_rounded(middle), histogram.unit)}."
    )


def _tall(count: int, peak: int, room: int) -> float:
    """Height of a bar; a bar that counts anything at all can be seen."""
    return max(count / peak * (room - 4), 1.0) if count else 0.0


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")


def _ticks(histogram: Histogram) -> SafeString:
    first, last = histogram.edges[0], histogram.edges[-1]
    anchors = ("start", *("middle",) * (TICKS - 2), "end")
    shares = (i / (TICKS - 1) for i in range(TICKS))
    return format_html_join(
        "",
        '<text x="{}" y="{}" text-anchor="{}">{}</text>',
        (
            (f"{share * WIDTH:.0f}", HEIGHT - 5, anchor, number(first + (last - first) * share, 3))
            for share, anchor in zip(shares, anchors, strict=True)
        ),
    )
