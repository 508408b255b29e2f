from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from repository.errors import Rejected
from repository.fetching.addresses import AddressRefused
from repository.fetching.buckets import Bucket, ObjectSource, find_bucket
from repository.fetching.dialling import Interrupted
from repository.fetching.download import Downloaded, Limits, Part, download

CONTENT = hashlib.sha256(b"seed").digest() * 100_000  # 3.2 MB
NAMED = [
    Bucket("maps", prefix="open/"), Bucket("maps", prefix="shared/"), Bucket("all"),
    Bucket("half", prefix="data"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("address", "bucket", "key"),
    [
        ("s3://maps/open/a.tif", NAMED[0], "open/a.tif"),
        ("s3://maps/shared/a b?c#d.tif", NAMED[1], "shared/a b?c#d.tif"),
        ("s3://all/a.tif", NAMED[2], "a.tif"),
        ("s3://half/data/a.tif", NAMED[3], "data/a.tif"),
    ],
)
def test_an_address_leads_to_a_bucket_that_the_operator_named(
    address: str, bucket: Bucket, key: str
) -> None:
    assert find_bucket(address, NAMED) == (bucket, key)


@pytest.mark.parametrize(
    "address",
    ["s3://other/a.tif", "s3://maps/a.tif", "s3://maps/opened/a.tif", "s3://maps",
     "s3://half/data-secret/a.tif", "s3://half/data", "s3://half/data.tif", "s3://all/",
     "s3:///a.tif", "S3://all/a.tif", "s3://user:pw@all/a.tif", "s3://all//a.tif", "s3://ALL/a.tif",
     "s3://127.0.0.1:80/a.tif", "s3://all/a\n.tif", "https://all/a.tif", ""],
)  # fmt: skip
def test_every_other_bucket_is_refused(address: str) -> None:
    with pytest.raises(AddressRefused):
        find_bucket(address, NAMED)


@pytest.fixture(scope="module")
def bucket(object_store: Any) -> Bucket:
    object_store.make_bucket("sources")
    return Bucket("sources", endpoint=object_store.endpoint, access_key=object_store.access_key,
                  secret_key=object_store.secret_key)  # fmt: skip


def put(bucket: Bucket, content: bytes, key: str = "a/dem.tif") -> None:
    bucket.client.put_object(Bucket=bucket.name, Key=key, Body=content)


def fetch(source: Any, folder: Path, **limits: Any) -> Downloaded:
    chosen = Limits(**({"max_bytes": 10**8, "tries": 3, "wait_seconds": 0.01} | limits))
    return download(source, folder / "file", chosen, lambda received, size: None)


class Breaking(ObjectSource):
    """Breaks each of the first answers off after a megabyte; says what was asked for."""

    def __init__(self, *arguments: Any, breaks: int) -> None:
        super().__init__(*arguments)
        self.breaks, self.starts = breaks, list[int]()

    @contextmanager
    def open(self, start: int, validator: str) -> Iterator[Part]:
        self.starts.append(start)
        with super().open(start, validator) as part:
            if self.breaks:
                self.breaks -= 1
                part = Part(part.start, part.size, part.validator, part.file_name,
                            self._broken(part.chunks))  # fmt: skip
            yield part

    def _broken(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        yield next(chunks)
        raise Interrupted("The line broke.")


def test_an_object_comes_with_its_name_and_checksums(bucket: Bucket, tmp_path: Path) -> None:
    put(bucket, CONTENT)
    got = fetch(ObjectSource(bucket, "a/dem.tif"), tmp_path)
    assert (got.file_name, got.size) == ("dem.tif", len(CONTENT))
    assert got.sha256 == hashlib.sha256(CONTENT).hexdigest()


def test_a_broken_object_goes_on_where_it_broke(bucket: Bucket, tmp_path: Path) -> None:
    put(bucket, CONTENT)
    source = Breaking(bucket, "a/dem.tif", breaks=2)
    assert fetch(source, tmp_path).sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert source.starts == [0, 2**20, 2 * 2**20]


def test_an_object_that_changed_meanwhile_is_not_mixed(bucket: Bucket, tmp_path: Path) -> None:
    other = CONTENT[::-1]

    class Changing(Breaking):
        def _broken(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
            yield next(chunks)
            put(bucket, other)
            raise Interrupted("The line broke.")

    put(bucket, CONTENT)
    got = fetch(Changing(bucket, "a/dem.tif", breaks=1), tmp_path)
    assert got.sha256 == hashlib.sha256(other).hexdigest()


def test_an_absent_object_is_told(bucket: Bucket, tmp_path: Path) -> None:
    with pytest.raises(Rejected) as refused:
        fetch(ObjectSource(bucket, "absent.tif"), tmp_path)
    assert refused.value.code == "import_not_found"


def test_an_object_above_the_limit_is_refused(bucket: Bucket, tmp_path: Path) -> None:
    put(bucket, CONTENT)
    with pytest.raises(Rejected) as refused:
        fetch(ObjectSource(bucket, "a/dem.tif"), tmp_path, max_bytes=1000)
    assert refused.value.code == "import_too_large"


def test_wrong_keys_are_no_secret_of_the_message(bucket: Bucket, tmp_path: Path) -> None:
    put(bucket, CONTENT)
    wrong = Bucket(bucket.name, endpoint=bucket.endpoint, access_key="x", secret_key="hidden")
    with pytest.raises(Rejected) as refused:
        fetch(ObjectSource(wrong, "a/dem.tif"), tmp_path)
    assert refused.value.code == "import_forbidden"
    assert "hidden" not in str(refused.value)


def test_a_store_that_is_away_may_come_back(tmp_path: Path) -> None:
    away = Bucket("sources", endpoint="http://127.0.0.1:9", access_key="x", secret_key="y")
    with pytest.raises(Interrupted):
        fetch(ObjectSource(away, "a/dem.tif"), tmp_path, tries=1)
