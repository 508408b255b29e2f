"""From an address to a frozen AssetRef: the tile server's only door to the catalogue.

Policy is asked for every request, so that revocation and removal hold at once. What
an unchanging (uuid, version, revision) says is read and parsed once.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from uuid import UUID

from repository import catalogue, styles
from repository.authentication import request_principal
from repository.connections import borrowed_connection
from repository.errors import NotFound
from repository.models import Asset, BlockIndex, Product, Pyramid
from repository.models.asset import AssetRole
from repository.models.collection import Visibility
from repository.models.product import ProductState
from repository.models.pyramid import PyramidState
from repository.policy import visible_to
from repository.principal import Principal
from repository.raster_info import Bounds, RasterInfo
from repository.rendering_style import RenderingStyle
from repository.storage import object_store
from tiler.pixels.asset_ref import AssetRef, PyramidRef
from tiler.pixels.renderer import RENDERER
from tiler.pixels.zooms import zoom_range
from tiler.prepared_queries import Prepared, mark, prepare

MAX_KNOWN = 5_000
"""Parsed products kept, a few kB each."""
MAX_INDEX_BYTES = 48 * 2**20
"""Of their block indexes; those of very large rasters take a hundred times the usual 5 kB."""
MAX_LAYERS = 2_000
"""Of one capabilities document; clients choke on more."""
LAYER_COLUMNS = (
    "collection_id", "slug", "title", "description", "bbox", "uuid", "version", "revision",
)  # fmt: skip
VERSION = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
WORLD: Bounds = (-180.0, -90.0, 180.0, 90.0)

Stamp = tuple[str, int, int, bool, int | None]
"""uuid, version, revision, whether it is public, number of its stored pyramid."""
Styles = tuple[tuple[str, str], ...]
"""Names and titles."""
_COLLECTION, _SLUG = mark("collection"), mark("slug")


@dataclass(frozen=True)
class Caller:
    """What a request brings to say who asks."""

    authorization: str | None
    cookies: Mapping[str, str]


@dataclass(frozen=True)
class Layer:
    """One product as a list of layers shows it, or without a `product` a whole collection."""

    collection: str
    product: str
    title: str
    description: str
    bounds_wgs84: Bounds
    stamp: str
    """Changes with whatever a list can show."""
    styles: Styles = ()
    """Beside the default."""
    has_legend: bool = True

    @property
    def name(self) -> str:
        """`{c}:{p}` of a product, `{c}` of all products of a collection together."""
        return f"{self.collection}:{self.product}" if self.product else self.collection


@dataclass(frozen=True)
class Layers:
    """The layers of the catalogue or of one collection that a caller may see."""

    title: str
    items: tuple[Layer, ...]
    is_cut: bool
    """Whether there are more than MAX_LAYERS."""
    is_public: bool
    """Whether anybody would get the same list: only then may caches keep it."""


def find_product(
    caller: Caller, collection: str, address: str, style: str = styles.DEFAULT
) -> AssetRef:
    """The product at `{c}/{p}`, or its version n, which may be superseded, at `{c}/{p}@{n}`, in
    the style of that name.

    Raises NotFound (also where the caller may not see it, `unknown_version` for a number
    that was never given, `unknown_style`, `no_pixels`), Gone for a tombstone, WrongCredentials.
    """
    slug, at, number = address.partition("@")
    wanted = int(number) if VERSION.fullmatch(number) else 0
    with borrowed_connection():
        principal = request_principal(caller.authorization, dict(caller.cookies))
        uuid, newest, revision, is_public, pyramid = _stamp(principal, collection, slug)
        ref = _known.get((uuid, wanted if at else newest, revision, is_public, pyramid))
        if ref is None:
            # The product may have changed since: its own row says what it is now.
            product = catalogue.find_product(principal, collection, slug)
            if at and not 1 <= wanted <= product.version:
                raise NotFound(f"{collection}/{slug} has no such version.", code="unknown_version")
            ref = _read(principal, product, wanted if at else product.version)
            ref = _known.keep(ref, product.stored_pyramid)
        return ref if style == styles.DEFAULT else _in_style(principal, ref, style)


def _in_style(principal: Principal, ref: AssetRef, name: str) -> AssetRef:
    drawn = styles.drawn_style(principal, ref.uuid, ref.collection, len(ref.bands), name)
    return replace(ref, style=drawn)


def offered_styles(caller: Caller, ref: AssetRef) -> Styles:
    """The styles beside its default in which the caller may see the product."""
    with borrowed_connection():
        principal = request_principal(caller.authorization, dict(caller.cookies))
        uuid = UUID(ref.uuid)
        return tuple(styles.offered_names(principal, [(uuid, ref.collection)]).get(uuid, ()))


def refs_of(principal: Principal, stamps: Sequence[Stamp]) -> list[AssetRef]:
    """The products that these stamps were read of, in their order, as they are by now; those that
    went meanwhile, or have no pixels, are left out."""
    found = {stamp[0]: ref for stamp in stamps if (ref := _known.get(stamp)) is not None}
    missing = [stamp[0] for stamp in stamps if stamp[0] not in found]
    if missing:
        rows = visible_to(principal, Product.objects.filter(pk__in=missing))
        for product in rows.select_related("collection"):
            with suppress(NotFound):
                ref = _read(principal, product, product.version)
                found[ref.uuid] = _known.keep(ref, product.stored_pyramid)
    return [found[stamp[0]] for stamp in stamps if stamp[0] in found]


def list_layers(caller: Caller, collection: str = "") -> Layers:
    """The published products that the caller may see, of all or of one collection.

    Raises NotFound where the collection is absent or not for this caller.
    """
    with borrowed_connection():
        principal = request_principal(caller.authorization, dict(caller.cookies))
        title = catalogue.find_collection(principal, collection).title if collection else ""
        query = catalogue.ProductQuery(collections=(collection,) if collection else ())
        # The columns of a layer alone: a raster's facts are many times larger.
        rows = catalogue.filtered(principal, query).order_by("-start", "-uuid")
        found = list(rows.values_list(*LAYER_COLUMNS)[: MAX_LAYERS + 1])
        named = styles.offered_names(principal, ((row[5], row[0]) for row in found[:MAX_LAYERS]))
    items = tuple(_layer(tuple(named.get(row[5], ())), *row) for row in found[:MAX_LAYERS])
    return Layers(title, items, len(found) > MAX_LAYERS, principal.is_anonymous)


def layer_of(ref: AssetRef, named: Styles = ()) -> Layer:
    """The product as a list would show it."""
    stamp = f"{ref.uuid}-{ref.version}-{ref.revision}-{named}"
    return Layer(ref.collection, ref.product, ref.title, ref.description, ref.bounds_wgs84, stamp,
                 named)  # fmt: skip


class _Known:
    """Parsed products by stamp, the ones used longest ago forgotten first."""

    def __init__(self) -> None:
        self._refs: OrderedDict[Stamp, AssetRef] = OrderedDict()
        self._index_bytes = 0
        self._lock = threading.Lock()

    def get(self, stamp: Stamp) -> AssetRef | None:
        with self._lock:
            ref = self._refs.get(stamp)
            if ref is not None:
                self._refs.move_to_end(stamp)
            return ref

    def keep(self, ref: AssetRef, pyramid: int | None) -> AssetRef:
        with self._lock:
            stamp = (ref.uuid, ref.version, ref.revision, ref.is_public, pyramid)
            before = self._refs.pop(stamp, None)
            self._refs[stamp] = ref
            self._index_bytes += len(ref.block_index) - len(before.block_index if before else b"")
            while len(self._refs) > MAX_KNOWN or self._index_bytes > MAX_INDEX_BYTES:
                self._index_bytes -= len(self._refs.popitem(last=False)[1].block_index)
            return ref


_known = _Known()


def _stamp(principal: Principal, collection: str, slug: str) -> Stamp:
    """What names the product's present state: one small query, through policy."""
    found = _stamp_query(principal).rows({_COLLECTION: collection, _SLUG: slug})
    if not found:
        # Says whether it is absent or removed, in the catalogue's own words.
        catalogue.find_product(principal, collection, slug)
        raise NotFound(f"There is no map {collection}/{slug}, or you may not see it.")
    uuid, version, revision, pyramid, *visibilities = found[0]
    return str(uuid), version, revision, set(visibilities) == {Visibility.PUBLIC}, pyramid


