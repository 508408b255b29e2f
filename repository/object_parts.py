"""Objects that come to an S3 store part by part (multipart upload), each part verified.

The MD5 of each part goes along and comes back as its ETag, because Ceph RGW 16.2 accepts a wrong
`x-amz-checksum-sha256` but neither a wrong Content-MD5.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from repository.errors import OutOfSpace, StepFailed, Unavailable
from repository.failpoints import around

LEAST_PART_BYTES = 16 * 2**20
"""S3 takes 5 MiB at least, but for the last part."""
MOST_PARTS = 2000
"""S3 allows 10,000; fewer keep the list in the upload's row short."""


def part_bytes_for(length: int) -> int:
    """How long the parts of an object of `length` bytes are; whole MiB."""
    mebibytes = -(-length // (MOST_PARTS * 2**20))
    return max(LEAST_PART_BYTES, mebibytes * 2**20)


class ObjectParts:
    """Multipart uploads of one bucket. All methods raise OutOfSpace or Unavailable."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def begin(self, key: str) -> str:
        """The store's name of a new multipart upload."""
        with _our_errors(), around("store.begin_parts"):
            answer = self._client.create_multipart_upload(Bucket=self._bucket, Key=key)
        return str(answer["UploadId"])

    def put(self, key: str, multipart: str, number: int, content: bytes) -> str:
        """The part's ETag, once the store has it. `number` counts from 1; a part that is there
        already is replaced."""
        digest = hashlib.md5(content, usedforsecurity=False)
        with _our_errors(), around("store.put_part"):
            answer = self._client.upload_part(
                Bucket=self._bucket, Key=key, UploadId=multipart, PartNumber=number,
                Body=content, ContentMD5=base64.b64encode(digest.digest()).decode(),
            )  # fmt: skip
        return _verified(answer, digest.hexdigest())

    def put_whole(self, key: str, content: bytes) -> None:
        """An object that is shorter than a part."""
        digest = hashlib.md5(content, usedforsecurity=False)
        with _our_errors(), around("store.put_short"):
            answer = self._client.put_object(
                Bucket=self._bucket, Key=key, Body=content,
                ContentMD5=base64.b64encode(digest.digest()).decode(),
            )  # fmt: skip
        _verified(answer, digest.hexdigest())

    def finish(self, key: str, multipart: str, etags: Sequence[str]) -> None:
        """Make the object of its parts; nothing happens where an earlier call has done it, whose
        answer was lost."""
        parts = [{"PartNumber": n, "ETag": f'"{etag}"'} for n, etag in enumerate(etags, start=1)]
        try:
            with _our_errors(), around("store.finish_parts"):
                self._client.complete_multipart_upload(
                    Bucket=self._bucket, Key=key, UploadId=multipart,
                    MultipartUpload={"Parts": parts},
                )  # fmt: skip
        except NoSuchMultipart:
            if self.size(key) is None:
                raise

    def abort(self, key: str, multipart: str) -> None:
        """Give the parts up; nothing happens where there are none."""
        try:
            with _our_errors(), around("store.abort"):
                self._client.abort_multipart_upload(
                    Bucket=self._bucket, Key=key, UploadId=multipart
                )
        except NoSuchMultipart:
            return

    def size(self, key: str) -> int | None:
        """Bytes of an object; None where there is none."""
        with _our_errors():
            try:
                answer = self._client.head_object(Bucket=self._bucket, Key=key)
            except ClientError as error:
                if _status(error) == 404:
                    return None
                raise
        return int(answer["ContentLength"])

    def unfinished(self, prefix: str) -> Iterator[tuple[str, str, datetime]]:
        """Key, name and beginning of every multipart upload below `prefix`."""
        with _our_errors():
            pages = self._client.get_paginator("list_multipart_uploads").paginate(
                Bucket=self._bucket, Prefix=prefix
            )
            for page in pages:
                for entry in page.get("Uploads", ()):
                    yield entry["Key"], entry["UploadId"], entry["Initiated"]


class NoSuchMultipart(StepFailed):
    """The store does not know these parts: they were finished or given up."""

    code = "upload_lost"


def _verified(answer: dict[str, Any], md5: str) -> str:
    etag = str(answer["ETag"]).strip('"')
    if etag != md5:
        raise Unavailable("The store has kept other bytes than were sent.",
                          code="store_unavailable", hint="Send them again.")  # fmt: skip
    return etag


@contextmanager
def _our_errors() -> Iterator[None]:
    """The store's errors as ours: all of them may pass, and what was acknowledged is kept."""
    hint = "What has arrived is kept. Go on later."
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code == "NoSuchUpload":
            raise NoSuchMultipart("The store has lost the parts of this upload.") from error
        if _status(error) == 507 or code in ("QuotaExceeded", "InsufficientCapacity"):
            raise OutOfSpace("The store has no room left.", hint=hint) from error
        raise Unavailable(f"The store refuses a part: {code or _status(error)}.",
                          code="store_unavailable", hint=hint) from error  # fmt: skip
    except BotoCoreError as error:
        raise Unavailable("The store does not answer.",
                          code="store_unavailable", hint=hint) from error  # fmt: skip


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
