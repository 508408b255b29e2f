"""From rows of products to what renderers read, for the worker."""

from __future__ import annotations

from django.db.models import F, QuerySet

from repository.models import Asset, Product
from repository.models.asset import AssetRole
from repository.raster_info import RasterInfo
from repository.rendering_style import RenderingStyle
from repository.storage import object_store
from tiler.pixels.asset_ref import AssetRef
from tiler.pixels.zooms import zoom_range


def refs_of(rows: QuerySet[Product]) -> list[AssetRef]:
    """The products' present versions in their own styles; those without pixels are left out."""
    products = list(rows)
    data = Asset.objects.filter(
        product__in=products, version=F("product__version"), role=AssetRole.DATA
    )
    # The first of several rasters is the one that is drawn.
    keys = {asset.product_id: asset.key for asset in data.order_by("-position", "-id")}
    return [_ref(product, keys[product.pk]) for product in products
            if product.pk in keys and product.raster and product.style]  # fmt: skip


def _ref(product: Product, key: str) -> AssetRef:
    store, info = object_store(), RasterInfo.from_json(product.raster or {})
    least, greatest = zoom_range(
        info.crs_wkt, info.transform, info.width, info.height, info.bounds_wgs84
    )
    return AssetRef(
        uuid=str(product.uuid), version=product.version, revision=product.revision,
        collection=product.collection_id, product=product.slug, title=product.title,
        is_public=True, gdal_path=store.gdal_path(key),
        gdal_environment=tuple(sorted(store.gdal_environment().items())),
        width=info.width, height=info.height, crs_wkt=info.crs_wkt, crs_name=info.crs_name,
        transform=info.transform, bounds=info.bounds, bounds_wgs84=info.bounds_wgs84,
        bands=info.bands, kind=info.kind, overviews=info.overviews,
        style=RenderingStyle.from_json(product.style or {}), min_zoom=least, max_zoom=greatest,
    )  # fmt: skip
