"""The home page's search form: what the query string asks of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.http import QueryDict

from repository.catalogue import ProductQuery, parse_bbox
from repository.errors import BadRequest
from repository.raster_info import Bounds
from repository.times import parse_instant

PAGE_SIZE = 24
SORTS = (
    ("-published", "newest first"),
    ("-datetime", "latest date first"),
    ("datetime", "earliest date first"),
    ("title", "by title"),
)


@dataclass(frozen=True)
class SearchRequest:
    """The form's fields as typed, and the problems of those that cannot be understood."""

    text: str = ""
    start: str = ""
    end: str = ""
    bbox: str = ""
    sort: str = SORTS[0][0]
    cursor: str = ""
    problems: dict[str, str] = field(default_factory=dict)
    """Field name -> sentence; such a field filters nothing."""

    @property
    def is_filtered(self) -> bool:
        """Whether anything was asked at all."""
        return bool(self.text or self.start or self.end or self.bbox)

    def query(self, collections: tuple[str, ...] = ()) -> ProductQuery:
        """What the catalogue is asked."""
        good = {n: getattr(self, n) for n in ("start", "end", "bbox") if n not in self.problems}
        return ProductQuery(
            collections=collections,
            text=self.text,
            bbox_wgs84=parse_bbox(good["bbox"]) if good.get("bbox") else None,
            start=parse_instant(good["start"]) if good.get("start") else None,
            end=parse_instant(good["end"], end_of_day=True) if good.get("end") else None,
            sort=self.sort,
            limit=PAGE_SIZE,
            cursor=self.cursor,
        )

    def bounds(self) -> Bounds | None:
        """The place that was asked for."""
        return self.query().bbox_wgs84


def read_search(query: QueryDict) -> SearchRequest:
    """The search that a query string asks for; nothing in it makes the page fail."""
    fields = {
        "text": query.get("q", "").strip()[:200],
        "start": query.get("from", "").strip(),
        "end": query.get("to", "").strip(),
        "bbox": query.get("bbox", "").strip(),
    }
    sort = query.get("sort", "")
    return SearchRequest(
        **fields,
        sort=sort if sort in dict(SORTS) else SORTS[0][0],
        cursor=query.get("cursor", ""),
        problems=_problems(fields),
    )


def _problems(fields: dict[str, str]) -> dict[str, str]:
    problems = {}
    for name in ("start", "end"):
        try:
            if fields[name]:
                parse_instant(fields[name])
        except BadRequest:
            problems[name] = f"{fields[name][:40]} is no date. Write it as 2024-08-24."
    try:
        if fields["bbox"]:
            parse_bbox(fields["bbox"])
    except BadRequest:
        problems["bbox"] = "The place in this address cannot be read, so it is not used."
    return problems
