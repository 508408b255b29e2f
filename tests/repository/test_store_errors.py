from __future__ import annotations

import errno

import pytest
from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from urllib3.exceptions import ProtocolError

from repository.errors import OutOfSpace, RastrumError, StepFailed, Unavailable
from repository.store_errors import told_apart


def answered(status: int, code: str) -> ClientError:
    """The store's answer as boto3 raises it."""
    return ClientError(
        {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "PutObject"
    )


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (answered(503, "SlowDown"), Unavailable, "store_unavailable"),
        (answered(500, "InternalError"), Unavailable, "store_unavailable"),
        (answered(400, "RequestTimeout"), Unavailable, "store_unavailable"),
        (answered(507, ""), OutOfSpace, "out_of_space"),
        (answered(403, "QuotaExceeded"), OutOfSpace, "out_of_space"),
        (answered(404, "NoSuchKey"), StepFailed, "object_missing"),
        (answered(403, "AccessDenied"), StepFailed, "store_failed"),
        (EndpointConnectionError(endpoint_url="x"), Unavailable, "store_unavailable"),
        (ReadTimeoutError(endpoint_url="x"), Unavailable, "store_unavailable"),
        (ProtocolError("cut"), Unavailable, "store_unavailable"),
        (ConnectionResetError(), Unavailable, "store_unavailable"),
        (OSError(errno.ENOSPC, "full"), OutOfSpace, "out_of_space"),
    ],
)
def test_each_error_of_the_store_has_its_meaning(
    error: Exception, kind: type[RastrumError], code: str
) -> None:
    with pytest.raises(kind) as told, told_apart():
        raise error
    assert told.value.code == code


def test_a_failed_transfer_means_what_the_store_answered() -> None:
    error = S3UploadFailedError("Failed to upload")
    error.__cause__ = answered(507, "")
    with pytest.raises(OutOfSpace), told_apart():
        raise error


def test_errors_of_ours_pass() -> None:
    with pytest.raises(StepFailed, match="changed"), told_apart():
        raise StepFailed("changed")
