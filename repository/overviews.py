"""Overviews of collections: which tiles a change makes late, told in the commit of that change.

The tree is as deep as it must be: a tile that few products lie in is a leaf. Only the worker
(`tasks/overviews.py`) adds and removes tiles; each change of a public product counts up the tiles
over its place. Whoever does either holds the row of the root until the end of its transaction, so
that no tile is added unseen by a change that is on its way.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.db.models.functions import Now

from repository.catalogue import bbox_geometry
from repository.models import Collection, OverviewTile, Product
from repository.models.collection import Visibility
from repository.models.product import ProductState
from repository.raster_info import Bounds
from repository.transactions import commit

DEEPEST = 14
"""No tree is deeper; beyond, a tile has few products or large ones."""
LEAF_PRODUCTS = 16
"""A tile with more small products than that has children."""
CLAIM_LEASES = 2
"""A builder that says nothing for so many LEASE_SECONDS is dead."""
MAX_LATITUDE = 85.0511287798066

Tile = tuple[int, int, int]
"""z, x, y of WebMercatorQuad."""


@dataclass(frozen=True)
class Beginning:
    """A tile's row as it was before its picture was begun."""

    row: OverviewTile
    now: datetime


def mark_published(product: Product, old_bbox: list[float] | None) -> None:
    """A version was published, `old_bbox` that of the one that it replaces, if any; within the
    caller's transaction."""
    if product.visibility == Visibility.PUBLIC:
        boxes = [product.bbox, old_bbox]
        mark(product.collection_id, boxes, takes_away=old_bbox is not None)


def mark_amended(product: Product, changes: dict[str, Any]) -> None:
    """A product is about to be changed; within the caller's transaction, which locks its row."""
    visibility = changes.get("visibility", product.visibility)
    was, will_be = (v == Visibility.PUBLIC for v in (product.visibility, visibility))
    shown = {"visibility", "style", "start", "end"} & set(changes)
    if shown and (was or will_be) and product.state == ProductState.PUBLISHED:
        mark(product.collection_id, [product.bbox], takes_away=was)


def mark_redrawn(products: QuerySet[Product]) -> None:
    """These products are about to get another style; within the caller's transaction."""
    shown = products.filter(visibility=Visibility.PUBLIC, state=ProductState.PUBLISHED)
    boxes: dict[str, list[list[float] | None]] = {}
    for collection_id, bbox in shown.order_by().values_list("collection_id", "bbox"):
        boxes.setdefault(collection_id, []).append(bbox)
    for collection_id, found in sorted(boxes.items()):
        mark(collection_id, found, takes_away=True)


def mark_removed(product: Product) -> None:
    """A product is about to be removed; within the caller's transaction, which locks its row."""
    if product.state == ProductState.PUBLISHED and product.visibility == Visibility.PUBLIC:
        mark(product.collection_id, [product.bbox], takes_away=True)


def mark(collection_id: str, bboxes: Iterable[list[float] | None], *, takes_away: bool) -> None:
    """Count up the tiles over the boxes; `takes_away`: their pictures may not be shown any more."""
    counted = "changed = t.changed + 1" + (", gone = t.changed + 1" if takes_away else "")
    ranges = [_range(box, z) for given in bboxes for box in _halves(given)
              for z in range(1, DEEPEST + 1)]  # fmt: skip
    with connection.cursor() as cursor:
        # The root first: who holds its row waits for nobody else.
        cursor.execute(
            'insert into "rastrum_overview_tile" as t (collection_id, z, x, y) '
            "values (%s, 0, 0, 0) "
            f"on conflict (collection_id, z, x, y) do update set {counted}",
            [collection_id],
        )
        if ranges:
            cursor.execute(
                f'update "rastrum_overview_tile" t set {counted} '
                "from unnest(%s::int[], %s::int[], %s::int[], %s::int[], %s::int[]) "
                "as r (z, x0, y0, x1, y1) where t.collection_id = %s and t.z = r.z "
                "and t.x between r.x0 and r.x1 and t.y between r.y0 and r.y1",
                [*map(list, zip(*ranges, strict=True)), collection_id],
            )