@lru_cache(maxsize=1000)
def _stamp_query(principal: Principal) -> Prepared:
    """The query as policy makes it for this caller, with two marks in place of the address."""
    rows = visible_to(principal, Product.objects.filter(collection_id=_COLLECTION, slug=_SLUG))
    wanted = (
        rows.filter(state=ProductState.PUBLISHED)
        .order_by()
        .values_list(
            "uuid", "version", "revision", "stored_pyramid", "visibility", "collection__visibility"
        )
    )
    return prepare(wanted[:1], (_COLLECTION, _SLUG))


def _read(principal: Principal, product: Product, version: int) -> AssetRef:
    data = Asset.objects.filter(product=product, version=version, role=AssetRole.DATA)
    asset = visible_to(principal, data).first()
    if asset is None or product.raster is None or product.style is None:
        raise NotFound(f"{product.address} has no pixels to show.", code="no_pixels")
    info = RasterInfo.from_json(product.raster)
    if version != product.version:
        info = _superseded(product, asset, info)
    least, greatest = zoom_range(
        info.crs_wkt, info.transform, info.width, info.height, info.bounds_wgs84
    )
    return AssetRef(
        uuid=str(product.uuid), version=version, revision=product.revision,
        is_public={product.visibility, product.collection.visibility} == {Visibility.PUBLIC},
        collection=product.collection_id, product=product.slug,
        title=product.title, description=product.description,
        style=RenderingStyle.from_json(product.style),
        min_zoom=least, max_zoom=greatest, block_index=_block_index(principal, asset),
        pyramid=_pyramid_of(principal, product, version),
        **_pixels_of(info, asset),
    )  # fmt: skip


