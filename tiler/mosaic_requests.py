"""What a mosaic is asked for: the parameters of the catalogue's search, of a query string."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from repository.boxes import parse_box
from repository.errors import BadRequest
from repository.raster_info import Bounds
from repository.times import parse_range

PROPERTY_PREFIX = "properties."
NAMES = ("datetime", "q", "bbox", "sortby", "style")
"""Parameters that choose, order and draw products, besides those of properties."""
NEWEST_FIRST = "-datetime"


@dataclass(frozen=True)
class MosaicQuery:
    """Which products of a collection are shown, which lies uppermost, and how they are drawn."""

    start: datetime | None = None
    end: datetime | None = None
    text: str = ""
    bbox_wgs84: Bounds | None = None
    properties: tuple[tuple[str, str], ...] = ()
    sort: str = NEWEST_FIRST
    style: str = ""
    """The collection's style of that name for all; empty: each in its own default."""
    pairs: tuple[tuple[str, str], ...] = ()
    """The parameters as they were given."""

    @property
    def is_plain(self) -> bool:
        """Whether all products are asked for in the usual order: what overviews show."""
        chosen = (self.start, self.end, self.text, self.bbox_wgs84, self.properties, self.style)
        return not any(chosen) and self.sort == NEWEST_FIRST

    @property
    def suffix(self) -> str:
        """`?` and the parameters, for addresses that keep them; empty without any."""
        return f"?{urlencode(self.pairs)}" if self.pairs else ""


def parse_query(pairs: Iterable[tuple[str, str]]) -> MosaicQuery:
    """The query of a string's pairs; names that are not ours are left alone.

    Raises BadRequest (`invalid_datetime`, `invalid_bbox`, `unsupported_filter`).
    """
    given = [(n, v) for n, v in pairs if n in NAMES or n.startswith(PROPERTY_PREFIX)]
    _refuse_what_is_not_there_yet(dict(pairs))
    values = dict(given)
    start, end = parse_range(values["datetime"]) if values.get("datetime") else (None, None)
    return MosaicQuery(
        start=start, end=end, text=values.get("q", ""),
        bbox_wgs84=parse_box(values["bbox"]) if values.get("bbox") else None,
        properties=tuple(
            (name.removeprefix(PROPERTY_PREFIX), value)
            for name, value in given if name.startswith(PROPERTY_PREFIX)
        ),
        sort=values.get("sortby") or NEWEST_FIRST, style=_named(values.get("style", "")),
        pairs=tuple(given),
    )  # fmt: skip


def _named(style: str) -> str:
    return "" if style == "default" else style


def _refuse_what_is_not_there_yet(values: dict[str, str]) -> None:
    """Rather than to show all products to somebody who asked for some."""
    if values.get("filter"):
        raise BadRequest(
            "Filter expressions are not understood here.", code="unsupported_filter",
            hint="Use datetime, q, bbox, sortby and properties.NAME=VALUE.",
        )  # fmt: skip
