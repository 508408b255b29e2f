"""Uploads joined from pieces that came in parallel (tus 1.0.0, concatenation).

A piece belongs to one whole alone. So its bytes are moved rather than copied: what has become
part of the whole, durably, is given back to the disk at once, and a file system that can share
blocks copies nothing (copy_file_range(2)).
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator, Sequence
from typing import Any, cast
from uuid import UUID

from django.db.models.functions import Now

from repository import resumable, resumable_files, uploads
from repository.catalogue import find_collection
from repository.errors import BadRequest, Conflict, NotFound
from repository.failpoints import around
from repository.models import ResumableUpload
from repository.policy import require_writer, visible_to
from repository.principal import Principal
from repository.resumable_files import Appender, LockedFile, file_of, free_beginning, lost
from repository.resumable_parts import abandon, store_whole
from repository.storage import object_store
from repository.transactions import commit
from repository.uploads import ProductRequest

STEP_BYTES = 64 * 2**20
MOST_PIECES = 100


def begin_joined(
    principal: Principal, pieces: Sequence[str], *, file_name: str, collection: str,
    request: dict[str, Any], metadata: str,
) -> ResumableUpload:  # fmt: skip
    """A new upload of the caller's whole pieces, in this order; the same one when asked again.

    Raises what `resumable.begin` raises, NotFound where a piece is gone, and Conflict
    `upload_incomplete` or `upload_used`.
    """
    require_writer(principal)
    keys = [resumable.find(principal, piece).pk for piece in pieces]
    if not 1 <= len(set(keys)) == len(keys) <= MOST_PIECES:
        raise BadRequest(f"Name from 1 to {MOST_PIECES} pieces, each once.", code="invalid_header")
    with commit("resumable.join"):
        # Looked at again under lock: one that is being removed has expired (resumable.forget).
        living = ResumableUpload.objects.filter(pk__in=keys, expires__gt=Now())
        known = visible_to(principal, living)
        rows = {row.pk: row for row in known.select_for_update().order_by("pk")}
        if len(rows) != len(keys):
            raise NotFound("A piece was removed meanwhile.", hint="Send it again.")
        ordered = [rows[key] for key in keys]
        if (earlier := _earlier(ordered, keys)) is not None:
            return earlier
        for piece in ordered:
            _require_free(piece)
        length = sum(piece.length for piece in ordered)
        if collection:
            where = find_collection(principal, collection)
            uploads.check(principal, where, ProductRequest(**request), size=length)
        else:
            uploads.check_size(length)
        row = resumable.new_row(principal, length, file_name, metadata)
        row.collection, row.request = collection, request
        row.made_of = [str(key) for key in keys]
        resumable_files.make(row.pk)
        row.save(force_insert=True)
        ResumableUpload.objects.filter(pk__in=keys).update(part_of=row)
    return ResumableUpload.objects.get(pk=row.pk)


def _earlier(pieces: Sequence[ResumableUpload], keys: Sequence[UUID]) -> ResumableUpload | None:
    """What these pieces were joined into already: its answer was lost."""
    whole = pieces[0].part_of
    return whole if whole and whole.made_of == [str(key) for key in keys] else None


def _require_free(piece: ResumableUpload) -> None:
    if not piece.is_partial or piece.part_of_id is not None or piece.job_id is not None:
        raise Conflict(f"{piece.file_name} is no piece that is free to be joined.",
                       code="upload_used",
                       hint="Send the pieces with Upload-Concat: partial.")  # fmt: skip
    if not piece.is_whole:
        raise Conflict(
            f"A piece has {piece.received:,} of {piece.length:,} bytes.",
            code="upload_incomplete", hint="Send the rest first.",
        )  # fmt: skip


def join(upload: ResumableUpload, file: LockedFile, deadline: float) -> None:
    """Move bytes of the pieces until all are there or the time is over. Raises Gone where a piece
    lost its bytes, OutOfSpace or Unavailable; asked again it goes on."""
    rows = {str(row.pk): row for row in upload.pieces.all()}
    if len(rows) != len(upload.made_of):
        raise lost()
    pieces = [rows[key] for key in upload.made_of]
    appender = Appender(file, upload)
    start = 0
    for piece in pieces:
        if appender.offset < start + piece.length and piece.key and not piece.is_stored:
            with LockedFile(piece.pk):
                store_whole(piece)
        while appender.offset < start + piece.length:
            if time.monotonic() > deadline:
                return
            inside = appender.offset - start
            _add(appender, piece, inside, min(STEP_BYTES, piece.length - inside))
            resumable.record(appender, appender.mark(), upload)
            free_beginning(file_of(piece.pk), appender.offset - start)
        start += piece.length
        if piece.key or file_of(piece.pk).exists():
            _release(piece)
    appender.keep_digest()


def _add(appender: Appender, piece: ResumableUpload, start: int, count: int) -> None:
    if not piece.key:
        appender.copy(file_of(piece.pk), start, count)
        return
    blocks = cast(Generator[bytes], object_store().read_range(piece.key, start, count))
    with contextlib.closing(blocks):
        for block in blocks:
            appender.write(block)


def _release(piece: ResumableUpload) -> None:
    """The bytes are part of the whole now; the row stays, for clients that ask."""
    abandon(piece)
    with around("resumable.release"):
        ResumableUpload.objects.filter(pk=piece.pk).update(is_stored=False, key="")
    resumable_files.remove(piece.pk)