def _block_index(principal: Principal, asset: Asset) -> bytes:
    rows = visible_to(principal, BlockIndex.objects.filter(asset=asset))
    packed = rows.values_list("packed", flat=True).first()
    return bytes(packed or b"")


def _superseded(product: Product, asset: Asset, newest: RasterInfo) -> RasterInfo:
    """The facts of an earlier version. The present style draws it: an earlier one is not kept."""
    info = RasterInfo.from_json(asset.raster) if asset.raster else None
    if info is None or [b.dtype for b in info.bands] != [b.dtype for b in newest.bands]:
        raise NotFound(
            f"Version {asset.version} of {product.address} cannot be drawn in its present style.",
            code="no_pixels",
        )
    return info


def _pixels_of(info: RasterInfo, asset: Asset) -> dict[str, Any]:
    return _place_of(asset.key) | {
        "width": info.width, "height": info.height,
        "crs_wkt": info.crs_wkt, "crs_name": info.crs_name,
        "transform": info.transform, "bounds": info.bounds, "bounds_wgs84": info.bounds_wgs84,
        "bands": info.bands, "kind": info.kind, "overviews": info.overviews,
    }  # fmt: skip


def _pyramid_of(principal: Principal, product: Product, version: int) -> PyramidRef | None:
    """What this renderer has stored of that version, if it is still to be served."""
    rows = visible_to(principal, Pyramid.objects.filter(pk=product.stored_pyramid or 0))
    row = rows.filter(version=version, renderer=RENDERER, state=PyramidState.READY).first()
    if row is None:
        return None
    return PyramidRef(key=row.key, drawing=row.drawing, extension=row.format, **_place_of(row.key))


def _place_of(key: str) -> dict[str, Any]:
    """How an object is opened."""
    store = object_store()
    return {
        "gdal_path": store.gdal_path(key),
        "gdal_environment": tuple(sorted(store.gdal_environment().items())),
    }


def _layer(
    named: Styles, collection: str, slug: str, title: str, description: str,
    bbox: list[float] | None, uuid: UUID, version: int, revision: int,
) -> Layer:  # fmt: skip
    """Of the styles and LAYER_COLUMNS."""
    left, bottom, right, top = bbox or WORLD
    bounds = (left, bottom, right, top)
    stamp = f"{uuid}-{version}-{revision}-{named}"
    return Layer(collection, slug, title, description, bounds, stamp, named)