def of_public_collection(collection_id: str) -> QuerySet[OverviewTile]:
    """Its tiles; none while the collection is private."""
    return OverviewTile.objects.filter(
        collection_id=collection_id, collection__visibility=Visibility.PUBLIC
    )


def may_be_shown(built: int, gone: int) -> bool:
    """Whether a row has a picture, and nothing on it that must not be seen any more."""
    return 0 < built >= gone


def picture_of(pk: int, built: int) -> bytes | None:
    """The PNG of a row that was just found; None where it has another one by now."""
    rows = OverviewTile.objects.filter(pk=pk, built=built)
    found = rows.values_list("picture", flat=True).first()
    return None if found is None else bytes(found)


def members(collection_id: str, tile: Tile) -> QuerySet[Product]:
    """The public products in a tile, the newest first. The collection need not be public: nobody
    is shown the pictures while it is not."""
    return Product.objects.filter(
        collection_id=collection_id, state=ProductState.PUBLISHED, visibility=Visibility.PUBLIC,
        footprint__intersects=bbox_geometry(tile_bounds(tile)),
    ).order_by("-start", "-uuid")  # fmt: skip


def has_many(collection_id: str, tile: Tile) -> bool:
    """Whether more small products lie in a tile than are drawn one by one."""
    if tile[0] >= DEEPEST:
        return False
    width = "bbox[3] - bbox[1] + case when bbox[3] < bbox[1] then 360 else 0 end < %s"
    half_a_tile = 180.0 / 2 ** tile[0]
    small = members(collection_id, tile).annotate(is_small=RawSQL(width, [half_a_tile]))
    found = small.filter(is_small=True).order_by().values_list("pk")[: LEAF_PRODUCTS + 1]
    return len(found) > LEAF_PRODUCTS


def due(*, after_seconds: float) -> list[str]:
    """Ids of collections whose tree is late and was not begun within so many seconds."""
    _plant()
    old = Now() - timedelta(seconds=after_seconds)
    late = OverviewTile.objects.filter(
        _is_free(),
        Q(since=None) | Q(since__lt=old),
        z=0,
        changed__gt=F("built"),
        collection__visibility=Visibility.PUBLIC,
    )
    found = late.order_by(F("since").asc(nulls_first=True))
    return list(found.values_list("collection_id", flat=True)[:100])


def _plant() -> None:
    """A root for each collection that has products from before there were overviews."""
    public = Product.objects.filter(
        collection=OuterRef("pk"), state=ProductState.PUBLISHED, visibility=Visibility.PUBLIC
    )
    root = OverviewTile.objects.filter(collection=OuterRef("pk"), z=0)
    bare = Collection.objects.filter(~Exists(root), Exists(public))
    roots = [OverviewTile(collection=row, z=0, x=0, y=0) for row in bare[:1000]]
    if roots:
        OverviewTile.objects.bulk_create(roots, ignore_conflicts=True)


def claim(collection_id: str) -> bool:
    """Whether the caller may build the tree now: nobody else does."""
    root = OverviewTile.objects.filter(_is_free(), collection_id=collection_id, z=0)
    return bool(root.filter(changed__gt=F("built")).update(claimed=Now()))


def beat(collection_id: str) -> None:
    """The caller still builds. Two that build at once would do no harm but to the CPU."""
    OverviewTile.objects.filter(collection_id=collection_id, z=0).update(claimed=Now())


def release(collection_id: str) -> None:
    """The caller builds no longer."""
    OverviewTile.objects.filter(collection_id=collection_id, z=0).update(claimed=None)


