"""Which bytes a stored object has: those of a file here, or those of an object in the S3 store."""

from __future__ import annotations

from tiler.pixels.byte_sources import ByteSource, FileBytes
from tiler.pixels.object_bytes import ObjectBytes

REMOTE = "/vsis3/"


def stored_bytes(path: str, environment: tuple[tuple[str, str], ...]) -> ByteSource | None:
    """The object that GDAL opens by `path` with `environment`; None for a kind of store that only
    GDAL reads. Raises OSError."""
    if path.startswith(REMOTE):
        bucket, _, key = path.removeprefix(REMOTE).partition("/")
        return ObjectBytes(bucket, key, environment)
    return None if path.startswith("/vsi") else FileBytes(path)
