"""Compares store and database: removes what no row names, and reports loudly what a row misses.

Anything younger than `older_than` is left alone, because objects come before their rows.
"""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import Exists, OuterRef
from django.db.models.functions import Collate, Now

from repository import pyramids, registration, resumable_sweeping
from repository.errors import RastrumError
from repository.jobs import unfinished
from repository.listing import StoredObject, UnfinishedParts
from repository.models import (
    Asset,
    Job,
    Product,
    Pyramid,
    ResumableUpload,
    Upload,
    UploadedFile,
)
from repository.models.product import ProductState
from repository.storage import object_store
from repository.transactions import commit
from tasks.scratch import clear_scratch

log = logging.getLogger("rastrum.reconciler")

PRODUCTS, UPLOADS, STAGING = "products/", "uploads/", "staging/"


@dataclass
class Reconciliation:
    """What one comparison found. All but `missing` is removed, unless it was a rehearsal."""

    objects: list[str] = field(default_factory=list)
    """Keys that no row names."""
    staging: list[str] = field(default_factory=list)
    """Keys of puts that never ended."""
    parts: list[str] = field(default_factory=list)
    """Keys of uploads in parts that never ended."""
    missing: list[str] = field(default_factory=list)
    """Keys of rows whose object is not there: never removed, the operator must know."""
    reserved: list[str] = field(default_factory=list)
    """Addresses of products that no job will publish."""
    uploads: list[str] = field(default_factory=list)
    """Ids of uploads that no job reads."""
    scratch: list[str] = field(default_factory=list)
    """Work files that no process owns."""
    bytes: int = 0
    """Of the objects that no row names."""

    def found(self) -> dict[str, list[str]]:
        """What was found, by kind, in words for the operator."""
        return {
            "objects without a row": self.objects,
            "unfinished puts": self.staging,
            "unfinished uploads in parts": self.parts,
            "rows without their object": self.missing,
            "reserved ids without a job": self.reserved,
            "uploads without a job": self.uploads,
            "work files without an owner": self.scratch,
        }


def reconcile(*, older_than: float, rehearse: bool = False) -> Reconciliation:
    """Compare, and remove what is older than so many seconds; `rehearse`: only tell.

    Raises Unavailable where the store is away, and then has removed no more than it had found.
    """
    result = Reconciliation()
    _rows(result, older_than, rehearse)
    for orphan in _orphans(result, rehearse):
        if orphan.age_seconds >= older_than and not _is_named(orphan.key):
            result.objects.append(orphan.key)
            result.bytes += orphan.size
            _delete(orphan.key, rehearse)
    for draft in object_store().list(STAGING):
        if draft.age_seconds >= older_than:
            result.staging.append(draft.key)
            _delete(draft.key, rehearse)
    for parts in object_store().unfinished_parts():
        if parts.age_seconds >= older_than and _nobody_finishes(parts):
            result.parts.append(parts.key)
            if not rehearse:
                object_store().abort(parts)
    result.scratch += clear_scratch(Path(settings.WORK_DIR), older_than, rehearse=rehearse)
    result.scratch += resumable_sweeping.remove_orphans(older_than, rehearse=rehearse)
    for key in result.missing:
        log.error("the object %s is missing in the store, but a row names it", key)
    return result


def reconcile_when_due() -> Reconciliation | None:
    """Once in RECONCILE_SECONDS; None where it is not time yet. A file remembers the last time."""
    if not settings.RECONCILE_SECONDS:
        return None
    stamp = Path(settings.WORK_DIR) / "reconciled"
    if stamp.exists() and stamp.stat().st_mtime > time.time() - settings.RECONCILE_SECONDS:
        return None
    result = reconcile(older_than=settings.ORPHAN_SECONDS)
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.touch()
    for kind, names in result.found().items():
        if names:
            log.warning("%d %s, such as %s", len(names), kind, names[0])
    return result


def _orphans(result: Reconciliation, rehearse: bool) -> Iterator[StoredObject]:
    """Objects that no row names. Both sides come in the order of their keys, so neither is
    ever held whole; keys of rows without an object are noted on the way."""
    keys = _named_keys()
    key = next(keys, None)
    for stored in itertools.chain(*(object_store().list(prefix) for prefix in (PRODUCTS, UPLOADS))):
        while key is not None and key.encode() < stored.key.encode():
            _note_missing(result, key, rehearse)
            key = next(keys, None)
        if key == stored.key:
            key = next(keys, None)
        else:
            yield stored
    while key is not None:
        _note_missing(result, key, rehearse)
        key = next(keys, None)


def _named_keys() -> Iterator[str]:
    """Every key that a row names, once, in the order of bytes."""
    assets, *others = (
        rows.annotate(bytewise=Collate("key", "C")).values_list("bytewise", flat=True)
        for rows in (Asset.objects.order_by(), UploadedFile.objects.order_by(),
                     ResumableUpload.objects.exclude(key="").order_by(),
                     Pyramid.objects.exclude(key="").order_by())
    )  # fmt: skip
    yield from assets.union(*others).order_by("bytewise").iterator(chunk_size=5000)


def _note_missing(result: Reconciliation, key: str, rehearse: bool) -> None:
    """Unless the row has gone meanwhile, or goes anyway because its product was removed, or
    belongs to an upload that is still on its way. A pyramid is no loss: it is drawn again."""
    if Pyramid.objects.filter(key=key).exists():
        if not rehearse and not object_store().exists(key):
            pyramids.lose(key)
        return
    removed = Asset.objects.filter(key=key, product__state=ProductState.REMOVED)
    expected = (
        Asset.objects.filter(key=key).exists() or UploadedFile.objects.filter(key=key).exists()
    )
    if expected and not removed.exists() and not object_store().exists(key):
        result.missing.append(key)


def _is_named(key: str) -> bool:
    """Asked anew of each find: the list of rows is as old as its beginning."""
    models = (Asset, UploadedFile, ResumableUpload, Pyramid)
    return any(model.objects.filter(key=key).exists() for model in models)


def _nobody_finishes(parts: UnfinishedParts) -> bool:
    """Whether parts are ours and no upload's. A put copies large objects part by part, so a killed
    one leaves some at its target too; those of a resumable upload live as long as its row."""
    rows = ResumableUpload.objects.filter(key=parts.key, multipart=parts.upload_id)
    return parts.key.startswith((PRODUCTS, UPLOADS, STAGING)) and not rows.exists()


def _delete(key: str, rehearse: bool) -> None:
    if rehearse:
        return
    try:
        object_store().delete(key)
    except (RastrumError, OSError) as error:
        log.warning("the object %s cannot be deleted now (%s)", key, error)


def _rows(result: Reconciliation, older_than: float, rehearse: bool) -> None:
    """Ids that nobody will publish, and uploads that nobody will read; their objects follow."""
    old = Now() - timedelta(seconds=older_than)
    working = Exists(unfinished().filter(product=OuterRef("pk")))
    held = Product.objects.filter(~working, state=ProductState.RESERVED, created__lte=old)
    read = Exists(Job.objects.filter(upload=OuterRef("pk")))
    unread = Upload.objects.filter(~read, created__lte=old)
    result.reserved += [product.address for product in held]
    result.uploads += [str(upload.pk) for upload in unread]
    if not rehearse and (result.reserved or result.uploads):
        with commit("reconciling.rows"):
            registration.forget_reserved(held)
            unread.delete()
