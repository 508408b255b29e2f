"""From a place and a query to the products of a collection there: the mosaics' door to the
catalogue, which asks policy for every request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django.contrib.gis.db.models import Extent
from django.db.models import F, Max, Min, QuerySet
from django.db.models.expressions import RawSQL

from repository import catalogue, overviews
from repository.authentication import request_principal
from repository.catalogue import ProductQuery
from repository.models import Collection, Product
from repository.models.collection import Visibility
from repository.overviews import DEEPEST, Tile
from repository.policy import visible_to
from repository.principal import Principal
from repository.raster_info import Bounds
from tiler.mosaic_requests import MosaicQuery
from tiler.pixels.asset_ref import AssetRef
from tiler.prepared_queries import Prepared, mark, prepare, reading
from tiler.products import WORLD, Caller, Layer, Stamp, refs_of

MAX_LISTED = 330
"""Products that one tile looks at: as many as it may read, large and small ones."""
CHUNK = 16
LATE_SECONDS = 120
"""No commit takes longer: a product that is not on a picture changed after so much before it."""

_COLLECTION = mark("collection")
_EDGES = tuple(mark(name) for name in ("west", "south", "east", "north"))
_RANGE = tuple(mark(name) for name in ("z", "first x", "last x", "first y", "last y"))

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


@dataclass(frozen=True)
class Members:
    """The products of a place, the uppermost first, by stamp."""

    principal: Principal
    stamps: tuple[Stamp, ...]
    is_cut: bool
    """Whether there are more than were listed."""

    def refs(self) -> Iterator[AssetRef]:
        """One by one, read from the catalogue a few at a time."""
        for first in range(0, len(self.stamps), CHUNK):
            with reading():
                found = refs_of(self.principal, self.stamps[first : first + CHUNK])
            yield from found


@dataclass(frozen=True)
class Viewer:
    """Who looks at a collection."""

    principal: Principal
    collection: str
    is_public: bool
    """Whether anybody would see the same: only then may an answer be kept by caches."""


@dataclass(frozen=True)
class Piece:
    """A tile of a collection's overview; what it says is told in the catalogue's model."""

    tile: Tile
    key: tuple[int, int]
    """Names the picture, and with it all that is on it."""
    is_fresh: bool
    may_be_shown: bool
    is_leaf: bool
    by_mode: bool
    since: datetime | None


@dataclass(frozen=True)
class Summary:
    """A collection as a layer."""

    title: str
    description: str
    bounds_wgs84: Bounds
    max_zoom: int
    attribution: str
    """The licence."""
    stamp: str
    is_public: bool
    style: dict[str, Any] | None
    """That of all its maps; None where they have different ones."""


def viewer_of(caller: Caller, collection: str) -> Viewer:
    """Raises NotFound where the collection is absent or not for this caller, WrongCredentials."""
    with reading():
        principal = request_principal(caller.authorization, dict(caller.cookies))
        found = _collection_query(principal).rows({_COLLECTION: collection})
        if not found:  # says so in the catalogue's own words
            catalogue.find_collection(principal, collection)
        public = principal.is_anonymous and found == [(Visibility.PUBLIC,)]
        return Viewer(principal, collection, public)


def members_at(viewer: Viewer, query: MosaicQuery, tile: Tile) -> Members:
    """The products that the query finds in a tile. Raises BadRequest `invalid_sort`."""
    with reading():
        prepared = _member_query(viewer.principal, viewer.collection, query)
        west, south, east, north = overviews.tile_bounds(tile)
        edges = dict(zip(_EDGES, (west, south, east, north), strict=True))
        return _members(viewer.principal, prepared.rows(edges))


def private_members_at(viewer: Viewer, tile: Tile) -> Members:
    """Those that not everybody sees, which no overview shows; the newest first."""
    if viewer.principal.is_anonymous:
        return Members(viewer.principal, (), False)
    with reading():
        box = catalogue.bbox_geometry(overviews.tile_bounds(tile))
        found = catalogue.filtered(viewer.principal, ProductQuery(collections=(viewer.collection,)))
        rows = found.filter(footprint__intersects=box).exclude(
            visibility=Visibility.PUBLIC, collection__visibility=Visibility.PUBLIC
        )
        return _members(viewer.principal, list(_listed(rows.order_by("-start", "-uuid"))))


def late_members(viewer: Viewer, piece: Piece) -> Members:
    """Public products that came after a tile's picture was begun; the newest first."""
    if piece.is_fresh or piece.since is None:
        return Members(viewer.principal, (), False)
    with reading():
        rows = overviews.members(viewer.collection, piece.tile)
        came = rows.filter(updated__gt=piece.since - timedelta(seconds=LATE_SECONDS))
        return _members(viewer.principal, list(_listed(visible_to(viewer.principal, came))))


