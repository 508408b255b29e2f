"""The store as an S3 bucket; see repository.storage for what a store is."""

from __future__ import annotations

import contextlib
import hashlib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.config import Config
from django.conf import settings
from storages.backends.s3 import S3Storage

from repository.errors import StepFailed
from repository.failpoints import around
from repository.listing import StoredObject, UnfinishedParts, keys_in, parts_in
from repository.object_parts import ObjectParts
from repository.storage import CHUNK_BYTES
from repository.store_errors import told_apart


class S3Objects(S3Storage):
    """A bucket. A put goes to a staging key, is read back and hashed, then copied in the store."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # A store that stalls must not hold a request or a job for the library's five minutes.
        self.client_config: Config = self.client_config.merge(
            Config(
                connect_timeout=5,
                read_timeout=settings.STORE_READ_SECONDS,
                retries={"mode": "standard", "total_max_attempts": 3},
            )
        )

    def put(self, key: str, path: Path, sha256: str, *, may_link: bool = True) -> None:
        """See ObjectStore. Reads back because Ceph RGW 16.2 accepts a wrong checksum header."""
        staging = f"staging/{uuid.uuid4()}"
        with told_apart():
            try:
                with around("store.stage"):
                    self.bucket.upload_file(str(path), staging)
                if self._sha256(staging) != sha256:
                    raise StepFailed(
                        "The stored bytes differ from the received ones.", code="checksum_mismatch"
                    )
                with around("store.place"):
                    self.bucket.copy({"Bucket": self.bucket_name, "Key": staging}, key)
            finally:
                # What stays where the store is away is old one day, and then reconciled.
                with around("store.unstage"):
                    self.bucket.Object(staging).delete()

    def fetch(self, key: str, path: Path) -> None:
        """See ObjectStore."""
        with told_apart():
            self.bucket.download_file(key, str(path))

    def read_range(self, key: str, start: int, length: int) -> Iterator[bytes]:
        """See ObjectStore."""
        if length <= 0:
            return
        with told_apart():
            answer = self.bucket.Object(key).get(Range=f"bytes={start}-{start + length - 1}")
            with contextlib.closing(answer["Body"]) as body:  # also when the client leaves
                yield from body.iter_chunks(CHUNK_BYTES)

    def delete(self, key: str) -> None:
        """See ObjectStore."""
        with told_apart(), around("store.delete"):
            super().delete(key)

    def exists(self, key: str) -> bool:
        """See ObjectStore."""
        with told_apart():
            return bool(super().exists(key))

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """See ObjectStore."""
        with told_apart():
            yield from keys_in(self.bucket, prefix)

    def unfinished_parts(self) -> Iterator[UnfinishedParts]:
        """See ObjectStore."""
        with told_apart():
            yield from parts_in(self.bucket)

    def abort(self, unfinished: UnfinishedParts) -> None:
        """See ObjectStore."""
        client, where = self.bucket.meta.client, {"Bucket": self.bucket_name}
        gone = contextlib.suppress(client.exceptions.NoSuchUpload)
        with told_apart(), gone, around("store.abort"):
            client.abort_multipart_upload(
                **where, Key=unfinished.key, UploadId=unfinished.upload_id
            )

    def gdal_path(self, key: str) -> str:
        """See ObjectStore."""
        return f"/vsis3/{self.bucket_name}/{key}"

    def gdal_environment(self) -> dict[str, str]:
        """See ObjectStore. A custom endpoint needs all of host, path style and scheme."""
        environment = {
            "AWS_ACCESS_KEY_ID": self.access_key or "",
            "AWS_SECRET_ACCESS_KEY": self.secret_key or "",
            "AWS_REGION": self.region_name or "us-east-1",
        }
        if self.endpoint_url:
            endpoint = urlsplit(self.endpoint_url)
            environment |= {
                "AWS_S3_ENDPOINT": endpoint.netloc,
                "AWS_HTTPS": "YES" if endpoint.scheme == "https" else "NO",
                "AWS_VIRTUAL_HOSTING": "TRUE" if self.addressing_style == "virtual" else "FALSE",
            }
        return environment

    def local_path(self, key: str) -> Path | None:
        """See ObjectStore."""
        return None

    def parts(self) -> ObjectParts | None:
        """See ObjectStore."""
        return ObjectParts(self.bucket.meta.client, self.bucket_name)

    def free_bytes(self) -> int | None:
        """See ObjectStore."""
        return None

    def _sha256(self, key: str) -> str:
        digest = hashlib.sha256()
        for chunk in self.bucket.Object(key).get()["Body"].iter_chunks(CHUNK_BYTES):
            digest.update(chunk)
        return digest.hexdigest()
