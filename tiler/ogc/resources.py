"""The catalogue as OGC API sees it: the only module here that opens it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.gis.db.models import Extent
from django.contrib.gis.db.models.functions import AsGeoJSON
from django.db import connection
from django.db.models import Count, Max, Min, QuerySet, Window
from django.db.models.fields.json import KT

from repository import catalogue
from repository.authentication import request_principal
from repository.connections import borrowed_connection
from repository.errors import BadRequest, NotFound
from repository.models import Collection, Product
from repository.models.asset import AssetRole
from repository.models.collection import Visibility
from repository.policy import visible_to
from repository.principal import Principal
from repository.raster_info import RasterInfo
from repository.storage import object_store
from repository.times import parse_range
from tiler.ogc.records import (
    CollectionRecord,
    CoverageRecord,
    ItemPage,
    ItemQuery,
    ItemRecord,
)

FOOTPRINT_DIGITS = 7
"""Decimals of a degree: about a centimetre."""

PROPERTY_PRODUCTS = 5000
MAX_PROPERTIES = 500
PROPERTY_TYPES = """
    SELECT name, coalesce(max(nullif(jsonb_typeof(value), 'null')), 'string')
    FROM ({products}) AS product, jsonb_each(product.properties) AS property (name, value)
    GROUP BY name ORDER BY name LIMIT %s
"""
"""Of several types of one name the last by alphabet: what has a string anywhere is a string."""

ITEM_COLUMNS = (
    "collection_id", "slug", "title", "shape", "start", "end", "epsg", "crs_name", "width",
    "height", "created", "updated", "description", "datetime_source", "licence", "keywords",
    "properties",
)  # fmt: skip


@contextmanager
def open_catalogue(
    authorization: str | None, cookies: dict[str, str]
) -> Iterator[VisibleCatalogue]:
    """The catalogue for the caller of one request; enter and leave it in one function.

    Raises WrongCredentials.
    """
    with borrowed_connection():
        yield VisibleCatalogue(request_principal(authorization, cookies))


class VisibleCatalogue:
    """What one caller may see, as frozen records."""

    def __init__(self, principal: Principal) -> None:
        self.principal = principal

    @property
    def is_public(self) -> bool:
        """Whether everybody sees the same: only then may answers be cached."""
        return self.principal.is_anonymous

    def collections(self, limit: int, offset: int) -> tuple[list[CollectionRecord], int]:
        """One page of the collections by id, and how many there are."""
        rows = visible_to(self.principal, Collection.objects.order_by("id"))
        return self._with_extents(list(rows[offset : offset + limit])), rows.count()

    def collection(self, collection_id: str, *, extent: bool = False) -> CollectionRecord:
        """One collection: its title, or all of it with what its products cover.

        Raises NotFound.
        """
        if extent:
            row = catalogue.find_collection(self.principal, collection_id)
            return self._with_extents([row])[0]
        rows = visible_to(self.principal, Collection.objects.filter(pk=collection_id))
        for title in rows.values_list("title", flat=True):
            return CollectionRecord(collection_id, title)
        # Says that it is absent in the catalogue's own words.
        return _collection(catalogue.find_collection(self.principal, collection_id), {})

    def items(self, collection_id: str) -> CatalogueItems:
        """The items of a collection that the caller has already found."""
        return CatalogueItems(self.principal, collection_id)

    def property_types(self, collection_id: str, among: Iterable[str] = ()) -> dict[str, str]:
        """Names of the owners' own properties in a collection, and their JSON types.

        Of the newest products alone, or of the newest that have one of the names `among`;
        gathered in the database, for any caller may ask.
        """
        rows = visible_to(self.principal, Product.objects.filter(collection=collection_id))
        if among:
            # PostgreSQL's text holds no NUL, so no property has one in its name.
            names = [name for name in among if "\0" not in name]
            rows = rows.filter(properties__has_any_keys=names)
        newest = rows.order_by("-start").values("properties")[:PROPERTY_PRODUCTS]
        sql, parameters = newest.query.sql_with_params()
        with connection.cursor() as cursor:
            cursor.execute(PROPERTY_TYPES.format(products=sql), [*parameters, MAX_PROPERTIES])
            return dict(cursor.fetchall())

    def coverage(self, collection_id: str, slug: str) -> CoverageRecord:
        """A product's pixels. Raises NotFound, Gone."""
        row = catalogue.find_product(self.principal, collection_id, slug)
        assets = (a for a in catalogue.assets_of(row) if a.role == AssetRole.DATA)
        asset = next(assets, None)
        if asset is None or row.raster is None or row.start is None or row.end is None:
            raise NotFound(f"{collection_id}/{slug} has no pixels.")
        store = object_store()
        public = Visibility.PUBLIC
        return CoverageRecord(
            collection=row.collection_id, product=row.slug, title=row.title,
            raster=RasterInfo.from_json(row.raster), start=row.start, end=row.end,
            gdal_path=store.gdal_path(asset.key),
            gdal_environment=tuple(store.gdal_environment().items()),
            etag=f"{row.uuid}-{row.version}-{row.revision}",
            is_public=row.visibility == public and row.collection.visibility == public,
            description=row.description, keywords=tuple(row.keywords), licence=row.licence,
        )  # fmt: skip

    def _with_extents(self, rows: list[Collection]) -> list[CollectionRecord]:
        """One query for all of them: what each one's visible products cover."""
        products = Product.objects.filter(collection__in=[row.pk for row in rows]).order_by()
        found = visible_to(self.principal, products).values("collection_id").annotate(
            box=Extent("footprint"), first=Min("start"), last=Max("end")
        )  # fmt: skip
        extents: dict[str, dict[str, Any]] = {e["collection_id"]: dict(e) for e in found}
        return [_collection(row, extents.get(row.pk, {})) for row in rows]


