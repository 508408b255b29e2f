"""What a mosaic is asked for: the parameters of the catalogue's search, of a query string."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from repository.boxes import parse_box
from repository.errors import BadRequest, NotFound
from repository.raster_info import Bounds
from repository.times import parse_range

PROPERTY_PREFIX = "properties."
NAMES = ("datetime", "q", "bbox", "sortby")
"""Parameters that choose and order products, besides those of properties."""
NEWEST_FIRST = "-datetime"


@dataclass(frozen=True)
class MosaicQuery:
    """Which products of a collection are shown, and which of them lies uppermost."""

    start: datetime | None = None
    end: datetime | None = None
    text: str = ""
    bbox_wgs84: Bounds | None = None
    properties: tuple[tuple[str, str], ...] = ()
    sort: str = NEWEST_FIRST
    pairs: tuple[tuple[str, str], ...] = ()
    """The parameters as they were given."""

    @property
    def is_plain(self) -> bool:
        """Whether all products are asked for in the usual order: what overviews show."""
        chosen = (self.start, self.end, self.text, self.bbox_wgs84, self.properties)
        return not any(chosen) and self.sort == NEWEST_FIRST

    @property
    def suffix(self) -> str:
        """`?` and the parameters, for addresses that keep them; empty without any."""
        return f"?{urlencode(self.pairs)}" if self.pairs else ""


def parse_query(pairs: Iterable[tuple[str, str]]) -> MosaicQuery:
    """The query of a string's pairs; names that are not ours are left alone.

    Raises BadRequest (`invalid_datetime`, `invalid_bbox`, `unsupported_filter`), NotFound
    `unknown_style`.
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
        sort=values.get("sortby") or NEWEST_FIRST, pairs=tuple(given),
    )  # fmt: skip


def _refuse_what_is_not_there_yet(values: dict[str, str]) -> None:
    """Rather than to show all products to somebody who asked for some."""
    if values.get("filter"):
        raise BadRequest(
            "Filter expressions are not understood here.", code="unsupported_filter",
            hint="Use datetime, q, bbox, sortby and properties.NAME=VALUE.",
        )  # fmt: skip
    if (values.get("style") or "default") != "default":
        raise NotFound(
            "A collection is drawn in the default styles of its maps.", code="unknown_style",
            hint="Leave style out, or write default.",
        )  # fmt: skip
