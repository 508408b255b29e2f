"""Reads: find one product, search many. Every list of every protocol comes from `search`."""

from __future__ import annotations

import base64
import json
import math
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from django.contrib.gis.geos import GeometryCollection, GEOSGeometry, LineString, Point, Polygon
from django.db.models import Model, Q, QuerySet
from django.utils.dateparse import parse_datetime

from repository.boxes import parse_box
from repository.errors import BadRequest, Gone, NotFound
from repository.models import Asset, Collection, Job, Product
from repository.models.product import ProductState
from repository.policy import visible_to
from repository.principal import Principal
from repository.raster_info import Bounds

SORT_FIELDS = {
    "datetime": "start",
    "created": "created",
    "updated": "updated",
    "published": "published",
    "title": "title",
    "id": "slug",
}
"""Public names of what lists can be sorted by, and the columns behind them."""

COLUMN_PROPERTIES = {"title", "licence", "datetime_source", "visibility"}
"""Properties that are columns of their own; any other is looked up in `properties`."""

NUMBER = re.compile(r"-?[0-9]{1,300}(\.[0-9]{1,300})?([eE][+-]?[0-9]{1,3})?")

Row = TypeVar("Row", bound=Model)

MAX_PAGE = 10_000
"""ArcGIS asks OGC API Features for 5,000 items and does not follow `next`."""


@dataclass(frozen=True)
class ProductQuery:
    """What is asked of the catalogue. Empty fields ask nothing."""

    collections: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    bbox_wgs84: Bounds | None = None
    """left > right crosses the antimeridian (RFC 7946, 5.2)."""
    start: datetime | None = None
    end: datetime | None = None
    """Products whose time overlaps [start, end]."""
    text: str = ""
    """Words of title, description, id or keywords; all must occur."""
    properties: Mapping[str, Any] = field(default_factory=dict)
    """name -> value, compared for equality."""
    sort: str = "-datetime"
    limit: int = 50
    cursor: str = ""
    """Where the last page ended: keyset paging, stable while products come and go."""
    offset: int = 0
    """For protocols that count from the start; the cursor is the cheaper way."""


@dataclass(frozen=True)
class Page:
    """Products in order, and the cursor of the next page where there is one."""

    items: tuple[Product, ...]
    next: str = ""


def find_collection(principal: Principal, collection_id: str) -> Collection:
    """The collection; NotFound where it is absent or not for this caller."""
    rows = visible_to(principal, Collection.objects.select_related("owner"))
    detail = f"There is no collection {collection_id}, or you may not see it."
    return _one(rows, detail, id=collection_id)


def find_product(principal: Principal, collection_id: str, slug: str) -> Product:
    """The product; Gone for a tombstone that the caller could see, else NotFound."""
    rows = Product.objects.select_related("collection", "owner")
    product = _one(
        visible_to(principal, rows, tombstones=True),
        f"There is no map {collection_id}/{slug}, or you may not see it.",
        collection_id=collection_id,
        slug=slug,
    )
    if product.state == ProductState.REMOVED:
        raise Gone(
            f"{product.title} was removed on {product.removed:%d %B %Y}."
            + (f" {product.removal_reason}" if product.removal_reason else "")
        )
    return product


def find_job(principal: Principal, job_id: str) -> Job:
    """The job; NotFound where it is absent or another's."""
    try:
        key = uuid.UUID(job_id)
    except ValueError:
        raise NotFound("There is no such job, or it is not yours.") from None
    rows = Job.objects.select_related("collection", "product", "upload")
    return _one(visible_to(principal, rows), "There is no such job, or it is not yours.", pk=key)


def find_asset(principal: Principal, collection_id: str, slug: str, file_name: str) -> Asset:
    """A file of the newest version; NotFound or Gone as for its product."""
    product = find_product(principal, collection_id, slug)
    rows = visible_to(principal, Asset.objects.filter(product=product, version=product.version))
    return _one(rows, f"{collection_id}/{slug} has no file {file_name}.", file_name=file_name)


