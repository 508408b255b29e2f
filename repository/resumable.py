"""Resumable uploads: begun, acknowledged, taken over by a job, ended, expired.

Order of things: bytes on the disk, then the row's offset, then the answer. All but
`begin` and `sweep` expect that the caller holds the upload's lock (resumable_files).
"""

from __future__ import annotations

import logging
import time
import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models.functions import Now

from repository import resumable_files, uploads
from repository.catalogue import find_collection
from repository.errors import Conflict, Gone, Locked, NotFound
from repository.models import Collection, Job, ResumableUpload
from repository.names import display_file_name
from repository.policy import require_writer, visible_to
from repository.principal import Principal
from repository.resumable_files import RUNNING, LockedFile, file_of
from repository.uploads import ProductRequest, ReceivedFile

log = logging.getLogger("rastrum.resumable")

ORPHAN_SECONDS = 3600
"""A file without a row is left alone for so long: its row may be about to be written."""
SWEPT_AT_ONCE = 1000


def begin(
    principal: Principal, *, length: int, file_name: str, collection: str,
    request: dict[str, Any], metadata: str,
) -> ResumableUpload:  # fmt: skip
    """A new upload of `length` bytes, refused here if its end would be refused.

    `collection` empty: it waits to be used by `use`. Raises NotFound, Forbidden,
    BadRequest, Conflict (duplicate_id), TooLarge or OutOfSpace.
    """
    require_writer(principal)
    if collection:
        where = find_collection(principal, collection)
        uploads.check(principal, where, ProductRequest(**request), size=length)
    else:
        uploads.check_size(length)
    resumable_files.require_room(length)
    upload_id = uuid.uuid4()
    resumable_files.make(upload_id)
    ResumableUpload.objects.create(
        id=upload_id, owner_id=principal.user_id, collection=collection,
        file_name=display_file_name(file_name), metadata=metadata, request=request,
        length=length, expires=_expiry(),
    )  # fmt: skip
    return ResumableUpload.objects.get(pk=upload_id)


def find(principal: Principal, upload_id: str) -> ResumableUpload:
    """The caller's upload. NotFound where it is absent or another's, Gone after its time."""
    absent = NotFound("There is no such upload, or it is not yours.")
    try:
        key = uuid.UUID(upload_id)
    except ValueError:
        raise absent from None
    rows = visible_to(principal, ResumableUpload.objects.filter(pk=key))
    row = rows.annotate(now=Now()).first()
    if row is None:
        raise absent
    if row.job_id is None and row.expires < row.now:
        raise Gone("This upload has expired.", code="upload_expired",
                   hint="Send the file again from its beginning.")  # fmt: skip
    return row


def unfinished(principal: Principal) -> list[ResumableUpload]:
    """The caller's uploads that may go on, newest first."""
    rows = visible_to(principal, ResumableUpload.objects.filter(job=None, expires__gt=Now()))
    return list(rows[:100])


def acknowledge(upload_id: uuid.UUID, offset: int) -> None:
    """Commit that the first `offset` bytes are on the disk. Raises NotFound for a removed row."""
    changed = ResumableUpload.objects.filter(pk=upload_id, job=None).update(
        received=offset, expires=_expiry(), updated=Now()
    )
    if not changed:
        raise NotFound("This upload was removed meanwhile.")


def finish(principal: Principal, upload: ResumableUpload) -> Job | None:
    """The job of a whole upload, the same one however often it is asked for.

    None where the upload names no collection and so waits to be used. Raises what
    `uploads.accept` raises; the bytes are then kept for another try.
    """
    if upload.job_id is not None or not upload.collection:
        return upload.job
    where = find_collection(principal, upload.collection)
    return use(principal, upload, where, ProductRequest(**upload.request))


def use(
    principal: Principal, upload: ResumableUpload, collection: Collection, request: ProductRequest
) -> Job:
    """Turn a whole upload into a job. Raises Conflict `upload_incomplete` or `upload_used`."""
    if upload.job is not None:
        if upload.job.collection_id == collection.id:
            return upload.job
        raise Conflict(f"{upload.file_name} was used for another map.", code="upload_used")
    if not upload.is_whole:
        raise Conflict(
            f"{upload.file_name}: {upload.received:,} of {upload.length:,} bytes have arrived.",
            code="upload_incomplete", hint="Send the rest first.",
        )  # fmt: skip
    path = file_of(upload.pk)
    if not path.is_file() or path.stat().st_size != upload.length:
        raise Gone("The bytes of this upload were lost.", code="upload_lost",
                   hint="Send the file again from its beginning.")  # fmt: skip
    sha256, md5 = RUNNING.whole(upload.pk, upload.length)
    received = ReceivedFile(path, upload.file_name, sha256, md5)
    job = uploads.accept(
        principal, collection, [received], request,
        in_same_commit=lambda job: _settle(upload, job),
    )  # fmt: skip
    path.unlink(missing_ok=True)
    RUNNING.forget(upload.pk)
    return job


def _settle(upload: ResumableUpload, job: Job) -> None:
    """In the commit that makes the job, so that no second one can be made of these bytes."""
    changed = ResumableUpload.objects.filter(pk=upload.pk, job=None).update(
        job=job, expires=_expiry(), updated=Now()
    )
    if not changed:
        raise Conflict("This upload was used or removed meanwhile.", code="upload_used")
    upload.job = job


def terminate(upload: ResumableUpload) -> None:
    """Forget an upload and its bytes; a job that took it over goes on."""
    ResumableUpload.objects.filter(pk=upload.pk).delete()
    file_of(upload.pk).unlink(missing_ok=True)
    RUNNING.forget(upload.pk)


def sweep() -> int:
    """Remove expired uploads, and files whose upload is over or was never begun; how many."""
    expired = ResumableUpload.objects.filter(expires__lt=Now())[:SWEPT_AT_ONCE]
    removed = sum(_expire(upload) for upload in expired)
    removed += sum(_remove_if_orphan(name) for name in _names())
    if removed:
        log.info("removed %d uploads that were given up", removed)
    return removed


def _expire(upload: ResumableUpload) -> int:
    try:
        with LockedFile(upload.pk, seconds=0):
            # Asked again under the lock: bytes may have come meanwhile.
            gone, _ = ResumableUpload.objects.filter(pk=upload.pk, expires__lt=Now()).delete()
            if gone:
                file_of(upload.pk).unlink(missing_ok=True)
            return gone
    except Locked:
        return 0


def _names() -> list[uuid.UUID]:
    found = resumable_files.folder().glob("????????-????-????-????-????????????")
    return [uuid.UUID(path.name) for path in found]


def _remove_if_orphan(upload_id: uuid.UUID) -> int:
    """A process was killed between file and row, or between the job's commit and the removal."""
    path = file_of(upload_id)
    try:
        if path.stat().st_mtime > time.time() - ORPHAN_SECONDS:
            return 0
        with LockedFile(upload_id, seconds=0):
            if ResumableUpload.objects.filter(pk=upload_id, job=None).exists():
                return 0
            path.unlink(missing_ok=True)
            return 1
    except (FileNotFoundError, Locked):
        return 0


def _expiry() -> Any:
    return Now() + timedelta(seconds=settings.UPLOAD_KEEP_SECONDS)
