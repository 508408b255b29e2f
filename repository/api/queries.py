"""Query strings of lists: how `bbox=`, `datetime=` and the rest become a ProductQuery."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Schema
from pydantic import Field

from repository.api.principals import request_links
from repository.catalogue import ProductQuery, parse_bbox
from repository.times import parse_range

PROPERTY_PREFIX = "properties."


Limit = Annotated[int, Field(ge=1, le=1000)]
"""Rows of one page."""


class ProductFilter(Schema):
    """What a list of products can be asked for; `properties.NAME=value` besides."""

    limit: int = Field(50, ge=1, le=1000)
    cursor: str = ""
    bbox: str = Field("", description="left,bottom,right,top in degrees")
    datetime: str = Field("", description="An instant, a date, or start/end with .. for open")
    q: str = Field("", description="Words of title, description, id or keywords")
    sortby: str = "-datetime"

    def query(self, request: HttpRequest, *, collections: tuple[str, ...] = ()) -> ProductQuery:
        """The catalogue's query. Raises BadRequest for what cannot be understood."""
        start, end = parse_range(self.datetime) if self.datetime else (None, None)
        return ProductQuery(
            collections=collections,
            bbox_wgs84=parse_bbox(self.bbox) if self.bbox else None,
            start=start,
            end=end,
            text=self.q,
            properties={
                name.removeprefix(PROPERTY_PREFIX): value
                for name, value in request.GET.items()
                if name.startswith(PROPERTY_PREFIX)
            },
            sort=self.sortby,
            limit=self.limit,
            cursor=self.cursor,
        )


def page_json(request: HttpRequest, items: list[dict[str, Any]], cursor: str) -> dict[str, Any]:
    """`{items, next}`: next is the whole address of the next page, or null."""
    following = None
    if cursor:
        query = request.GET.copy()
        query["cursor"] = cursor
        following = f"{request_links(request).base}{request.path}?{query.urlencode()}"
    return {"items": items, "next": following}