def assets_of(product: Product) -> list[Asset]:
    """The files of the newest version of a product that the caller has already found."""
    return list(product.assets.filter(version=product.version))


def search_collections(
    principal: Principal, *, limit: int = 100, after: str = "", text: str = ""
) -> tuple[list[Collection], str]:
    """Collections by id, and the id to continue after where there are more."""
    rows = visible_to(principal, Collection.objects.select_related("owner")).filter(id__gt=after)
    for word in text.split()[:10]:
        rows = rows.filter(
            Q(id__icontains=word) | Q(title__icontains=word) | Q(description__icontains=word)
        )
    found = list(rows.order_by("id")[: limit + 1])
    return found[:limit], found[limit - 1].id if len(found) > limit else ""


def search(principal: Principal, query: ProductQuery) -> Page:
    """One page of the products that the caller may see and the query asks for.

    Raises BadRequest for an unknown sort field, a bad cursor or limit.
    """
    if not 1 <= query.limit <= MAX_PAGE:
        raise BadRequest(f"limit must lie between 1 and {MAX_PAGE}.", code="invalid_limit")
    column, descending = _order(query.sort)
    rows = filtered(principal, query).select_related("collection", "owner")
    if query.cursor:
        rows = rows.filter(_after(query, column, descending))
    found = list(ordered(rows, query.sort)[query.offset : query.offset + query.limit + 1])
    more = len(found) > query.limit
    items = tuple(found[: query.limit])
    return Page(items, _cursor(query, items[-1], column) if more else "")


def ordered(rows: QuerySet[Product], sort: str) -> QuerySet[Product]:
    """The rows in an order of SORT_FIELDS. Raises BadRequest `invalid_sort`."""
    column, descending = _order(sort)
    sign = "-" if descending else ""
    return rows.order_by(f"{sign}{column}", f"{sign}uuid")


def count(principal: Principal, query: ProductQuery) -> int:
    """How many products `search` would give over all its pages."""
    return filtered(principal, query).count()


def filtered(principal: Principal, query: ProductQuery) -> QuerySet[Product]:
    """The visible products that the query asks for, in no order."""
    rows = visible_to(principal, Product.objects.all())
    if query.collections:
        rows = rows.filter(collection__in=query.collections)
    if query.ids:
        rows = rows.filter(slug__in=query.ids)
    if query.bbox_wgs84 is not None:
        rows = rows.filter(footprint__intersects=bbox_geometry(query.bbox_wgs84))
    if query.start is not None:
        rows = rows.filter(end__gte=query.start)
    if query.end is not None:
        rows = rows.filter(start__lte=query.end)
    for word in query.text.split()[:10]:
        rows = rows.filter(_mentions(word))
    for name, value in query.properties.items():
        rows = rows.filter(_has_property(name, value))
    return rows


def bbox_geometry(bbox: Bounds) -> GEOSGeometry:
    """The box as a geometry; two boxes where it crosses the antimeridian. Raises BadRequest."""
    left, bottom, right, top = bbox
    in_range = all(-360 <= x <= 360 for x in (left, right)) and -90 <= bottom <= top <= 90
    if not in_range:
        raise BadRequest(
            "bbox must be left,bottom,right,top in degrees.",
            code="invalid_bbox",
            hint="For example bbox=12.1,48.5,18.9,51.1",
        )
    if left <= right and right - left >= 360:
        return _box(-180, bottom, 180, top)
    # World maps that scroll ask beyond 180 degrees; we store -180 to 180 (RFC 7946, 5.2).
    left, right = _wrapped(left), _wrapped(right)
    if left <= right:
        return _box(left, bottom, right, top)
    parts = [_box(left, bottom, 180, top), _box(-180, bottom, right, top)]
    return GeometryCollection(parts, srid=4326)


