"""How much of a raster of classes each class covers, as a picture (SVG) beside its name."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.html import format_html
from django.utils.safestring import SafeString

from repository.raster_info import Statistics
from repository.rendering_style import ClassColor, RenderingStyle


@dataclass(frozen=True)
class ClassShare:
    """One class and its share of the pixels that carry a value."""

    label: str
    share: float
    """0 to 1."""
    color: tuple[int, int, int, int]

    @property
    def percent(self) -> str:
        """For the reader: 12.3 %, or that it is less than what can be shown."""
        return "under 0.1 %" if self.share < 0.001 else f"{self.share:.1%}".replace("%", " %")

    @property
    def bar(self) -> SafeString:
        """The share as a bar in the class's own colour."""
        red, green, blue, _ = self.color
        return format_html(
            '<svg class="share" width="100%" height="12" aria-hidden="true">'
            '<rect width="{}%" height="12" rx="2" fill="#{}"/></svg>',
            f"{max(self.share * 100, 0.5):.2f}",
            f"{red:02x}{green:02x}{blue:02x}",
        )


def class_shares(statistics: Statistics, style: RenderingStyle) -> tuple[ClassShare, ...]:
    """The largest classes first; empty where the statistics do not count value by value."""
    edges, counts = statistics.histogram_edges, statistics.histogram_counts
    total = sum(counts)
    if not total or len(edges) < 2 or round(edges[1] - edges[0], 9) != 1:
        return ()
    names = {c.value: c for c in style.classes}
    shares = []
    for edge, count in zip(edges, counts, strict=False):
        value = round(edge + 0.5)
        if count:
            known = names.get(value)
            label = _label(value, known)
            color = known.color if known else (128, 128, 128, 255)
            shares.append(ClassShare(label, count / total, color))
    return tuple(sorted(shares, key=lambda share: -share.share))


def _label(value: int, known: ClassColor | None) -> str:
    named = known is not None and known.label not in ("", str(value))
    return f"{value}, {known.label}" if named and known else str(value)