class CatalogueItems:
    """An ItemSource over the catalogue, for one caller."""

    def __init__(self, principal: Principal, collection_id: str) -> None:
        self.principal = principal
        self.collection_id = collection_id

    def search(self, query: ItemQuery) -> ItemPage:
        """See ItemSource. Raises BadRequest for what cannot be searched or sorted."""
        rows = catalogue.filtered(self.principal, self._product_query(query))
        if query.only_count:
            return ItemPage((), rows.count())
        # The columns of the answer alone: a raster's description with its histograms
        # is many times larger than the feature. Counted by the same query: a second
        # one costs as much as the page.
        wanted = _with_item_columns(rows.order_by(*_order(query)))
        counted = wanted.annotate(matched=Window(Count("*")))
        page = counted[query.offset : query.offset + query.limit]
        found = list(page.values_list(*ITEM_COLUMNS, "matched"))
        if not found:
            return ItemPage((), rows.count() if query.offset else 0)
        items = tuple(_item(dict(zip(ITEM_COLUMNS, row[:-1], strict=True))) for row in found)
        return ItemPage(items, found[0][-1])

    def get(self, item_id: str) -> ItemRecord:
        """See ItemSource."""
        product = catalogue.find_product(self.principal, self.collection_id, item_id)
        rows = _with_item_columns(Product.objects.filter(pk=product.pk))
        return _item(rows.values(*ITEM_COLUMNS).get())

    def _product_query(self, query: ItemQuery) -> catalogue.ProductQuery:
        properties = dict(query.properties)
        item_id = properties.pop("id", None)
        start, end = parse_range(query.datetime) if query.datetime else (None, None)
        return catalogue.ProductQuery(
            collections=(self.collection_id,), ids=(item_id,) if item_id is not None else (),
            bbox_wgs84=query.bbox_wgs84, start=start, end=end, text=query.text,
            properties=properties,
        )  # fmt: skip


def _with_item_columns(rows: QuerySet[Product]) -> QuerySet[Product]:
    return rows.annotate(
        shape=AsGeoJSON("footprint", precision=FOOTPRINT_DIGITS), epsg=KT("raster__crs_epsg"),
        crs_name=KT("raster__crs_name"), width=KT("raster__width"), height=KT("raster__height"),
    )  # fmt: skip


def _order(query: ItemQuery) -> list[str]:
    """Columns, and the key last: pages must not overlap where values are equal."""
    columns = []
    for name, descending in query.sort or (("datetime", True),):
        if name not in catalogue.SORT_FIELDS:
            raise BadRequest(f"Items cannot be sorted by {name[:50]!r}.", code="invalid_sort",
                             hint=f"Choose of {', '.join(catalogue.SORT_FIELDS)}.")  # fmt: skip
        columns.append(("-" if descending else "") + catalogue.SORT_FIELDS[name])
    return [*columns, "-uuid" if columns[-1].startswith("-") else "uuid"]


def _item(row: dict[str, Any]) -> ItemRecord:
    return ItemRecord(
        collection=row["collection_id"], id=row["slug"], title=row["title"],
        geometry=row["shape"],
        start=row["start"], end=row["end"],
        crs=f"EPSG:{row['epsg']}" if row["epsg"] else row["crs_name"] or "",
        width=int(row["width"] or 0), height=int(row["height"] or 0),
        created=row["created"], updated=row["updated"], description=row["description"],
        datetime_source=row["datetime_source"], licence=row["licence"],
        keywords=tuple(row["keywords"]), properties=row["properties"],
    )  # fmt: skip


def _collection(row: Collection, extent: dict[str, Any]) -> CollectionRecord:
    return CollectionRecord(
        id=row.id, title=row.title, description=row.description, keywords=tuple(row.keywords),
        licence=row.licence, bbox_wgs84=extent.get("box"), start=extent.get("first"),
        end=extent.get("last"),
    )  # fmt: skip
