"""The end of a resumable upload: its bytes are where they stay and hashed, and a job is made.

Nothing here takes longer than it is given: what is left of a hundred gigabytes (to be joined, or
to be hashed again where no digest was kept) is done by the requests and sweeps that follow. The
bytes themselves are safe since their offset was answered.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator, Iterator, Sequence
from typing import cast

from django.db.models.functions import Now

from repository import uploads
from repository.catalogue import find_collection
from repository.errors import Conflict, Unavailable
from repository.kept_digests import RUNNING, digest_of
from repository.models import Collection, Job, ResumableUpload
from repository.principal import Principal
from repository.resumable import expiry
from repository.resumable_files import LockedFile, blocks_of, file_of, lost, remove
from repository.resumable_joining import join
from repository.resumable_parts import store_whole
from repository.storage import object_store
from repository.uploads import ProductRequest, ReceivedFile

WORK_SECONDS = 2.0
"""What one request may spend on the end of a large upload."""


def finish(
    principal: Principal, upload: ResumableUpload, file: LockedFile, *, seconds: float | None = None
) -> Job | None:
    """The job of a whole upload, the same one however often it is asked for.

    None where the upload names no collection and so waits to be used, and where there is more to
    do than fits into `seconds`. Raises what `uploads.accept` raises; the bytes are then kept for
    another try.
    """
    if upload.job_id is not None:
        return upload.job
    if not make_ready(upload, file, seconds) or not upload.collection:
        return None
    where = find_collection(principal, upload.collection)
    return use(principal, [(upload, file)], where, ProductRequest(**upload.request))


def use(
    principal: Principal, chosen: Sequence[tuple[ResumableUpload, LockedFile]],
    collection: Collection, request: ProductRequest,
) -> Job:  # fmt: skip
    """Turn whole uploads into one job, all of them or none.

    Raises Conflict `upload_incomplete`, `upload_is_partial` or `upload_used`, Unavailable
    `upload_being_checked` where there is more to do than fits into one request.
    """
    rows = [upload for upload, _ in chosen]
    if all(upload.job_id is not None for upload in rows):
        return _common_job(rows, collection)
    for upload, file in chosen:
        _require_whole(upload)
        if not make_ready(upload, file):
            raise Unavailable(f"{upload.file_name} has arrived and is being checked.",
                              code="upload_being_checked",
                              hint="Ask again in some seconds.")  # fmt: skip
    job = uploads.accept(
        principal, collection, [_received(upload) for upload in rows], request,
        in_same_commit=lambda job: _settle(rows, job),
    )  # fmt: skip
    for upload in rows:
        remove(upload.pk)
        RUNNING.forget(upload.pk)
    return job


def make_ready(upload: ResumableUpload, file: LockedFile, seconds: float | None = None) -> bool:
    """Whether the upload is whole, where it stays, and hashed; works on that for `seconds`."""
    deadline = time.monotonic() + (WORK_SECONDS if seconds is None else seconds)
    if upload.made_of and not upload.is_whole:
        join(upload, file, deadline)
    if not upload.is_whole:
        return False
    if upload.key and not upload.is_stored:
        store_whole(upload)
    return upload.is_partial or _hash(upload, deadline)


def _hash(upload: ResumableUpload, deadline: float) -> bool:
    """Whether the digest is that of the whole. Raises Gone where the bytes end before."""
    digest = digest_of(upload)
    if digest.offset < upload.length:
        with contextlib.closing(_blocks(upload, digest.offset)) as blocks:
            for block in blocks:
                digest.update(block)
                if time.monotonic() > deadline:
                    break
            else:
                if digest.offset < upload.length:
                    raise lost()
        ResumableUpload.objects.filter(pk=upload.pk).update(digest=digest.state(), updated=Now())
        upload.digest = digest.state()
    RUNNING.keep(upload.pk, digest)
    return digest.offset == upload.length


def _blocks(upload: ResumableUpload, start: int) -> Generator[bytes]:
    blocks: Iterator[bytes] = (
        object_store().read_range(upload.key, start, upload.length - start)
        if upload.is_stored
        else blocks_of(file_of(upload.pk), start, upload.length)
    )
    return cast(Generator[bytes], blocks)


def _received(upload: ResumableUpload) -> ReceivedFile:
    """Raises Gone where the bytes are not there any more."""
    path = file_of(upload.pk)
    is_here = path.is_file() and path.stat().st_size == upload.length
    digest = digest_of(upload)
    RUNNING.keep(upload.pk, digest)
    if (not upload.is_stored and not is_here) or digest.offset != upload.length:
        raise lost()
    sha256, md5 = digest.hexdigests()
    return ReceivedFile(path, upload.file_name, sha256, md5,
                        stored_key=upload.key, stored_bytes=upload.length)  # fmt: skip


def _require_whole(upload: ResumableUpload) -> None:
    if upload.is_partial:
        raise Conflict(f"{upload.file_name} is a piece of an upload.", code="upload_is_partial",
                       hint="Join the pieces first (Upload-Concat: final).")  # fmt: skip
    if upload.job_id is not None:
        raise Conflict(f"{upload.file_name} was used for another map.", code="upload_used")
    if not upload.is_whole and not upload.made_of:
        raise Conflict(
            f"{upload.file_name}: {upload.received:,} of {upload.length:,} bytes have arrived.",
            code="upload_incomplete", hint="Send the rest first.",
        )  # fmt: skip


def _common_job(rows: Sequence[ResumableUpload], collection: Collection) -> Job:
    job = rows[0].job
    assert job is not None, "every row has one"
    if any(upload.job_id != job.pk for upload in rows) or job.collection_id != collection.pk:
        raise Conflict(f"{rows[0].file_name} was used for another map.", code="upload_used")
    return job


def _settle(rows: Sequence[ResumableUpload], job: Job) -> None:
    """In the commit that makes the job, so that no second one can be made of these bytes."""
    changed = ResumableUpload.objects.filter(pk__in=[row.pk for row in rows], job=None).update(
        job=job, expires=expiry(), updated=Now()
    )
    if changed != len(rows):
        raise Conflict("This upload was used or removed meanwhile.", code="upload_used")
    for upload in rows:
        upload.job = job