def begin(collection_id: str, tile: Tile) -> Beginning | None:
    """The tile's row, read before anything that its picture will show; None: the tree lost it."""
    z, x, y = tile
    rows = OverviewTile.objects.filter(collection_id=collection_id, z=z, x=x, y=y)
    row = rows.annotate(now=Now()).first()
    return None if row is None else Beginning(row, row.now)


def branch(collection_id: str, tile: Tile) -> None:
    """Add the tile's four children where they are missing."""
    rows = [OverviewTile(collection_id=collection_id, z=z, x=x, y=y) for z, x, y in children(tile)]
    with transaction.atomic():
        if _holds_root(collection_id):
            OverviewTile.objects.bulk_create(rows, ignore_conflicts=True)
            z, x, y = tile
            parent = OverviewTile.objects.filter(collection_id=collection_id, z=z, x=x, y=y)
            parent.filter(is_leaf=True).update(is_leaf=False)


def prune(collection_id: str, tile: Tile) -> None:
    """Remove all below a tile that has become a leaf."""
    z, x, y = tile
    below = OverviewTile.objects.filter(collection_id=collection_id, z__gt=z).extra(
        where=["x >> (z - %s) = %s and y >> (z - %s) = %s"], params=[z, x, z, y]
    )
    if below.exists():
        with transaction.atomic():
            if _holds_root(collection_id):
                below.delete()


def store(begun: Beginning, picture: bytes, *, is_leaf: bool, by_mode: bool) -> bool:
    """Keep a picture unless a later one is there already."""
    row = begun.row
    with commit("overviews.store"):
        older = OverviewTile.objects.filter(pk=row.pk, built__lt=row.changed)
        return bool(older.update(
            picture=picture, built=row.changed, since=begun.now, is_leaf=is_leaf, by_mode=by_mode
        ))  # fmt: skip


def children(tile: Tile) -> tuple[Tile, ...]:
    """North-west, north-east, south-west, south-east."""
    z, x, y = tile
    return tuple((z + 1, 2 * x + dx, 2 * y + dy) for dy in (0, 1) for dx in (0, 1))


def tile_bounds(tile: Tile) -> Bounds:
    """Longitude and latitude of a tile's edges."""
    z, x, y = tile
    north, south = (
        math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * row / 2**z)))) for row in (y, y + 1)
    )
    return x / 2**z * 360 - 180, south, (x + 1) / 2**z * 360 - 180, north


def _is_free() -> Q:
    seconds = CLAIM_LEASES * settings.LEASE_SECONDS
    return Q(claimed=None) | Q(claimed__lt=Now() - timedelta(seconds=seconds))


def _holds_root(collection_id: str) -> bool:
    rows = OverviewTile.objects.select_for_update().filter(collection_id=collection_id, z=0)
    return rows.first() is not None


def _halves(bbox: list[float] | None) -> list[Bounds]:
    """The box, cut at the antimeridian where it crosses that."""
    if not bbox:
        return []
    left, bottom, right, top = bbox
    if left <= right:
        return [(left, bottom, right, top)]
    return [(left, bottom, 180.0, top), (-180.0, bottom, right, top)]


def _range(bounds: Bounds, z: int) -> tuple[int, int, int, int, int]:
    """z, then the first column and row and the last ones that the bounds touch."""
    left, bottom, right, top = bounds
    columns = [_clipped((longitude + 180) / 360, z) for longitude in (left, right)]
    rows = [_clipped(_down(latitude), z) for latitude in (top, bottom)]
    return z, columns[0], rows[0], columns[1], rows[1]


def _down(latitude: float) -> float:
    """Share of the way from the map's upper edge to its lower one."""
    clipped = math.radians(min(MAX_LATITUDE, max(-MAX_LATITUDE, latitude)))
    return (1 - math.asinh(math.tan(clipped)) / math.pi) / 2


def _clipped(share: float, z: int) -> int:
    return min(2**z - 1, max(0, math.floor(share * 2**z)))
