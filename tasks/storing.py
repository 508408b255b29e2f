"""Puts what belongs to a product into the store, under keys made of its content."""

from __future__ import annotations

import re
from pathlib import Path

from repository.models import Product, Upload, UploadedFile
from repository.models.asset import AssetRole
from repository.names import display_file_name
from repository.raster_info import RasterInfo
from repository.registration import StoredFile
from repository.storage import checksums_of, object_key, object_store
from tasks.raster_source import Attachment

COG_MEDIA_TYPE = "image/tiff; application=geotiff; profile=cloud-optimized"
OTHER_MEDIA_TYPE = "application/octet-stream"
MEDIA_TYPES = {
    ".tif": "image/tiff; application=geotiff", ".tiff": "image/tiff; application=geotiff",
    ".jp2": "image/jp2", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg",
    ".nc": "application/netcdf", ".h5": "application/x-hdf5", ".hdf5": "application/x-hdf5",
    ".grib": "application/wmo-GRIB2", ".grib2": "application/wmo-GRIB2",
    ".gpkg": "application/geopackage+sqlite3", ".mbtiles": "application/vnd.mapbox.mbtiles",
    ".zip": "application/zip", ".tar": "application/x-tar", ".gz": "application/gzip",
    ".tgz": "application/gzip", ".pdf": "application/pdf", ".json": "application/json",
    ".geojson": "application/geo+json", ".xml": "application/xml", ".txt": "text/plain",
    ".csv": "text/csv", ".prj": "text/plain", ".hdr": "text/plain",
}  # fmt: skip
"""By the ending of the file's name. Nothing that a browser runs: downloads are attachments."""


class FileNames:
    """Names of one product's files: each is given once, whatever the files were called."""

    def __init__(self, product: Product) -> None:
        self._slug = product.slug
        self._taken: set[str] = set()

    def of_data(self, raster_name: str, position: int) -> str:
        """`{id}.cog.tif` for the first raster, `{id}-{its name}.cog.tif` for the others."""
        part = re.sub(r"[^a-z0-9]+", "-", raster_name.lower()).strip("-")[-80:]
        return self._free(f"{self._slug}{f'-{part}' if position else ''}.cog.tif")

    def of_file(self, name: str, prefix: str) -> str:
        """The file's own name, with `prefix` where that is taken."""
        name = display_file_name(name)
        return self._free(f"{prefix}-{name}" if name.lower() in self._taken else name)

    def _free(self, name: str) -> str:
        stem, dot, ending = name.partition(".")
        number, candidate = 2, name
        while candidate.lower() in self._taken:
            candidate, number = f"{stem}-{number}{dot}{ending}", number + 1
        self._taken.add(candidate.lower())
        return candidate


def store_data(
    product: Product, cog: Path, info: RasterInfo, file_name: str, position: int = 0
) -> StoredFile:
    """The COG as an object: staged, verified, then under its final key. Raises StepFailed."""
    sha256, md5 = checksums_of(cog)
    key = object_key(product.uuid, sha256, "data.tif")
    object_store().put(key, cog, sha256)
    return StoredFile(
        role=AssetRole.DATA, file_name=file_name, key=key, media_type=COG_MEDIA_TYPE,
        size=cog.stat().st_size, sha256=sha256, md5=md5, raster=info, position=position,
    )  # fmt: skip


def store_attachment(product: Product, attachment: Attachment, file_name: str) -> StoredFile:
    """A file that lay in an archive beside the rasters, as an object. Raises StepFailed."""
    path = Path(attachment.path)
    sha256, md5 = checksums_of(path)
    key = object_key(product.uuid, sha256, "attachment")
    object_store().put(key, path, sha256)
    return StoredFile(
        role=AssetRole.ATTACHMENT, file_name=file_name, key=key,
        media_type=attachment.media_type, size=path.stat().st_size, sha256=sha256, md5=md5,
    )  # fmt: skip


def original_as_data(
    file: UploadedFile, info: RasterInfo, file_name: str, position: int
) -> StoredFile:
    """An uploaded COG that is served as it is: the object that is in the store already."""
    return StoredFile(
        role=AssetRole.DATA, file_name=file_name, key=file.key, media_type=COG_MEDIA_TYPE,
        size=file.size, sha256=file.sha256, md5=file.md5, raster=info, position=position,
    )  # fmt: skip


def originals(upload: Upload, names: FileNames) -> list[StoredFile]:
    """The upload's objects, which are in the store already, as files of the product."""
    return [
        StoredFile(
            role=AssetRole.ORIGINAL, file_name=names.of_file(file.file_name, "original"),
            key=file.key, media_type=media_type_of(file.file_name), size=file.size,
            sha256=file.sha256, md5=file.md5, position=file.position,
        )
        for file in upload.files.all()
    ]  # fmt: skip


def media_type_of(file_name: str) -> str:
    """What a client is told of a file that we do not read."""
    return MEDIA_TYPES.get(Path(file_name.lower()).suffix, OTHER_MEDIA_TYPE)