def _box(left: float, bottom: float, right: float, top: float) -> GEOSGeometry:
    """A polygon, or the line or point that a box without width or height is."""
    corners = [(left, bottom), (right, bottom), (right, top), (left, top), (left, bottom)]
    if left < right and bottom < top:
        return Polygon(corners, srid=4326)
    if (left, bottom) == (right, top):
        return Point(left, bottom, srid=4326)
    return LineString([(left, bottom), (right, top)], srid=4326)


def _wrapped(longitude: float) -> float:
    return longitude if -180 <= longitude <= 180 else (longitude + 180) % 360 - 180


def parse_bbox(text: str) -> Bounds:
    """left,bottom,right,top in degrees, heights of a 3D box ignored. Raises BadRequest."""
    box = parse_box(text)
    bbox_geometry(box)
    return box


def _one(rows: QuerySet[Row], detail: str, **lookup: Any) -> Row:
    # PostgreSQL's text holds no NUL, so nothing is found by one.
    found = not any(isinstance(value, str) and "\0" in value for value in lookup.values())
    row = rows.filter(**lookup).first() if found else None
    if row is None:
        raise NotFound(detail)
    return row


def _mentions(word: str) -> Q:
    return (
        Q(title__icontains=word)
        | Q(description__icontains=word)
        | Q(slug__icontains=word)
        | Q(keywords__icontains=word)
    )


def _has_property(name: str, value: Any) -> Q:
    """Equality with a column, else with a member of `properties` as text or as number."""
    if name in COLUMN_PROPERTIES:
        return Q(**{name: value})
    wanted = Q(properties__contains={name: value})
    scalar = _as_scalar(value) if isinstance(value, str) else None
    return wanted if scalar is None else wanted | Q(properties__contains={name: scalar})


def _as_scalar(text: str) -> float | int | bool | None:
    """The number or truth value that the text spells; None for any other text."""
    if text in ("true", "false"):
        return text == "true"
    try:
        number: float | int = json.loads(text) if NUMBER.fullmatch(text) else math.nan
    except ValueError:  # thousands of digits
        return None
    return number if math.isfinite(number) else None


def _order(sort: str) -> tuple[str, bool]:
    """Column and direction of `title`, `+title` or `-title`."""
    # In a query string an unquoted + has become a space.
    name = sort.lstrip("+- ")
    if name not in SORT_FIELDS:
        raise BadRequest(
            f"Lists cannot be sorted by {name[:50]!r}.",
            code="invalid_sort",
            hint=f"Choose one of {', '.join(SORT_FIELDS)}; a leading - turns the order round.",
        )
    return SORT_FIELDS[name], sort.startswith("-")


def _cursor(query: ProductQuery, last: Product, column: str) -> str:
    value = getattr(last, column)
    text = value.isoformat() if isinstance(value, datetime) else value
    document = json.dumps([query.sort, text, str(last.uuid)])
    return base64.urlsafe_b64encode(document.encode()).decode().rstrip("=")


def _after(query: ProductQuery, column: str, descending: bool) -> Q:
    """Rows behind the last page's end: (column, uuid) compared as a pair."""
    try:
        padded = query.cursor + "=" * (-len(query.cursor) % 4)
        sort, text, last_uuid = map(str, json.loads(base64.urlsafe_b64decode(padded)))
        last = uuid.UUID(last_uuid)
        value = text if column in ("title", "slug") else parse_datetime(text)
    except (ValueError, TypeError, RecursionError):
        sort, value, last = "", None, uuid.UUID(int=0)
    if sort != query.sort or value is None:
        raise BadRequest(
            "This page address is broken or belongs to another sorting.",
            code="invalid_cursor",
            hint="Start again from the first page.",
        )
    beyond = "lt" if descending else "gt"
    return Q(**{f"{column}__{beyond}": value}) | Q(**{column: value, f"uuid__{beyond}": last})
