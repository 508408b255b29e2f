"""Records as pygeoapi's resource definitions, and what pygeoapi leaves out of descriptions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from repository.links import Links
from repository.raster_info import Bounds
from repository.times import format_instant
from tiler.ogc.coverage_request import CoverageRequest
from tiler.ogc.coverages import GEOTIFF, MEDIA_TYPES
from tiler.ogc.crs_uris import CRS84, ITEM_CRS, storage_crs_uri
from tiler.ogc.features import QUERYABLE
from tiler.ogc.records import CollectionRecord, CoverageRecord, ItemSource

Definition = dict[str, Any]

WORLD: Bounds = (-180.0, -90.0, 180.0, 90.0)


def feature_definition(
    record: CollectionRecord, links: Links, *, source: ItemSource | None = None, crs: str = "",
    property_types: dict[str, str] | None = None, written: list[str] | None = None,
) -> Definition:  # fmt: skip
    """A collection whose items are its products. The other arguments are for items alone."""
    own = property_types or {}
    return _definition(record, record.bbox_wgs84, links.collection_page(record.id)) | {
        "providers": [{
            "type": "feature", "name": "tiler.ogc.features.ProductFeatures", "data": source,
            "id_field": "id", "title_field": "title", "time_field": "datetime",
            "crs": list(ITEM_CRS), "storage_crs": CRS84, "properties": [*QUERYABLE, *own],
            "options": {"links": links, "property_types": own, "crs": crs,
                        "written": [] if written is None else written},
        }],
    }  # fmt: skip


def coverage_definition(
    record: CoverageRecord, links: Links, request: CoverageRequest | None = None,
    format_: str = GEOTIFF,
) -> Definition:  # fmt: skip
    """A product as a coverage collection. What comes in `format_` pygeoapi hands on as it is."""
    page = links.product_page(record.collection, record.product)
    return _definition(record, record.raster.bounds_wgs84, page) | {
        "providers": [{
            "type": "coverage", "name": "tiler.ogc.coverages.ProductCoverage", "data": record,
            "options": {"request": request or CoverageRequest()},
            "format": {"name": format_, "mimetype": MEDIA_TYPES[format_]},
        }],
    }  # fmt: skip


def _definition(
    record: CollectionRecord | CoverageRecord, bbox: Bounds | None, page: str
) -> Definition:
    extents: Definition = {"spatial": {"bbox": list(bbox or WORLD), "crs": CRS84}}
    if record.start is not None:
        extents["temporal"] = {"begin": _instant(record.start), "end": _instant(record.end)}
    return {
        "type": "collection",
        "title": record.title,
        "description": record.description,
        "keywords": list(record.keywords),
        "links": [{"type": "text/html", "rel": "about", "title": "In the portal", "href": page}],
        "extents": extents,
    }


def described_collection(document: Definition, record: CollectionRecord) -> Definition:
    """What pygeoapi says of a collection, without an extent that it does not have."""
    if record.bbox_wgs84 is None:
        document.pop("extent", None)
    if record.licence:
        document["license"] = record.licence
    return document


def described_coverage(document: Definition, record: CoverageRecord, links: Links) -> Definition:
    """What pygeoapi says of a coverage, with its CRS and the map tiles of the same pixels."""
    c, p, raster = record.collection, record.product, record.raster
    uri = storage_crs_uri(raster)
    document["crs"] = [uri, CRS84] if uri else [CRS84]
    document["storageCrs"] = uri or {"wkt": raster.crs_wkt}
    document["extent"]["spatial"]["storageCrsBbox"] = [list(raster.bounds)]
    document["dataType"] = "coverage"
    document["links"] += [
        {"rel": "collection", "type": "application/json", "title": f"Collection {c}",
         "href": links.ogc_collection(c)},
        {"rel": "item", "type": "application/geo+json", "title": "Footprint",
         "href": f"{links.ogc_collection(c)}/items/{p}"},
        {"rel": "preview", "type": "image/png", "title": "Preview",
         "href": links.tile_resource(c, p, "preview.png")},
        {"rel": "tiles", "type": "image/png", "title": "Map tiles", "templated": True,
         "href": links.tiles(c, p)},
    ]  # fmt: skip
    # GeoTIFF first: some clients take the first coverage link there is.
    document["links"].sort(key=lambda link: link["type"] == "application/prs.coverage+json")
    if record.licence:
        document["license"] = record.licence
    return document


def _instant(moment: datetime | None) -> str | None:
    return format_instant(moment) if moment is not None else None
