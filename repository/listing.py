"""What lies in a store: every object under a prefix, in the order of their keys, with its age."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class StoredObject:
    """One object; `age_seconds` by the store's own clock."""

    key: str
    size: int
    age_seconds: float


@dataclass(frozen=True)
class UnfinishedParts:
    """A multipart upload that was neither completed nor aborted."""

    key: str
    upload_id: str
    age_seconds: float


def files_below(root: Path, prefix: str) -> Iterator[StoredObject]:
    """The files of a folder as objects. What vanishes while we look is left out."""
    try:
        # A folder sorts as its name with the slash, as the keys in it do.
        entries = sorted(
            os.scandir(root / prefix), key=lambda e: e.name + "/" * e.is_dir(follow_symlinks=False)
        )
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        key = f"{prefix}{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            yield from files_below(root, f"{key}/")
            continue
        try:
            found = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue
        # A link to a file that came earlier has that file's times; its own is the change's.
        changed = max(found.st_mtime, found.st_ctime)
        yield StoredObject(key, found.st_size, time.time() - changed)


def keys_in(bucket: Any, prefix: str) -> Iterator[StoredObject]:
    """The objects of a bucket (S3: ListObjectsV2, which sorts by UTF-8 bytes)."""
    pages = bucket.meta.client.get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=bucket.name, Prefix=prefix):
        now = _now(page)
        for item in page.get("Contents", ()):
            age = (now - item["LastModified"]).total_seconds()
            yield StoredObject(item["Key"], item["Size"], age)


def parts_in(bucket: Any) -> Iterator[UnfinishedParts]:
    """Multipart uploads that are still open (S3: ListMultipartUploads)."""
    pages = bucket.meta.client.get_paginator("list_multipart_uploads")
    for page in pages.paginate(Bucket=bucket.name):
        now = _now(page)
        for item in page.get("Uploads", ()):
            age = (now - item["Initiated"]).total_seconds()
            yield UnfinishedParts(item["Key"], item["UploadId"], age)


def _now(page: dict[str, Any]) -> datetime:
    """The store's clock as its answer tells it: ours may be a day off."""
    told = page.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", "")
    return parsedate_to_datetime(told) if told else datetime.now(UTC)
