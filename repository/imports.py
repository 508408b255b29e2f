"""Imports: a job that exists before its bytes do, and where its worker finds them.

The API, the portal and the drop box end in `accept`; the worker's first step asks `sources_of`
and ends in `keep`, after which a retry does not fetch again.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from django.conf import settings
from django.db import IntegrityError

from repository import jobs, registration, uploads
from repository.authentication import principal_of_user
from repository.dropbox.box import Box
from repository.dropbox.configured import SOURCE, configured_box
from repository.errors import NotFound, Rejected
from repository.fetching.addresses import Rules, masked, parse
from repository.fetching.buckets import Bucket, ObjectSource, find_bucket
from repository.fetching.download import Downloaded, Source
from repository.fetching.names import name_of
from repository.fetching.web_source import WebSource
from repository.jobs import Lease
from repository.models import Collection, Job, Upload, UploadedFile
from repository.names import id_from_file_name, title_from_file_name
from repository.policy import may_import, require_contributor, require_import
from repository.principal import Principal
from repository.storage import object_key, object_store
from repository.transactions import commit
from repository.uploads import ProductRequest

log = logging.getLogger("rastrum.imports")


def accept_import(
    principal: Principal, collection: Collection, url: str, request: ProductRequest,
    *, sha256: str = "", md5: str = "",
) -> Job:  # fmt: skip
    """Queue a job that fetches a file by https:// or s3://; nothing is dialled here.

    Raises AddressRefused, Forbidden (`import_not_allowed`), and what `uploads.accept` raises of
    a request.
    """
    require_import(principal)
    file_name = _name_in(url)
    expected = {"sha256": sha256, "md5": md5}
    return accept(principal, collection, url, file_name, request, expected=expected)


def accept(
    principal: Principal, collection: Collection, source: str, file_name: str,
    request: ProductRequest, *, expected: dict[str, str],
    in_same_commit: Callable[[Job], None] = lambda job: None,
) -> Job:  # fmt: skip
    """Queue a job whose upload has no file yet, but a source; `expected` is for `verify`.

    Raises Forbidden, BadRequest, Conflict (`duplicate_id`), OutOfSpace, or NotFound where the
    collection is removed at the same time.
    """
    require_contributor(principal, collection)
    visibility = uploads.visibility_of(collection, request)
    uploads.make_room_or_refuse(0)
    user_id = principal.user_id
    assert user_id is not None, "require_contributor lets no anonymous caller pass"
    with _not_found_if_removed(collection), commit("imports.accept"):
        product = registration.reserve(
            collection, request.id or id_from_file_name(file_name), owner_id=user_id,
            exact=bool(request.id), product_uuid=uuid.uuid4(),
            title=request.title or title_from_file_name(file_name),
            description=request.description, visibility=visibility,
            properties=request.properties, licence=collection.licence, keywords=collection.keywords,
        )  # fmt: skip
        upload = Upload.objects.create(owner_id=user_id, file_name=file_name, source=source)
        job = jobs.enqueue(
            upload=upload, product=product, collection=collection,
            request=uploads.request_json(request, visibility)
            | {"expected": {name: value for name, value in expected.items() if value}},
        )  # fmt: skip
        in_same_commit(job)
    log.info("job %s: will fetch %s for %s", job.id, masked(source), product.address)
    return job


@contextmanager
def _not_found_if_removed(collection: Collection) -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:  # foreign keys are checked at the commit
        raise NotFound(f"The collection {collection.id} was removed meanwhile.") from error


def sources_of(upload: Upload) -> Sequence[Source]:
    """Where the files of an upload are read. Raises Rejected where that is not permitted (any
    more), or where nothing is in the drop box."""
    if upload.source.startswith(SOURCE):
        return _box().sources(upload.source.removeprefix(SOURCE))
    _require_still_permitted(upload)
    if upload.source.startswith("s3://"):
        return [ObjectSource(*find_bucket(upload.source, buckets()))]
    return [WebSource(parse(upload.source, rules()), rules())]


def keep(lease: Lease, job: Job, fetched: Sequence[Downloaded]) -> None:
    """Put fetched files into the store, then commit that the upload has them. Raises LeaseLost,
    StepFailed."""
    assert job.product is not None, "a job that is worked on holds its product's id"
    rows = []
    for position, file in enumerate(fetched):
        key = object_key(job.product.uuid, file.sha256, "original")
        object_store().put(key, file.path, file.sha256)
        rows.append(UploadedFile(
            upload=job.upload, position=position, file_name=file.file_name, key=key,
            size=file.size, sha256=file.sha256, md5=file.md5,
        ))  # fmt: skip
    with commit("imports.keep"):
        jobs.beat(lease)  # locks the job's row: no other worker commits the same files
        UploadedFile.objects.bulk_create(rows)
        # The signature of an address is not needed any more.
        Upload.objects.filter(pk=job.upload_id).update(
            size=sum(row.size for row in rows),
            file_name=rows[0].file_name,
            source=masked(job.upload.source),
        )
    job.upload.refresh_from_db()


def verify(job: Job, fetched: Sequence[Downloaded]) -> None:
    """Raise Rejected where other bytes came than were announced (`checksum_mismatch`), or the
    item of the drop box was touched meanwhile (`import_changed`)."""
    expected = job.request.get("expected", {})
    for name in ("sha256", "md5"):
        got = getattr(fetched[0], name)
        if name in expected and got != expected[name]:
            raise Rejected(
                f"The {name.upper()} of the fetched file is {got}, not {expected[name]}.",
                code="checksum_mismatch", hint="Check the address and the checksum.",
            )  # fmt: skip
    if "signature" in expected:
        item = _box().find(job.upload.source.removeprefix(SOURCE))
        if item is None or item.signature != expected["signature"]:
            raise Rejected(f"{job.upload.file_name} was changed while it was read.",
                           code="import_changed", hint="It is read again by itself.")  # fmt: skip


def rules() -> Rules:
    """What the operator permits."""
    return Rules(settings.IMPORT_ALLOWED_HOSTS, settings.IMPORT_CA_FILE)


def buckets() -> list[Bucket]:
    """Buckets that the operator named."""
    return [Bucket(**fields) for fields in settings.IMPORT_S3_SOURCES]


def _require_still_permitted(upload: Upload) -> None:
    """A job may wait long, or be tried again after its owner lost the permission."""
    if not (upload.owner.is_active and may_import(principal_of_user(upload.owner))):
        raise Rejected("You may not import files by their address any more.",
                       code="import_not_allowed", hint="Upload the file.")  # fmt: skip


def _box() -> Box:
    box = configured_box()
    if box is None:
        raise Rejected("The drop box has been turned off.", code="import_refused",
                       hint="Ask the operator.")  # fmt: skip
    return box


def _name_in(url: str) -> str:
    """The file's name as far as its address tells. Raises AddressRefused."""
    if url.startswith("s3://"):
        return name_of(find_bucket(url, buckets())[1])
    return name_of(parse(url, rules()).path)
