"""Resumable uploads: begun, found, acknowledged, terminated.

Order of things: bytes on the disk or in the store, then the row's offset, then the answer. All
but `begin` expect that the caller holds the upload's lock (resumable_files).
"""

from __future__ import annotations

import logging
import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from repository import resumable_files, uploads
from repository.catalogue import find_collection
from repository.errors import Conflict, Gone, NotFound
from repository.failpoints import around
from repository.kept_digests import RUNNING
from repository.models import ResumableUpload
from repository.names import display_file_name
from repository.object_parts import part_bytes_for
from repository.policy import require_writer, visible_to
from repository.principal import Principal
from repository.resumable_files import Appender, Mark, file_of, free_beginning
from repository.resumable_parts import abandon, send_whole_parts
from repository.storage import object_store
from repository.uploads import ProductRequest

log = logging.getLogger("rastrum.resumable")

STORE_PREFIX = "uploads/"
"""Below it the store keeps what came in parts: `uploads/<upload's id>/original`."""


def begin(
    principal: Principal, *, length: int, file_name: str, collection: str,
    request: dict[str, Any], metadata: str, is_partial: bool = False,
) -> ResumableUpload:  # fmt: skip
    """A new upload of `length` bytes, refused here if its end would be refused.

    `collection` empty: it waits to be used or, `is_partial`, to be joined with others. Raises
    NotFound, Forbidden, BadRequest, Conflict (duplicate_id), TooLarge or OutOfSpace.
    """
    require_writer(principal)
    if collection and not is_partial:
        where = find_collection(principal, collection)
        uploads.check(principal, where, ProductRequest(**request), size=length)
    else:
        uploads.check_size(length)
    row = new_row(principal, length, file_name, metadata)
    row.collection, row.request = ("", {}) if is_partial else (collection, request)
    row.is_partial = is_partial
    resumable_files.require_room(min(length, 2 * row.part_bytes) if row.key else length)
    resumable_files.make(row.pk)
    with around("resumable.begin"):
        row.save(force_insert=True)
    return ResumableUpload.objects.get(pk=row.pk)


def new_row(principal: Principal, length: int, file_name: str, metadata: str) -> ResumableUpload:
    """A row that is not in the database yet."""
    assert principal.user_id is not None, "require_writer lets no anonymous caller pass"
    upload_id = uuid.uuid4()
    in_parts = object_store().parts() is not None
    return ResumableUpload(
        id=upload_id, owner_id=principal.user_id, file_name=display_file_name(file_name),
        metadata=metadata, length=length, expires=expiry(),
        key=f"{STORE_PREFIX}{upload_id}/original" if in_parts else "",
        part_bytes=part_bytes_for(length) if in_parts else 0,
    )  # fmt: skip


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
    return list(rows.filter(is_partial=False).defer("digest", "etags")[:100])


def record(appender: Appender, mark: Mark, upload: ResumableUpload) -> None:
    """Make the bytes before `mark` durable, then commit that they are. `upload` is changed too.

    What has grown into a whole part goes to the store; the rest is synced on this disk.
    """
    send_whole_parts(upload, appender.descriptor, mark.offset)
    appender.sync()
    acknowledge(upload.pk, mark.offset, mark.digest, upload.etags)
    upload.received, upload.digest = mark.offset, mark.digest
    # For the answer; what counts is the row's, by the database's clock.
    upload.expires = timezone.now() + timedelta(seconds=settings.UPLOAD_KEEP_SECONDS)
    free_beginning(file_of(upload.pk), len(upload.etags) * upload.part_bytes)


def acknowledge(
    upload_id: uuid.UUID, offset: int, digest: bytes = b"", etags: list[str] | None = None
) -> None:
    """Commit that the first `offset` bytes are safe. Raises NotFound for a removed row."""
    with around("resumable.acknowledge"):
        changed = ResumableUpload.objects.filter(pk=upload_id, job=None).update(
            received=offset, digest=digest, etags=etags or [], expires=expiry(), updated=Now()
        )
    if not changed:
        raise NotFound("This upload was removed meanwhile.")


def terminate(upload: ResumableUpload) -> None:
    """Forget an upload and its bytes; a job that took it over goes on. Raises Conflict
    `upload_used` for a piece that another upload is joined from."""
    if upload.part_of_id is not None:
        raise _belongs_to_another()
    forget(upload)


def forget(upload: ResumableUpload) -> None:
    """Remove row and bytes, those of its pieces too. The bytes go first: what is left behind by
    a kill is still named by its row. Raises Conflict `upload_used` for a piece that was joined
    into another upload since `upload` was read."""
    _claim(upload)
    for piece in upload.pieces.all():
        forget(piece)
    if upload.job_id is None:
        abandon(upload)
    with around("resumable.forget"):
        ResumableUpload.objects.filter(pk=upload.pk).delete()
    resumable_files.remove(upload.pk)
    RUNNING.forget(upload.pk)


def _claim(upload: ResumableUpload) -> None:
    """Let the upload expire before its bytes go: a join takes the pieces' rows alone, not the
    locks of their files, and must not find one that is half removed."""
    rows = ResumableUpload.objects.filter(pk=upload.pk)
    with around("resumable.claim"):
        unchanged = rows.filter(part_of_id=upload.part_of_id)
        claimed = unchanged.update(expires=F("created"))
    if not claimed and rows.exists():
        raise _belongs_to_another()


def _belongs_to_another() -> Conflict:
    return Conflict("This piece belongs to another upload.", code="upload_used",
                    hint="Remove that one.")  # fmt: skip


def expiry() -> Any:
    """When an upload expires that gets a byte now, by the database's clock."""
    return Now() + timedelta(seconds=settings.UPLOAD_KEEP_SECONDS)
