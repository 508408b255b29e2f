"""The queries behind a tile of a whole collection, each through policy, made once by the ORM."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.db.models import F, Q, QuerySet
from django.db.models.expressions import RawSQL

from repository import catalogue, overviews, styles
from repository.catalogue import ProductQuery
from repository.models import Collection, Product
from repository.policy import visible_to
from repository.principal import Principal
from repository.rendering_style import RenderingStyle
from tiler.mosaic_requests import MosaicQuery
from tiler.prepared_queries import Prepared, mark, prepare

MAX_LISTED = 330
"""Products that one tile looks at: as many as it may read, large and small ones."""

COLLECTION = mark("collection")
EDGES = tuple(mark(name) for name in ("west", "south", "east", "north"))
RANGE = tuple(mark(name) for name in ("z", "first x", "last x", "first y", "last y"))

_WIDTH = (
    "(rastrum_product.bbox[3] - rastrum_product.bbox[1] + "
    "case when rastrum_product.bbox[3] < rastrum_product.bbox[1] then 360 else 0 end)"
)
_FIRST_BAND = "rastrum_product.raster #>> '{bands,0,statistics,%s}'"
ORDERS = {
    "resolution": f"{_WIDTH} / nullif((rastrum_product.raster ->> 'width')::float, 0)",
    "nodata": f"1 - ({_FIRST_BAND % 'valid_count'})::float"
    f" / nullif(({_FIRST_BAND % 'total_count'})::float, 0)",
}
"""Orders of mosaics alone: degrees a pixel, and the share of the first band without a value."""


@lru_cache(maxsize=500)
def collection_query(principal: Principal) -> Prepared:
    """The visibility of a collection; of COLLECTION."""
    rows = visible_to(principal, Collection.objects.filter(pk=COLLECTION))
    return prepare(rows.order_by().values_list("visibility"), (COLLECTION,))


@lru_cache(maxsize=500)
def member_query(principal: Principal, collection: str, query: MosaicQuery, bands: int) -> Prepared:
    """The products in a tile, the uppermost first; of EDGES. Raises BadRequest `invalid_sort`."""
    rows = _in_tile(principal, collection, query).filter(has_bands(bands))
    return prepare(listed(_in_order(rows, query.sort)), EDGES)


@lru_cache(maxsize=500)
def unfit_query(principal: Principal, collection: str, query: MosaicQuery, bands: int) -> Prepared:
    """How many there are beside those, for lack of bands."""
    rows = _in_tile(principal, collection, query).exclude(has_bands(bands)).order_by()
    return prepare(rows.values_list(RawSQL("count(*)", [])), EDGES)


def _in_tile(principal: Principal, collection: str, query: MosaicQuery) -> QuerySet[Product]:
    box = "ST_Intersects(rastrum_product.footprint, ST_MakeEnvelope(%s, %s, %s, %s, 4326))"
    return found_by(principal, collection, query).extra(where=[box], params=list(EDGES))


def has_bands(count: int) -> Q:
    """Whether a product has so many bands."""
    return Q(**{f"raster__bands__{count - 1}__isnull": False}) if count else Q()


def style_of(
    principal: Principal, collection: str, query: MosaicQuery
) -> tuple[RenderingStyle | None, int]:
    """The style of all, and the bands it needs. Raises NotFound `unknown_style`."""
    if not query.style:
        return None, 0
    return styles.shared_style(principal, collection, query.style)


@lru_cache(maxsize=500)
def piece_query(principal: Principal) -> Prepared:
    """Tiles of a public collection's overview; of COLLECTION and RANGE."""
    rows = visible_to(principal, overviews.of_public_collection(COLLECTION))
    place = "z = %s and x between %s and %s and y between %s and %s"
    columns = ("pk", "z", "x", "y", "changed", "gone", "built", "since", "is_leaf", "by_mode")
    found = rows.extra(where=[place], params=list(RANGE))
    return prepare(found.order_by().values_list(*columns), (COLLECTION, *RANGE))


def found_by(principal: Principal, collection: str, query: MosaicQuery) -> QuerySet[Product]:
    """The products of a collection that the query chooses."""
    wanted = ProductQuery(
        collections=(collection,), bbox_wgs84=query.bbox_wgs84, start=query.start, end=query.end,
        text=query.text, properties=dict(query.properties),
    )  # fmt: skip
    return catalogue.filtered(principal, wanted)


def _in_order(rows: QuerySet[Product], sort: str) -> QuerySet[Product]:
    name = sort.lstrip("+- ")
    if name not in ORDERS:
        return catalogue.ordered(rows, sort)
    rows = rows.annotate(order=order_of(name))
    order = F("order")
    first = order.desc(nulls_last=True) if sort.startswith("-") else order.asc(nulls_last=True)
    return rows.order_by(first, "-start", "-uuid")


def order_of(name: str) -> RawSQL:
    """One of ORDERS."""
    return RawSQL(ORDERS[name], [])


def listed(rows: QuerySet[Product]) -> Any:
    """One more than are looked at."""
    columns = (
        "uuid", "version", "revision", "visibility", "collection__visibility", "stored_pyramid",
    )  # fmt: skip
    return rows.values_list(*columns)[: MAX_LISTED + 1]