def overview_pieces(viewer: Viewer, tile: Tile, *, levels: int = 0) -> dict[Tile, Piece]:
    """The tile of the collection's overview, or with one level its children; none of a private
    collection, nor where the overview is not so deep."""
    z, x, y = tile[0] + levels, tile[1] << levels, tile[2] << levels
    if z > DEEPEST:
        return {}
    last = 2**levels - 1
    values = {_COLLECTION: viewer.collection} | dict(
        zip(_RANGE, (z, x, x + last, y, y + last), strict=True)
    )
    with reading():
        rows = _piece_query(viewer.principal).rows(values)
    pieces = [
        Piece(tile=(z, x, y), key=(pk, built), is_fresh=built == changed,
              may_be_shown=overviews.may_be_shown(built, gone), is_leaf=is_leaf, by_mode=by_mode,
              since=since)
        for pk, z, x, y, changed, gone, built, since, is_leaf, by_mode in rows
    ]  # fmt: skip
    return {piece.tile: piece for piece in pieces}


def overview_picture(piece: Piece) -> bytes | None:
    """PNG, empty for nothing; None where the overview has another picture by now."""
    with reading():
        return overviews.picture_of(*piece.key)


def summary(caller: Caller, collection: str, query: MosaicQuery) -> Summary:
    """What the products that the query finds have in common. Raises as `viewer_of`."""
    with reading():
        principal = request_principal(caller.authorization, dict(caller.cookies))
        row = catalogue.find_collection(principal, collection)
        rows = catalogue.filtered(principal, _product_query(collection, query))
        facts = rows.annotate(resolution=_order_of("resolution")).aggregate(
            extent=Extent("footprint"), finest=Min("resolution"), last=Max("updated"),
        )  # fmt: skip
        styles = list(rows.order_by().values_list("style", flat=True).distinct()[:2])
    return Summary(
        title=row.title, description=row.description, bounds_wgs84=facts["extent"] or WORLD,
        max_zoom=_level_of(facts["finest"]), attribution=row.licence,
        stamp=f"{row.updated}-{facts}",
        is_public=principal.is_anonymous, style=styles[0] if len(styles) == 1 else None,
    )  # fmt: skip


def collection_layer(caller: Caller, collection: str) -> Layer:
    """All products of a collection together, as a list of layers shows them."""
    found = summary(caller, collection, MosaicQuery())
    return Layer(
        collection, "", found.title, found.description, found.bounds_wgs84, found.stamp,
        has_legend=found.style is not None,
    )  # fmt: skip


def _level_of(degrees: float | None) -> int:
    """The zoom level whose pixels are about so wide."""
    level = 0
    while degrees and level < 24 and 360 / 256 / 2**level > degrees * 1.25:
        level += 1
    return level


@lru_cache(maxsize=500)
def _collection_query(principal: Principal) -> Prepared:
    rows = visible_to(principal, Collection.objects.filter(pk=_COLLECTION))
    return prepare(rows.order_by().values_list("visibility"), (_COLLECTION,))


@lru_cache(maxsize=500)
def _member_query(principal: Principal, collection: str, query: MosaicQuery) -> Prepared:
    """Raises BadRequest `invalid_sort`."""
    found = catalogue.filtered(principal, _product_query(collection, query))
    box = "ST_Intersects(rastrum_product.footprint, ST_MakeEnvelope(%s, %s, %s, %s, 4326))"
    rows = found.extra(where=[box], params=list(_EDGES))
    return prepare(_listed(_in_order(rows, query.sort)), _EDGES)


@lru_cache(maxsize=500)
def _piece_query(principal: Principal) -> Prepared:
    rows = visible_to(principal, overviews.of_public_collection(_COLLECTION))
    place = "z = %s and x between %s and %s and y between %s and %s"
    columns = ("pk", "z", "x", "y", "changed", "gone", "built", "since", "is_leaf", "by_mode")
    found = rows.extra(where=[place], params=list(_RANGE))
    return prepare(found.order_by().values_list(*columns), (_COLLECTION, *_RANGE))


def _product_query(collection: str, query: MosaicQuery) -> ProductQuery:
    return ProductQuery(
        collections=(collection,), bbox_wgs84=query.bbox_wgs84, start=query.start, end=query.end,
        text=query.text, properties=dict(query.properties),
    )  # fmt: skip


def _in_order(rows: QuerySet[Product], sort: str) -> QuerySet[Product]:
    name = sort.lstrip("+- ")
    if name not in ORDERS:
        return catalogue.ordered(rows, sort)
    rows = rows.annotate(order=_order_of(name))
    order = F("order")
    first = order.desc(nulls_last=True) if sort.startswith("-") else order.asc(nulls_last=True)
    return rows.order_by(first, "-start", "-uuid")


def _order_of(name: str) -> RawSQL:
    return RawSQL(ORDERS[name], [])


def _listed(rows: QuerySet[Product]) -> Any:
    """One more than are looked at."""
    columns = (
        "uuid", "version", "revision", "visibility", "collection__visibility", "stored_pyramid",
    )  # fmt: skip
    return rows.values_list(*columns)[: MAX_LISTED + 1]


def _members(principal: Principal, found: list[tuple[Any, ...]]) -> Members:
    """Of the rows of `_listed`."""
    stamps = tuple(
        (str(uuid), version, revision, own == whole == Visibility.PUBLIC, pyramid)
        for uuid, version, revision, own, whole, pyramid in found[:MAX_LISTED]
    )
    return Members(principal, stamps, len(found) > MAX_LISTED)
