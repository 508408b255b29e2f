"""A drop box that is a prefix of a bucket: `{prefix}/{collection}/{file}` and `…/{set}/{file}`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from repository.dropbox.box import (
    Entry,
    Item,
    free_name,
    is_item,
    item_of,
    set_files,
    split_place,
)
from repository.errors import StepFailed
from repository.failpoints import around
from repository.fetching.buckets import Bucket, ObjectSource

NOT_FOUND = 404
LONGEST_NAME = 900
"""Characters of a key's last part that is still noted; keys have 1,024 bytes."""


class BucketBox:
    """See box.Box. Moving is a copy in the store, then a deletion."""

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket
        self.root = bucket.folder

    def collections(self) -> list[str]:
        """See box.Box."""
        return [entry.name for entry in self._entries(self.root) if entry.kind == "folder"]

    def items(self, collection: str) -> list[Item]:
        """See box.Box."""
        folder = f"{self.root}{collection}/"
        return [
            item_of(collection, entry, self._members(folder, entry))
            for entry in self._entries(folder)
            if is_item(entry)
        ]

    def find(self, place: str) -> Item | None:
        """See box.Box."""
        collection, name = split_place(place)
        folder = f"{self.root}{collection}/"
        for entry in self._entries(folder, beginning=name):
            if entry.name == name:
                return item_of(collection, entry, self._members(folder, entry))
        return None

    def sources(self, place: str) -> Sequence[ObjectSource]:
        """See box.Box."""
        return [ObjectSource(self.bucket, key) for key in self._keys(place)]

    def settle(self, item: Item, outcome: str, mark: str, note: str) -> None:
        """See box.Box. Nothing happens to an item that was changed since it was looked at."""
        if self.find(item.place) != item:
            return
        collection, name = split_place(item.place)
        folder = f"{self.root}{collection}/"
        target = f"{folder}{outcome}/"
        with around("dropbox.settle"), _told(self.bucket):
            taken = any(e.name == name for e in self._entries(target, beginning=name))
            kept = free_name(name, mark) if taken else name
            if note:
                self.bucket.client.put_object(
                    Bucket=self.bucket.name, Key=f"{target}{kept[:LONGEST_NAME]}.txt",
                    Body=note.encode(), ContentType="text/plain; charset=utf-8",
                )  # fmt: skip
            for key in self._all_keys(item.place):
                self._move(key, f"{target}{kept}{key.removeprefix(f'{folder}{name}')}")

    def _move(self, key: str, target: str) -> None:
        source = {"Bucket": self.bucket.name, "Key": key}
        self.bucket.client.copy(source, self.bucket.name, target)  # in parts above 5 GB
        self.bucket.client.delete_object(Bucket=self.bucket.name, Key=key)

    def _keys(self, place: str) -> list[str]:
        """Keys of an item's files, by name."""
        collection, name = split_place(place)
        folder = f"{self.root}{collection}/"
        for entry in self._entries(folder, beginning=name):
            if entry.name == name and entry.kind == "folder":
                members = set_files(self._members(folder, entry))
                return [f"{folder}{name}/{member.name}" for member in members]
        return [f"{folder}{name}"]

    def _all_keys(self, place: str) -> list[str]:
        """Keys of everything that an item holds, hidden and nested files too."""
        collection, name = split_place(place)
        key = f"{self.root}{collection}/{name}"
        pages = self.bucket.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket.name, Prefix=key
        )
        found = (row["Key"] for page in pages for row in page.get("Contents", []))
        return [found_key for found_key in found if found_key in (key,) or
                found_key.startswith(f"{key}/")]  # fmt: skip

    def _members(self, folder: str, entry: Entry) -> list[Entry]:
        return self._entries(f"{folder}{entry.name}/") if entry.kind == "folder" else []

    def _entries(self, folder: str, *, beginning: str = "") -> list[Entry]:
        """What lies directly below a prefix that ends with "/", by name."""
        with _told(self.bucket):
            pages = self.bucket.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket.name, Prefix=f"{folder}{beginning}", Delimiter="/"
            )
            return sorted(_listed(pages, folder), key=lambda entry: entry.name)


def _listed(pages: Any, folder: str) -> Iterator[Entry]:
    for page in pages:
        for row in page.get("Contents", []):
            name = row["Key"].removeprefix(folder)
            if name:  # some clients make an empty object for a folder
                facts = f"{row['Size']} {row['LastModified'].isoformat()} {row['ETag']}"
                yield Entry(name, facts, "file")
        for row in page.get("CommonPrefixes", []):
            if name := row["Prefix"].removeprefix(folder).rstrip("/"):
                yield Entry(name, "", "folder")


@contextmanager
def _told(bucket: Bucket) -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise StepFailed(f"The bucket {bucket.name} of the drop box does not answer: {error}",
                         code="import_unavailable") from error  # fmt: skip
