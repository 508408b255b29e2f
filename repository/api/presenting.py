"""Rows of the catalogue as the API's JSON shapes."""

from __future__ import annotations

import json
from typing import Any

from repository.catalogue import assets_of
from repository.fetching.addresses import masked
from repository.links import Links
from repository.models import ApiToken, Asset, Collection, Job, Product
from repository.models.job import JobState
from repository.prerendered import Prerendered, Total
from repository.previewing import Preview
from repository.raster_info import RasterInfo
from repository.times import format_instant


def collection_json(row: Collection, links: Links, stored: Total) -> dict[str, Any]:
    """CollectionOutput of a collection, with what is stored of its tiles."""
    return {
        "id": row.id,
        "title": row.title,
        "description": row.description,
        "visibility": row.visibility,
        "contributors": row.contributors,
        "prerender": row.prerender,
        "prerendered": vars(stored),
        "licence": row.licence,
        "keywords": row.keywords,
        "created": format_instant(row.created),
        "updated": format_instant(row.updated),
        "links": {
            "self": links.collection(row.id),
            "products": f"{links.collection(row.id)}/products",
            "styles": f"{links.collection(row.id)}/styles",
            "page": links.collection_page(row.id),
            "wmts": links.wmts(row.id),
            "ogc": links.ogc_collection(row.id),
        },
    }


def product_summary(row: Product, links: Links) -> dict[str, Any]:
    """ProductSummary of a published product."""
    # Published products have a time.
    assert row.start
    assert row.end
    assert row.published
    return {
        "id": row.slug,
        "collection": row.collection_id,
        "uuid": str(row.uuid),
        "title": row.title,
        "description": row.description,
        "datetime": format_instant(row.start),
        "end_datetime": format_instant(row.end) if row.end != row.start else None,
        "datetime_source": row.datetime_source,
        "visibility": row.visibility,
        "version": row.version,
        "bbox": row.bbox or [],
        "properties": row.properties,
        "licence": row.licence,
        "keywords": row.keywords,
        "created": format_instant(row.created),
        "updated": format_instant(row.updated),
        "published": format_instant(row.published),
        "links": product_links(row, links),
    }


def product_links(row: Product, links: Links) -> dict[str, str]:
    """Where a product is found by each protocol."""
    c, p = row.collection_id, row.slug
    return {
        "self": links.product(c, p),
        "page": links.product_page(c, p),
        "styles": f"{links.product(c, p)}/styles",
        "tiles": links.tiles(c, p),
        "tilejson": links.tile_resource(c, p, "tilejson.json"),
        "preview": links.tile_resource(c, p, "preview.png"),
        "wmts": links.wmts(c, p),
        "ogc": links.ogc_collection(f"{c}:{p}"),
    }


def product_json(row: Product, links: Links, stored: Prerendered) -> dict[str, Any]:
    """ProductOutput of a published product, with what is stored of its tiles."""
    raster = row.raster or {}
    assert row.footprint is not None, "published products have a place"
    return product_summary(row, links) | {
        "footprint": json.loads(row.footprint.geojson),
        "crs": crs_text(raster),
        "width": raster["width"],
        "height": raster["height"],
        "transform": raster["transform"],
        "bands": [_band_json(band) for band in raster["bands"]],
        "assets": [asset_json(asset, row, links) for asset in assets_of(row)],
        "style": row.style,
        "prerendered": vars(stored),
        "warnings": [{"code": code, "message": text} for code, text in raster["warnings"]],
        "lineage": raster["lineage"],
    }


def crs_text(raster: dict[str, Any]) -> str:
    """`EPSG:n` where the CRS has a code, else its WKT."""
    return f"EPSG:{raster['crs_epsg']}" if raster["crs_epsg"] else str(raster["crs_wkt"])


def asset_json(asset: Asset, row: Product, links: Links) -> dict[str, Any]:
    """AssetOutput of a stored file."""
    return {
        "name": asset.file_name,
        "role": asset.role,
        "href": links.file(row.collection_id, row.slug, asset.file_name),
        "type": asset.media_type,
        "size": asset.size,
        "sha256": asset.sha256,
        "md5": asset.md5,
    }


def job_json(job: Job, links: Links) -> dict[str, Any]:
    """JobOutput of a job."""
    published = job.state == JobState.PUBLISHED and job.product is not None
    address = f"{job.collection_id}/{job.slug}"
    own = {"self": links.job(job.id), "page": links.job_page(job.id)}
    if published:
        own |= {"product": links.product(job.collection_id, job.slug),
                "map": links.product_page(job.collection_id, job.slug)}  # fmt: skip
    return {
        "id": str(job.id),
        "state": job.state,
        "progress": round(job.progress, 4),
        "step": job.step,
        "collection": job.collection_id,
        "product": address if published else None,
        "file_name": job.upload.file_name,
        "source": masked(job.upload.source),
        "error": job.error,
        "warnings": job.warnings,
        "attempts": job.attempts,
        "timeline": job.timeline,
        "created": format_instant(job.created),
        "updated": format_instant(job.updated),
        "links": own,
    }


def single_job_json(job: Job, links: Links) -> dict[str, Any]:
    """SingleJobOutput: as in lists, and what inspection found."""
    return job_json(job, links) | {"found": job.found}


def preview_json(preview: Preview) -> dict[str, Any]:
    """PreviewOutput of rasters that are not published yet."""
    return {
        "crs": f"EPSG:{preview.crs_epsg}" if preview.crs_epsg else "",
        "crs_name": preview.crs_name,
        "rasters": [
            {
                "name": raster.name,
                "bbox": list(raster.place.bounds_wgs84),
                "footprint": raster.place.footprint_wgs84,
                "warnings": [{"code": c, "message": text} for c, text in raster.place.warnings],
            }
            for raster in preview.rasters
        ],
    }


def token_json(token: ApiToken, *, secret: str | None = None) -> dict[str, Any]:
    """TokenOutput; the secret is given once, when it is made."""
    return {
        "id": str(token.id),
        "name": token.name,
        "scopes": token.scopes,
        "created": format_instant(token.created),
        "expires": format_instant(token.expires) if token.expires else None,
        "last_used": format_instant(token.last_used) if token.last_used else None,
        "token": secret,
    }


def stored_raster(row: Product) -> RasterInfo:
    """What is known of a published product's raster."""
    assert row.raster is not None, "published products have a raster"
    return RasterInfo.from_json(row.raster)


def _band_json(band: dict[str, Any]) -> dict[str, Any]:
    names = ("dtype", "nodata", "scale", "offset", "unit", "color_interpretation", "statistics")
    return {"name": band["description"] or f"b{band['index']}"} | {n: band[n] for n in names}
