"""Puts the finished COG into the store, under a key made of its content."""

from __future__ import annotations

from pathlib import Path

from repository.models import Product, Upload
from repository.models.asset import AssetRole
from repository.raster_info import RasterInfo
from repository.registration import StoredFile
from repository.storage import checksums_of, object_key, object_store

COG_MEDIA_TYPE = "image/tiff; application=geotiff; profile=cloud-optimized"
GEOTIFF_MEDIA_TYPE = "image/tiff; application=geotiff"


def store_data(product: Product, cog: Path, info: RasterInfo) -> StoredFile:
    """The COG as an object: staged, verified, then under its final key. Raises StepFailed."""
    sha256, md5 = checksums_of(cog)
    key = object_key(product.uuid, sha256, "data.tif")
    object_store().put(key, cog, sha256)
    return StoredFile(
        role=AssetRole.DATA,
        file_name=f"{product.slug}.cog.tif",
        key=key,
        media_type=COG_MEDIA_TYPE,
        size=cog.stat().st_size,
        sha256=sha256,
        md5=md5,
        raster=info,
    )


def stored_original(upload: Upload, product: Product) -> StoredFile:
    """The upload's object, which is in the store already, as a file of the product."""
    name = upload.file_name
    if name.lower() == f"{product.slug}.cog.tif":
        name = f"original-{name}"
    return StoredFile(
        role=AssetRole.ORIGINAL,
        file_name=name,
        key=upload.key,
        media_type=GEOTIFF_MEDIA_TYPE,
        size=upload.size,
        sha256=upload.sha256,
        md5=upload.md5,
    )
