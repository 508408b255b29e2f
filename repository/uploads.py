"""The way in, first step: an original becomes an object, an Upload and a Job, or nothing at all.

The API, the portal and `./manage.py ingest` all end in `accept`.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, InterfaceError, OperationalError, transaction

from repository import jobs, registration
from repository.errors import BadRequest, NotFound, OutOfSpace, RastrumError, TooLarge
from repository.failpoints import around
from repository.models import Collection, Job, Upload, UploadedFile
from repository.models.collection import Visibility
from repository.names import display_file_name, id_from_file_name, title_from_file_name
from repository.policy import require_contributor
from repository.principal import Principal
from repository.storage import checksums_of, object_key, object_store
from repository.times import parse_interval

log = logging.getLogger("rastrum.uploads")

MAX_FILES = 100
"""Of one product: a raster, its sidecars, and what is kept beside them."""


@dataclass(frozen=True)
class ReceivedFile:
    """A whole file on this machine's disk, under a name of ours; or in the store already."""

    path: Path
    """Not looked at where `stored_key` is given."""
    file_name: str
    """The user's name for it: text to show, never a path."""
    sha256: str = ""
    md5: str = ""
    """Empty: not known yet."""
    is_ours: bool = True
    """False: a file that its owner may change later, so that the store must copy it."""
    stored_key: str = ""
    """An object of the store that holds the bytes and that nothing else names. Its checksums are
    known, and it stays where the product cannot be made."""
    stored_bytes: int = 0

    @property
    def size(self) -> int:
        """Bytes."""
        return self.stored_bytes if self.stored_key else self.path.stat().st_size


@dataclass(frozen=True)
class ProductRequest:
    """What the uploader says of the product to be."""

    id: str = ""
    title: str = ""
    description: str = ""
    datetime: str = ""
    visibility: str = ""
    properties: dict[str, Any] = field(default_factory=dict)


def check(
    principal: Principal, collection: Collection, request: ProductRequest, *, size: int
) -> None:
    """Raise what `accept` would raise of a file of `size` bytes, as far as that shows before a
    byte of it has come."""
    require_contributor(principal, collection)
    visibility_of(collection, request)
    if request.datetime:
        parse_interval(request.datetime)
    if request.id:
        registration.check_free(collection, request.id)
    check_size(size)
    make_room_or_refuse(size)


def accept(
    principal: Principal, collection: Collection, received: Sequence[ReceivedFile],
    request: ProductRequest, *, in_same_commit: Callable[[Job], None] = lambda job: None,
) -> Job:  # fmt: skip
    """Store the originals of one product and queue its job; `in_same_commit` may write rows that
    belong to it.

    When this returns, the bytes are durable in the store and the job is committed:
    nothing that was acknowledged is lost. Raises BadRequest, Conflict (duplicate_id),
    Forbidden, TooLarge or OutOfSpace, and then leaves nothing behind.
    """
    require_contributor(principal, collection)
    visibility = visibility_of(collection, request)
    sizes = [file.size for file in received]
    check_set(received, sizes)
    request_json(request, visibility)  # its datetime is refused before gigabytes are read
    checksums = [
        (file.sha256, file.md5) if file.sha256 else checksums_of(file.path) for file in received
    ]
    product_uuid = uuid.uuid4()
    keys = [
        file.stored_key or object_key(product_uuid, sha256, "original")
        for file, (sha256, _) in zip(received, checksums, strict=True)
    ]
    new_keys = {key for file, key in zip(received, keys, strict=True) if not file.stored_key}
    user_id = principal.user_id
    assert user_id is not None, "require_contributor lets no anonymous caller pass"
    first = display_file_name(received[0].file_name)
    with (
        _objects_or_nothing(new_keys, collection),
        around("uploads.accept"),
        transaction.atomic(),
    ):
        # The id first: a duplicate is refused before gigabytes are copied.
        product = registration.reserve(
            collection, request.id or id_from_file_name(received[0].file_name),
            owner_id=user_id, exact=bool(request.id), product_uuid=product_uuid,
            title=request.title or title_from_file_name(first),
            description=request.description, visibility=visibility,
            properties=request.properties, licence=collection.licence, keywords=collection.keywords,
        )  # fmt: skip
        upload = Upload.objects.create(owner_id=user_id, file_name=first, size=sum(sizes))
        for position, (file, key) in enumerate(zip(received, keys, strict=True)):
            sha256, md5 = checksums[position]
            if key in new_keys:
                object_store().put(key, file.path, sha256, may_link=file.is_ours)
            UploadedFile.objects.create(
                upload=upload, position=position, file_name=display_file_name(file.file_name),
                key=key, size=sizes[position], sha256=sha256, md5=md5,
            )  # fmt: skip
        job = jobs.enqueue(
            upload=upload, product=product, collection=collection,
            request=request_json(request, visibility),
        )  # fmt: skip
        in_same_commit(job)
    log.info("job %s: accepted %s, %d bytes, for %s", job.id, first, sum(sizes), product.address)
    return job


