"""Buckets that the operator names: the only ones that an s3:// address may lead to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from repository.errors import Rejected
from repository.fetching.addresses import MAX_ADDRESS, AddressRefused
from repository.fetching.dialling import CONNECT_SECONDS, Interrupted
from repository.fetching.download import Part
from repository.fetching.https import IDLE_SECONDS, READ_BYTES
from repository.fetching.names import name_of

_ADDRESS = re.compile(r"s3://([a-z0-9][a-z0-9._-]{1,62})/([^/].*)", re.ASCII)
ABSENT = ("404", "NoSuchKey", "NoSuchBucket", "NotFound")
CHANGED = ("412", "PreconditionFailed", "416", "InvalidRange")


@dataclass(frozen=True)
class Bucket:
    """A bucket, or the keys of one below a prefix, and how it is reached."""

    name: str
    prefix: str = ""
    endpoint: str | None = None
    region: str = "us-east-1"
    access_key: str | None = None
    secret_key: str | None = None
    addressing_style: str = "path"

    @property
    def folder(self) -> str:
        """The prefix as a folder, which ends in "/": `data` does not name `data-secret/`."""
        return f"{self.prefix.rstrip('/')}/" if self.prefix else ""

    @cached_property
    def client(self) -> Any:
        """A boto3 client that asks no proxy, tries little by itself and waits a bounded time."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            config=Config(
                s3={"addressing_style": self.addressing_style},
                signature_version="s3v4",
                proxies={},
                connect_timeout=CONNECT_SECONDS,
                read_timeout=IDLE_SECONDS,
                retries={"max_attempts": 2},
                response_checksum_validation="when_required",
            ),
        )


def find_bucket(address: str, buckets: Iterable[Bucket]) -> tuple[Bucket, str]:
    """The named bucket that holds `s3://bucket/key`, and the key. Raises AddressRefused."""
    found = _ADDRESS.fullmatch(address) if address.isprintable() else None
    if found is None or len(address) > MAX_ADDRESS:
        raise AddressRefused("This is no address of an object.", hint="s3://bucket/folder/file.tif")
    name, key = found[1], found[2]
    for bucket in buckets:
        if bucket.name == name and key.startswith(bucket.folder):
            return bucket, key
    raise AddressRefused(
        f"The operator has not named s3://{name} as a source, or not this part of it.",
        hint="Ask the operator to add it to IMPORT_S3_SOURCES.",
    )


class ObjectSource:
    """One object of a bucket, as `download` reads it."""

    def __init__(self, bucket: Bucket, key: str) -> None:
        self.bucket, self.key = bucket, key

    @contextmanager
    def open(self, start: int, validator: str) -> Iterator[Part]:
        """See download.Source. The ETag goes along, so that no two versions are mixed."""
        only = {"Range": f"bytes={start}-", "IfMatch": validator} if start and validator else {}
        answer = self._get(only)
        begins = start if only else 0
        with closing(answer["Body"]) as body:
            yield Part(
                begins, begins + int(answer["ContentLength"]), answer.get("ETag", ""),
                name_of(self.key), self._chunks(body),
            )  # fmt: skip

    def _get(self, only: dict[str, str]) -> dict[str, Any]:
        try:
            return self.bucket.client.get_object(Bucket=self.bucket.name, Key=self.key, **only)
        except ClientError as error:
            raise self._meaning(error) from error
        except BotoCoreError as error:
            raise self._interrupted("does not answer") from error

    def _chunks(self, body: Any) -> Iterator[bytes]:
        try:
            yield from body.iter_chunks(READ_BYTES)
        except (BotoCoreError, HTTPError, OSError) as error:
            raise self._interrupted("broke off") from error

    def _meaning(self, error: ClientError) -> Exception:
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))
        where = f"s3://{self.bucket.name}/{self.key}"
        if code in ABSENT or status == 404:
            return Rejected(f"There is no object {where}.", code="import_not_found",
                            hint="Check the address.")  # fmt: skip
        if code in CHANGED:
            return self._interrupted("holds another version by now", code="import_changed")
        if status in (401, 403):
            return Rejected(f"The store does not give {where} to this server.",
                            code="import_forbidden", hint="Ask the operator.")  # fmt: skip
        return self._interrupted(f"answers {status}")

    def _interrupted(self, how: str, *, code: str | None = None) -> Interrupted:
        return Interrupted(f"The store of s3://{self.bucket.name} {how}.", code=code)
