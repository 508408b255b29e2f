"""What an S3 store's errors mean to us: away for a moment, full, or missing an object."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from boto3.exceptions import Boto3Error, RetriesExceededError, S3UploadFailedError
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from repository.errors import OutOfSpace, RastrumError, StepFailed, Unavailable

FULL = {"QuotaExceeded", "InsufficientCapacity", "InsufficientStorage"}
BUSY = {"SlowDown", "RequestTimeout", "ServiceUnavailable", "Throttling", "429"}


@contextmanager
def told_apart() -> Iterator[None]:
    """Errors of boto3 inside become Unavailable `store_unavailable`, OutOfSpace, or StepFailed
    `object_missing` or `store_failed`."""
    try:
        yield
    except ClientError as error:
        raise _of_answer(error) from error
    except S3UploadFailedError as error:
        # boto3 keeps the store's answer as what it was raised in.
        answer = error.__cause__ or error.__context__
        raise _of_answer(answer) if isinstance(answer, ClientError) else _away() from error
    except (BotoCoreError, Boto3Error, RetriesExceededError, HTTPError) as error:
        raise _away() from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OutOfSpace("The server has no room left.") from error
        raise _away() from error


def _of_answer(error: ClientError) -> RastrumError:
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in FULL or status == 507:
        return OutOfSpace("The store has no room left.", hint="Ask the operator to make room.")
    if status >= 500 or code in BUSY:
        return _away()
    if status == 404:
        hint = "Tell the operator: ./manage.py reconcile lists what is missing."
        return StepFailed("An object is missing in the store.", code="object_missing", hint=hint)
    return StepFailed(f"The store refuses: {code}.", code="store_failed")


def _away() -> Unavailable:
    return Unavailable("The store does not answer.", code="store_unavailable",
                       hint="Try again in some seconds.")  # fmt: skip
