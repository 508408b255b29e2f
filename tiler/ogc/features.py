"""A collection's products as features: the provider behind pygeoapi's items."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from pygeoapi.provider.base import BaseProvider

from repository.errors import BadRequest
from repository.links import Links
from repository.raster_info import Bounds
from repository.times import format_instant
from tiler.ogc.crs_uris import CRS84, geometry_in
from tiler.ogc.records import ItemQuery, ItemRecord, ItemSource

Feature = dict[str, Any]

TEXT = {"type": "string"}
TIME = {"type": "string", "format": "date-time"}
LINK = {"type": "string", "format": "uri"}

FIELDS: dict[str, dict[str, str]] = {
    "id": TEXT, "title": TEXT, "description": TEXT, "datetime": TIME, "start_datetime": TIME,
    "end_datetime": TIME, "datetime_source": TEXT, "crs": TEXT, "width": {"type": "integer"},
    "height": {"type": "integer"}, "licence": TEXT, "created": TIME, "updated": TIME,
    "page": LINK, "preview": LINK, "tiles": LINK, "coverage": LINK, "product": LINK,
}  # fmt: skip
"""Every item has these; owners' properties of the same name give way."""

QUERYABLE = ("id", "title", "datetime_source", "licence")
SORTABLE = ("id", "title", "datetime", "created", "updated")


class ProductFeatures(BaseProvider):
    """pygeoapi's feature provider over an ItemSource, which is its `data`.

    `options` carries the links of this request, the CRS asked for, the types of the
    owners' properties, and the list that features are written to: footprints go from
    the database to the answer without being parsed, which is half of the cost.
    """

    def __init__(self, provider_def: dict[str, Any]) -> None:
        super().__init__(provider_def)
        self.source: ItemSource = self.data
        self.links: Links = self.options["links"]
        self.own: dict[str, str] = self.options.get("property_types", {})
        self.crs_uri: str = self.options.get("crs") or CRS84
        self.written: list[str] = self.options.get("written", [])
        self._fields = self.get_fields()

    def get_fields(self) -> dict[str, dict[str, str]]:
        """JSON Schema of each property. Copies: pygeoapi writes into them."""
        own = {name: {"type": kind} for name, kind in self.own.items()}
        return {name: dict(schema) for name, schema in (own | FIELDS).items()}

    def query(
        self, offset: int = 0, limit: int = 10, resulttype: str = "results",
        bbox: list[float] | None = None, datetime_: str | None = None,
        properties: list[tuple[str, str]] | None = None,
        sortby: list[dict[str, str]] | None = None,
        select_properties: list[str] | None = None, skip_geometry: bool = False,
        q: str | None = None, filterq: Any = None, **_: Any,
    ) -> Feature:  # fmt: skip
        """A FeatureCollection whose features stand in `written`, as JSON. Raises BadRequest."""
        if filterq is not None:
            raise BadRequest("Filter expressions are not understood.", code="invalid_parameter",
                             hint="Name properties as parameters: ?title=Vltava")  # fmt: skip
        page = self.source.search(
            ItemQuery(
                limit=limit, offset=offset, bbox_wgs84=_box(bbox), datetime=datetime_ or "",
                text=q or "", properties=_queryable(properties or [], self.own),
                sort=tuple((s["property"], s["order"] == "-") for s in sortby or ()),
                only_count=resulttype == "hits",
            )
        )  # fmt: skip
        self.written += [
            self._text(item, select_properties or (), skip_geometry) for item in page.items
        ]
        return {
            "type": "FeatureCollection",
            "features": [None] * len(page.items),
            "numberMatched": page.matched,
            "numberReturned": len(page.items),
        }

    def get(self, identifier: str, **_: Any) -> Feature:
        """One GeoJSON Feature. Raises NotFound, Gone."""
        item = self.source.get(identifier)
        return {
            "type": "Feature",
            "id": item.id,
            "geometry": json.loads(self._geometry(item)),
            "properties": self._properties(item),
        }

    def _text(self, item: ItemRecord, selected: Collection[str], skip_geometry: bool) -> str:
        properties = self._properties(item)
        if selected:
            properties = {k: v for k, v in properties.items() if k in selected}
        geometry = "null" if skip_geometry else self._geometry(item)
        return (
            f'{{"type":"Feature","id":{json.dumps(item.id)},"geometry":{geometry},'
            f'"properties":{json.dumps(properties, ensure_ascii=False)}}}'
        )

    def _geometry(self, item: ItemRecord) -> str:
        """JSON in the CRS asked for."""
        if item.geometry is None or self.crs_uri == CRS84:
            return item.geometry or "null"
        return json.dumps(geometry_in(json.loads(item.geometry), self.crs_uri))

    def _properties(self, item: ItemRecord) -> dict[str, Any]:
        c, p = item.collection, item.id
        return {
            **item.properties, **_times(item), "title": item.title,
            "description": item.description, "crs": item.crs, "width": item.width,
            "height": item.height, "licence": item.licence,
            "created": format_instant(item.created), "updated": format_instant(item.updated),
            "page": self.links.product_page(c, p),
            "preview": self.links.tile_resource(c, p, "preview.png"),
            "tiles": self.links.tiles(c, p),
            "coverage": f"{self.links.ogc_collection(f'{c}:{p}')}/coverage",
            "product": self.links.product(c, p),
        }  # fmt: skip


def collection_text(listed: dict[str, Any], features: list[str]) -> str:
    """A FeatureCollection as JSON: what pygeoapi says around the features, and they."""
    rest = {name: value for name, value in listed.items() if name not in ("type", "features")}
    around = json.dumps(rest, ensure_ascii=False)
    return f'{{"type":"FeatureCollection","features":[{",".join(features)}],{around[1:]}'


def _times(item: ItemRecord) -> dict[str, str | None]:
    """STAC's three names: `datetime` is null for an interval."""
    start, end = format_instant(item.start), format_instant(item.end)
    source = {"datetime_source": item.datetime_source}
    if start == end:
        return {"datetime": start, **source}
    return {"datetime": None, "start_datetime": start, "end_datetime": end, **source}


def _box(bbox: list[float] | None) -> Bounds | None:
    """left, bottom, right, top of pygeoapi's list; heights are ignored."""
    if not bbox:
        return None
    half = len(bbox) // 2
    return bbox[0], bbox[1], bbox[half], bbox[half + 1]


def _queryable(properties: list[tuple[str, str]], own: dict[str, str]) -> dict[str, str]:
    for name, _ in properties:
        if name not in QUERYABLE and name not in own:
            raise BadRequest(f"Items cannot be searched by {name[:50]!r}.",
                             code="unknown_parameter",
                             hint="The queryables of the collection list what can.")  # fmt: skip
    return dict(properties)
