from __future__ import annotations

import hashlib
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from repository.errors import OutOfSpace, Unavailable
from repository.object_parts import (
    LEAST_PART_BYTES,
    MOST_PARTS,
    NoSuchMultipart,
    ObjectParts,
    part_bytes_for,
)


class Store:
    """An S3 client that answers one call as it is told."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer
        self.object_bytes: int | None = None
        self.is_away = False

    def __getattr__(self, name: str) -> Any:
        def call(**_: Any) -> Any:
            if isinstance(self._answer, Exception):
                raise self._answer
            return self._answer

        return call

    def head_object(self, **_: Any) -> Any:
        if self.is_away:
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1")
        if self.object_bytes is None:
            raise refused("404", 404)
        return {"ContentLength": self.object_bytes}


def refused(code: str, status: int = 400) -> ClientError:
    answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "UploadPart")


@pytest.mark.parametrize("length", [1, 10**6, 10**9, 33 * 10**9, 100 * 2**30, 5 * 10**12])
def test_an_object_of_any_size_has_few_parts_of_whole_mebibytes(length: int) -> None:
    part = part_bytes_for(length)
    assert part >= LEAST_PART_BYTES
    assert part % 2**20 == 0
    assert -(-length // part) <= MOST_PARTS


def test_a_part_is_believed_when_its_etag_is_its_md5() -> None:
    md5 = hashlib.md5(b"bytes").hexdigest()
    assert ObjectParts(Store({"ETag": f'"{md5}"'}), "b").put("k", "m", 1, b"bytes") == md5


def test_a_part_that_came_as_another_is_not_confirmed() -> None:
    with pytest.raises(Unavailable):
        ObjectParts(Store({"ETag": '"0"'}), "b").put("k", "m", 1, b"bytes")


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (refused("QuotaExceeded", 403), OutOfSpace),
        (refused("Whatever", 507), OutOfSpace),
        (refused("SlowDown", 503), Unavailable),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1"), Unavailable),
        (refused("NoSuchUpload", 404), NoSuchMultipart),
    ],
)
def test_the_stores_errors_become_ours(error: Exception, ours: type[Exception]) -> None:
    with pytest.raises(ours):
        ObjectParts(Store(error), "b").put("k", "m", 1, b"bytes")


def test_an_object_whose_last_answer_was_lost_is_finished() -> None:
    store = Store(refused("NoSuchUpload", 404))
    with pytest.raises(NoSuchMultipart):
        ObjectParts(store, "b").finish("k", "m", ["0"])
    store.object_bytes = 5
    ObjectParts(store, "b").finish("k", "m", ["0"])


def test_an_object_is_as_long_as_the_store_says_or_absent() -> None:
    store = Store(None)
    assert ObjectParts(store, "b").size("k") is None
    store.object_bytes = 5
    assert ObjectParts(store, "b").size("k") == 5


def test_a_store_that_is_away_does_not_tell_how_long_an_object_is() -> None:
    store = Store(None)
    store.is_away = True
    with pytest.raises(Unavailable) as away:
        ObjectParts(store, "b").size("k")
    assert away.value.code == "store_unavailable"


def test_parts_that_are_gone_are_given_up_already() -> None:
    ObjectParts(Store(refused("NoSuchUpload", 404)), "b").abort("k", "m")