def request_json(request: ProductRequest, visibility: str) -> dict[str, Any]:
    """Job.request: all that a retry needs, whose product is made anew. Raises BadRequest."""
    start, end = parse_interval(request.datetime) if request.datetime else ("", "")
    return {
        "title": request.title,
        "description": request.description,
        "datetime": start,
        "end_datetime": end,
        "visibility": visibility,
        "properties": request.properties,
    }


def check_set(received: Sequence[ReceivedFile], sizes: Sequence[int]) -> None:
    """Raise BadRequest `file_missing`, `empty_file` or `too_many_files`, TooLarge or OutOfSpace
    for the files of one product."""
    if not received:
        raise BadRequest("No file was sent.", code="file_missing", hint="Choose a file.")
    if len(received) > MAX_FILES:
        raise BadRequest(
            f"A product is made of {MAX_FILES} files at most.",
            code="too_many_files",
            hint="Put them into one zip archive, or send several products.",
        )
    for file, size in zip(received, sizes, strict=True):
        check_size(size, file.file_name)
    # What is ours has its room already: it is linked, or in the store.
    copied = [not file.is_ours and not file.stored_key for file in received]
    make_room_or_refuse(sum(size for size, is_copied in zip(sizes, copied, strict=True)
                            if is_copied))  # fmt: skip


def make_room_or_refuse(size: int) -> None:
    """Raise OutOfSpace where `size` more bytes would leave too little room, before taking them."""
    free = object_store().free_bytes()
    if free is not None and free - size < settings.MIN_FREE_BYTES:
        raise OutOfSpace(
            f"{size:,} bytes do not fit now: the store has {free:,} left.",
            hint="Nothing was kept. Try again when the operator has made room.",
        )


@contextmanager
def _objects_or_nothing(keys: set[str], collection: Collection) -> Iterator[None]:
    """No object stays behind where the rows that name it did not commit."""
    try:
        yield
    except IntegrityError as error:  # foreign keys are checked at the commit
        _delete_if_possible(keys)
        raise NotFound(f"The collection {collection.id} was removed meanwhile.") from error
    except (OperationalError, InterfaceError):
        # The commit may have happened and only its answer be lost: its object must stay.
        raise
    except BaseException:
        _delete_if_possible(keys)
        raise


def _delete_if_possible(keys: set[str]) -> None:
    """A store that is away keeps objects that no row names; they are reconciled one day."""
    for key in keys:
        try:
            object_store().delete(key)
        except (RastrumError, OSError):
            log.warning("the object %s cannot be deleted now", key)


def check_size(size: int, file_name: str = "The file") -> None:
    """Raise BadRequest `empty_file` or TooLarge for a file of so many bytes."""
    if size == 0:
        raise BadRequest(f"{file_name} is empty.", code="empty_file",
                         hint="Check that the file was written completely.")  # fmt: skip
    if size > settings.MAX_UPLOAD_BYTES:
        raise TooLarge(
            f"{file_name} has {size:,} bytes; this server takes "
            f"{settings.MAX_UPLOAD_BYTES:,} at most."
        )


def visibility_of(collection: Collection, request: ProductRequest) -> str:
    """Who sees the product: as asked for, else as the collection. Raises BadRequest."""
    visibility = request.visibility or collection.visibility
    if visibility not in Visibility.values:
        raise BadRequest(f"visibility must be public or private, not {visibility!r}.",
                         code="invalid_visibility")  # fmt: skip
    if visibility == Visibility.PUBLIC and collection.visibility == Visibility.PRIVATE:
        raise BadRequest(
            f"The collection {collection.id} is private, so a map in it cannot be public.",
            code="collection_is_private",
            hint="Make the collection public, or choose another.",
        )
    return visibility
