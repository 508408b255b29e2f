"""From a place and a query to the products of a collection there: the mosaics' door to the
catalogue, which asks policy for every request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.contrib.gis.db.models import Extent
from django.db.models import Max, Min

from repository import catalogue, overviews, styles
from repository.authentication import request_principal
from repository.catalogue import ProductQuery
from repository.models.collection import Visibility
from repository.overviews import DEEPEST, Tile
from repository.policy import visible_to
from repository.principal import Principal
from repository.raster_info import Bounds
from repository.rendering_style import RenderingStyle
from tiler.member_queries import (
    COLLECTION,
    EDGES,
    MAX_LISTED,
    RANGE,
    collection_query,
    found_by,
    has_bands,
    listed,
    member_query,
    order_of,
    piece_query,
    style_of,
    unfit_query,
)
from tiler.mosaic_requests import MosaicQuery
from tiler.pixels.asset_ref import AssetRef
from tiler.prepared_queries import reading
from tiler.products import WORLD, Caller, Layer, Stamp, refs_of

CHUNK = 16
LATE_SECONDS = 120
"""No commit takes longer: a product that is not on a picture changed after so much before it."""


@dataclass(frozen=True)
class Members:
    """The products of a place, the uppermost first, by stamp."""

    principal: Principal
    stamps: tuple[Stamp, ...]
    is_cut: bool
    """Whether there are more than were listed."""
    style: RenderingStyle | None = None
    """What all are drawn in; None: each in its own."""
    unfit: int = 0
    """Products that lack a band which the style needs: they are not among the others."""

    def refs(self) -> Iterator[AssetRef]:
        """One by one, read from the catalogue a few at a time."""
        for first in range(0, len(self.stamps), CHUNK):
            with reading():
                found = refs_of(self.principal, self.stamps[first : first + CHUNK])
            for ref in found:
                yield ref if self.style is None else replace(ref, style=self.style)


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
    style: RenderingStyle | None
    """That of all its maps; None where they have different ones."""


def viewer_of(caller: Caller, collection: str) -> Viewer:
    """Raises NotFound where the collection is absent or not for this caller, WrongCredentials."""
    with reading():
        principal = request_principal(caller.authorization, dict(caller.cookies))
        found = collection_query(principal).rows({COLLECTION: collection})
        if not found:  # says so in the catalogue's own words
            catalogue.find_collection(principal, collection)
        public = principal.is_anonymous and found == [(Visibility.PUBLIC,)]
        return Viewer(principal, collection, public)


def members_at(viewer: Viewer, query: MosaicQuery, tile: Tile) -> Members:
    """The products that the query finds in a tile. Raises BadRequest `invalid_sort`, NotFound
    `unknown_style`."""
    asked = viewer.principal, viewer.collection, query
    edges = dict(zip(EDGES, overviews.tile_bounds(tile), strict=True))
    with reading():
        style, bands = style_of(*asked)
        found = _members(viewer.principal, member_query(*asked, bands).rows(edges))
        if style is None:
            return found
        ((unfit,),) = unfit_query(*asked, bands).rows(edges)
        return replace(found, style=style, unfit=unfit)


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
        return _members(viewer.principal, list(listed(rows.order_by("-start", "-uuid"))))


def late_members(viewer: Viewer, piece: Piece) -> Members:
    """Public products that came after a tile's picture was begun; the newest first."""
    if piece.is_fresh or piece.since is None:
        return Members(viewer.principal, (), False)
    with reading():
        rows = overviews.members(viewer.collection, piece.tile)
        came = rows.filter(updated__gt=piece.since - timedelta(seconds=LATE_SECONDS))
        return _members(viewer.principal, list(listed(visible_to(viewer.principal, came))))


def overview_pieces(viewer: Viewer, tile: Tile, *, levels: int = 0) -> dict[Tile, Piece]:
    """The tile of the collection's overview, or with one level its children; none of a private
    collection, nor where the overview is not so deep."""
    z, x, y = tile[0] + levels, tile[1] << levels, tile[2] << levels
    if z > DEEPEST:
        return {}
    last = 2**levels - 1
    values = {COLLECTION: viewer.collection} | dict(
        zip(RANGE, (z, x, x + last, y, y + last), strict=True)
    )
    with reading():
        rows = piece_query(viewer.principal).rows(values)
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
        style, bands = style_of(principal, collection, query)
        rows = found_by(principal, collection, query).filter(has_bands(bands))
        facts = rows.annotate(resolution=order_of("resolution")).aggregate(
            extent=Extent("footprint"), finest=Min("resolution"), last=Max("updated"),
        )  # fmt: skip
        own = list(rows.order_by().values_list("style", flat=True).distinct()[:2])
    if style is None and len(own) == 1 and own[0] is not None:
        style = RenderingStyle.from_json(own[0])
    return Summary(
        title=row.title, description=row.description, bounds_wgs84=facts["extent"] or WORLD,
        max_zoom=_level_of(facts["finest"]), attribution=row.licence,
        stamp=f"{row.updated}-{facts}-{style and style.digest}",
        is_public=principal.is_anonymous, style=style,
    )  # fmt: skip


def collection_layer(caller: Caller, collection: str) -> Layer:
    """All products of a collection together, as a list of layers shows them."""
    found = summary(caller, collection, MosaicQuery())
    with reading():
        principal = request_principal(caller.authorization, dict(caller.cookies))
        named = tuple(styles.shared_names(principal, collection))
    return Layer(
        collection, "", found.title, found.description, found.bounds_wgs84,
        f"{found.stamp}-{named}", named, has_legend=found.style is not None,
    )  # fmt: skip


def _level_of(degrees: float | None) -> int:
    """The zoom level whose pixels are about so wide."""
    level = 0
    while degrees and level < 24 and 360 / 256 / 2**level > degrees * 1.25:
        level += 1
    return level


def _members(principal: Principal, found: list[tuple[Any, ...]]) -> Members:
    """Of the rows of `listed`."""
    stamps = tuple(
        (str(uuid), version, revision, own == whole == Visibility.PUBLIC, pyramid)
        for uuid, version, revision, own, whole, pyramid in found[:MAX_LISTED]
    )
    return Members(principal, stamps, len(found) > MAX_LISTED)
