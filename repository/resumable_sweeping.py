"""Housekeeping of resumable uploads: expired ones go, whole ones of clients that left are ended."""

from __future__ import annotations

import logging
import time
import uuid
from datetime import UTC, datetime, timedelta

from django.db.models import F, Q
from django.db.models.functions import Now

from repository import resumable, resumable_files
from repository.authentication import principal_of_user
from repository.errors import Locked, RastrumError
from repository.models import ResumableUpload
from repository.resumable_ending import finish
from repository.resumable_files import LockedFile, file_of
from repository.storage import object_store

log = logging.getLogger("rastrum.resumable")

ORPHAN_SECONDS = 3600
"""A file without a row is left alone for so long: its row may be about to be written."""
SWEPT_AT_ONCE = 1000
QUIET = timedelta(seconds=30)
"""An upload whose client asked within that time is left to it."""
ENDING_SECONDS = 10.0
"""What one sweep spends on ends that nobody asks for."""
PARTS_GRACE = timedelta(hours=24)
PARTS_LOOKED_AFTER_SECONDS = 3600.0
_parts_looked_after = -PARTS_LOOKED_AFTER_SECONDS


def sweep() -> int:
    """Remove expired uploads, and files whose upload is over or was never begun; how many."""
    expired = ResumableUpload.objects.filter(expires__lt=Now()).exclude(
        # A piece lives as long as what it is joined into.
        part_of__expires__gt=Now()
    )[:SWEPT_AT_ONCE]
    removed = sum(_expire(upload) for upload in expired)
    removed += len(remove_orphans(ORPHAN_SECONDS))
    if removed:
        log.info("removed %d uploads that were given up", removed)
    end_what_is_whole()
    give_up_lost_parts()
    return removed


def end_what_is_whole() -> int:
    """Make the jobs of uploads that are whole and whose clients do not ask any more; how many."""
    deadline = time.monotonic() + ENDING_SECONDS
    waiting = ResumableUpload.objects.filter(
        Q(received=F("length")) | ~Q(made_of=[]), job=None, is_partial=False,
        updated__lt=Now() - QUIET, expires__gt=Now(), owner__is_active=True,
    ).exclude(collection="").select_related("owner").order_by("updated")  # fmt: skip
    made = 0
    for upload in waiting[:SWEPT_AT_ONCE]:
        if (left := deadline - time.monotonic()) <= 0:
            break
        made += _end(upload, left)
        # Whatever became of it: one that always fails must not stay the first of the queue.
        ResumableUpload.objects.filter(pk=upload.pk).update(updated=Now())
    return made


def _end(upload: ResumableUpload, seconds: float) -> bool:
    """Whether the upload has got its job now."""
    try:
        with LockedFile(upload.pk, seconds=0) as file:
            upload.refresh_from_db()
            if upload.job_id is not None:
                return False
            job = finish(principal_of_user(upload.owner), upload, file, seconds=seconds)
            return job is not None
    except (Locked, ResumableUpload.DoesNotExist):
        pass  # its client is back, or it was removed
    except RastrumError as error:  # such as an id that was taken: its owner is told by HEAD
        log.info("upload %s waits for its owner: %s", upload.pk, error.detail)
    except Exception:  # a fault that one upload has must not hold up all the others
        log.exception("upload %s cannot be ended; a later round tries again", upload.pk)
    return False


def give_up_lost_parts() -> int:
    """Abort what a killed server began in the store and could not write into a row; how many."""
    global _parts_looked_after
    store = object_store().parts()
    if store is None or time.monotonic() - _parts_looked_after < PARTS_LOOKED_AFTER_SECONDS:
        return 0
    _parts_looked_after = time.monotonic()
    oldest, aborted = datetime.now(UTC) - PARTS_GRACE, 0
    for key, multipart, began in store.unfinished(resumable.STORE_PREFIX):
        known = ResumableUpload.objects.filter(key=key, multipart=multipart).exists()
        if began < oldest and not known:
            store.abort(key, multipart)
            aborted += 1
    return aborted


def _expire(upload: ResumableUpload) -> int:
    try:
        with LockedFile(upload.pk, seconds=0):
            # Asked again under the lock: bytes may have come meanwhile.
            row = ResumableUpload.objects.filter(pk=upload.pk, expires__lt=Now()).first()
            if row is None:
                return 0
            resumable.forget(row)
            return 1
    except Locked:
        return 0
    except (RastrumError, OSError) as error:  # a store that is away must not lose track of parts
        log.warning("upload %s cannot be removed now: %s", upload.pk, error)
        return 0


def _names() -> list[uuid.UUID]:
    found = resumable_files.folder().glob("????????-????-????-????-????????????")
    return [uuid.UUID(path.name) for path in found]


def remove_orphans(older_than: float, *, rehearse: bool = False) -> list[str]:
    """Remove files older than so many seconds whose upload is over or was never begun."""
    return [
        f"{resumable_files.folder().name}/{name}"
        for name in _names()
        if _remove_if_orphan(name, older_than, rehearse)
    ]


def _remove_if_orphan(upload_id: uuid.UUID, older_than: float, rehearse: bool) -> bool:
    """A process was killed between file and row, or between the job's commit and the removal."""
    path = file_of(upload_id)
    try:
        if path.stat().st_mtime > time.time() - older_than:
            return False
        with LockedFile(upload_id, seconds=0):
            if ResumableUpload.objects.filter(pk=upload_id, job=None).exists():
                return False
            if not rehearse:
                resumable_files.remove(upload_id)
            return True
    except (FileNotFoundError, Locked):
        return False
