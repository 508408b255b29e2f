"""Objects: immutable, keyed by their content, written once and verified by our own checksum.

Django's STORAGES names one of two stores, a local folder or an S3 bucket. Both
add to Django's storage what rasters need: a put that is durable before it
returns, a name that GDAL opens, and reads of byte ranges.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, cast

from django.core.files.storage import FileSystemStorage, storages

from repository.errors import OutOfSpace, StepFailed
from repository.failpoints import around
from repository.listing import StoredObject, UnfinishedParts, files_below
from repository.object_parts import ObjectParts

CHUNK_BYTES = 4 * 2**20


class ObjectStore(Protocol):
    """What both stores can do beyond Django's storage."""

    def put(self, key: str, path: Path, sha256: str, *, may_link: bool = True) -> None:
        """Keep the file's bytes under `key`, durably; StepFailed if they arrive changed.

        `may_link` False: the file's owner may change it later, so only a copy will do.
        """

    def fetch(self, key: str, path: Path) -> None:
        """Bring the object to a local path that does not exist yet."""

    def read_range(self, key: str, start: int, length: int) -> Iterator[bytes]:
        """The bytes from `start` on, in chunks."""

    def gdal_path(self, key: str) -> str:
        """The name by which GDAL opens the object."""

    def gdal_environment(self) -> dict[str, str]:
        """GDAL's configuration for `gdal_path`."""

    def local_path(self, key: str) -> Path | None:
        """The file itself where the store is a folder of this machine."""

    def free_bytes(self) -> int | None:
        """Room left; None where only the store's operator knows."""

    def delete(self, key: str) -> None:
        """Remove the object; nothing happens where there is none."""

    def exists(self, key: str) -> bool:
        """Whether the object is there."""

    def parts(self) -> ObjectParts | None:
        """How an upload goes to the store while it comes in; None for a folder of this machine,
        into which a whole file is linked."""

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Every object under a prefix that ends in `/`, in the order of the keys' bytes."""

    def unfinished_parts(self) -> Iterator[UnfinishedParts]:
        """Uploads in parts that were never completed."""

    def abort(self, unfinished: UnfinishedParts) -> None:
        """Forget the parts; nothing happens where that was done already."""


def object_store() -> ObjectStore:
    """The store that the settings name."""
    return cast(ObjectStore, storages["default"])


def object_key(product_uuid: uuid.UUID, sha256: str, file_name: str) -> str:
    """`products/<uuid>/<sha256>/<name>`: other content, other key: nothing is overwritten."""
    return f"products/{product_uuid}/{sha256}/{file_name}"


class LocalObjects(FileSystemStorage):
    """A folder. A put is a link or a copy under a staging name, synced, then renamed."""

    def put(self, key: str, path: Path, sha256: str, *, may_link: bool = True) -> None:
        """See ObjectStore."""
        target = Path(self.path(key))
        if target.is_file() and sha256_of(target) == sha256:
            return
        staging = Path(self.path(f"staging/{uuid.uuid4()}"))
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            staging.parent.mkdir(parents=True, exist_ok=True)
            # A link shares the bytes that were hashed as they came; only a copy can differ.
            with around("store.stage"):
                linked = may_link and _linked(path, staging)
                if not linked:
                    shutil.copyfile(path, staging)
            if not linked and sha256_of(staging) != sha256:
                raise StepFailed(
                    "The stored bytes differ from the received ones.", code="checksum_mismatch"
                )
            _sync(staging)
            with around("store.place"):
                os.replace(staging, target)
                for folder in (target.parent, target.parent.parent, target.parent.parent.parent):
                    _sync(folder)
        except OSError as error:
            raise _as_our_error(error) from error
        finally:
            with around("store.unstage"):
                staging.unlink(missing_ok=True)

    def fetch(self, key: str, path: Path) -> None:
        """See ObjectStore. Linked where the file system can: the object is immutable."""
        if not _linked(Path(self.path(key)), path):
            shutil.copyfile(self.path(key), path)

    def read_range(self, key: str, start: int, length: int) -> Iterator[bytes]:
        """See ObjectStore."""
        with open(self.path(key), "rb") as stream:
            stream.seek(start)
            while length > 0 and (chunk := stream.read(min(CHUNK_BYTES, length))):
                length -= len(chunk)
                yield chunk

    def gdal_path(self, key: str) -> str:
        """See ObjectStore."""
        return str(self.path(key))

    def gdal_environment(self) -> dict[str, str]:
        """See ObjectStore."""
        return {}

    def local_path(self, key: str) -> Path | None:
        """See ObjectStore."""
        return Path(self.path(key))

    def parts(self) -> ObjectParts | None:
        """See ObjectStore."""
        return None

    def free_bytes(self) -> int | None:
        """See ObjectStore."""
        folder = Path(self.base_location)
        folder.mkdir(parents=True, exist_ok=True)
        return shutil.disk_usage(folder).free

    def delete(self, key: str) -> None:
        """See ObjectStore. The folders that the key made go too, where they are empty."""
        with around("store.delete"):
            super().delete(key)
        for folder in list(Path(key).parents)[:2]:
            try:
                os.rmdir(self.path(str(folder)))
            except OSError:
                return

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """See ObjectStore."""
        return files_below(Path(self.base_location), prefix)

    def unfinished_parts(self) -> Iterator[UnfinishedParts]:
        """See ObjectStore: a folder has none."""
        return iter(())

    def abort(self, unfinished: UnfinishedParts) -> None:
        """See ObjectStore."""


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def checksums_of(path: Path) -> tuple[str, str]:
    """SHA-256 and MD5 of a file, in hex, in one read. MD5 is what DHuS clients compare."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with open(path, "rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            sha256.update(chunk)
            md5.update(chunk)
    return sha256.hexdigest(), md5.hexdigest()


def _linked(source: Path, target: Path) -> bool:
    """Whether a hard link could be made."""
    try:
        os.link(source, target)
        return True
    except OSError:  # another file system, or one without links
        return False


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _as_our_error(error: OSError) -> Exception:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutOfSpace("The store has no room left.", hint="Ask the operator to make room.")
    return StepFailed(f"The store does not take the file: {error.strerror}.", code="store_failed")
