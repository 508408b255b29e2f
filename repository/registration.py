"""Sole writer of Product and Asset: reserves an id, publishes in one commit, removes.

Publishing is idempotent and fenced: objects are stored first, then this one
transaction makes the product visible on every interface at once.
"""

from __future__ import annotations

import itertools
import json
import logging
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.gis.geos import GEOSGeometry
from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now
from django.utils.dateparse import parse_datetime

from repository import overviews
from repository.errors import BadRequest, Conflict, LeaseLost, Rejected
from repository.models import Asset, BlockIndex, Collection, Job, Product
from repository.models.job import FINAL_STATES
from repository.models.product import DatetimeSource, ProductState
from repository.names import is_valid_id, title_from_file_name
from repository.raster_info import RasterInfo
from repository.rendering_style import RenderingStyle
from repository.transactions import commit

log = logging.getLogger("rastrum.registration")

MAX_TRIES = 100
"""Uploads of files of one name at the same moment that can each still find a free id."""


@dataclass(frozen=True)
class StoredFile:
    """An object that is already in the store."""

    role: str
    file_name: str
    key: str
    media_type: str
    size: int
    sha256: str
    md5: str
    raster: RasterInfo | None = None
    position: int = 0
    """Order among the product's rasters; the first one is drawn."""
    block_index: bytes = b""
    """Where the blocks of a raster lie, packed by tiler.pixels; empty for other files."""


def reserve(
    collection: Collection,
    slug: str,
    *,
    owner_id: int,
    exact: bool,
    product_uuid: uuid.UUID,
    **fields: Any,
) -> Product:
    """A product row that nobody sees yet, holding the id.

    `exact`: the uploader chose the id, so a taken one is Conflict `duplicate_id`;
    else a number is added until it is free.
    """
    if exact:
        _require_valid(slug)
    for _ in range(MAX_TRIES):
        candidate = slug if exact else _free_slug(collection, slug)
        try:
            with transaction.atomic():
                return Product.objects.create(
                    uuid=product_uuid,
                    collection=collection,
                    slug=candidate,
                    owner_id=owner_id,
                    **fields,
                )
        except IntegrityError:  # taken by now
            if exact:
                break
    raise _duplicate(collection, slug)


def check_free(collection: Collection, slug: str) -> None:
    """Raise BadRequest `invalid_id` or Conflict `duplicate_id` where the id cannot be had now."""
    _require_valid(slug)
    if Product.objects.filter(collection=collection, slug=slug).exists():
        raise _duplicate(collection, slug)


def _require_valid(slug: str) -> None:
    if not is_valid_id(slug):
        raise BadRequest(
            f"{slug!r} cannot be an id.",
            code="invalid_id",
            hint="Use small letters, digits, '.', '_' and '-', starting with a letter or digit.",
        )


def _duplicate(collection: Collection, slug: str) -> Conflict:
    return Conflict(
        f"The collection {collection.id} already has a map with the id {slug}.",
        code="duplicate_id",
        hint="Choose another id, or leave it out to get one made from the file's name.",
    )


def _free_slug(collection: Collection, slug: str) -> str:
    """The slug, or the first of slug-2, slug-3 ... that no row has at the moment."""
    rows = Product.objects.filter(collection=collection, slug__startswith=slug[:90])
    taken = set(rows.values_list("slug", flat=True))
    numbered = (f"{slug[:90]}-{number}" for number in itertools.count(2))
    return next(name for name in itertools.chain([slug], numbered) if name not in taken)


def reserve_again(job: Job) -> None:
    """Take the id again for a job that is started over after its id was freed."""
    if job.product_id is not None:
        return
    product = reserve(
        job.collection, job.slug, owner_id=job.owner_id, exact=True, product_uuid=uuid.uuid4(),
        title=job.request.get("title") or title_from_file_name(job.upload.file_name),
        description=job.request.get("description") or "",
        visibility=job.request.get("visibility") or job.collection.visibility,
        properties=job.request.get("properties") or {},
        licence=job.collection.licence, keywords=job.collection.keywords,
    )  # fmt: skip
    Job.objects.filter(pk=job.pk).update(product=product)


def require_replaceable(job: Job) -> None:
    """Raise Conflict (`job_cannot_be_retried`, `job_is_running`) unless the version that the job
    replaces, if it makes a new one, is served now and no other job works on the product."""
    replaced = job.request.get("replaces")
    if replaced is None:
        return
    rows = Product.objects.select_for_update()
    product = rows.filter(pk=job.product_id).first() if job.product_id else None
    if product is None or not _serves(product, replaced):
        raise Conflict(
            "The map was removed, or has another version by now.",
            code="job_cannot_be_retried", hint="Make a new version from the page of the map.",
        )  # fmt: skip
    require_no_running_job(product)


def require_no_running_job(product: Product) -> None:
    """Raise Conflict `job_is_running` where a job prepares the product at this moment."""
    if Job.objects.filter(product=product).exclude(state__in=FINAL_STATES).exists():
        raise Conflict(
            "This map is being prepared anew at this moment.",
            code="job_is_running",
            hint="Wait for that job, or cancel it.",
        )


def _serves(product: Product, version: int) -> bool:
    return product.state == ProductState.PUBLISHED and product.version == version


def forget_reserved(products: QuerySet[Product]) -> None:
    """Free ids that no job will use; one that was published meanwhile stays."""
    products.filter(state=ProductState.RESERVED).delete()


def release(job_id: uuid.UUID) -> None:
    """Free the id of a job that ended without a product."""
    Product.objects.filter(jobs=job_id, state=ProductState.RESERVED).delete()


def publish(
    product_uuid: uuid.UUID, info: RasterInfo, style: RenderingStyle, files: Iterable[StoredFile],
    *, request: dict[str, Any]
) -> Product:  # fmt: skip
    """Make a reserved product visible with its assets; inside the caller's transaction, which
    the job's fence guards: any number of deliveries of one job gives one result.

    A product that is published already gets a new version if `request` says which one it
    `replaces`. Raises Rejected `product_changed` for one that is removed, or has changed its
    version meanwhile, LeaseLost where its row is gone.
    """
    product = lock(product_uuid)
    replaced = request.get("replaces")
    if replaced is not None and _serves(product, replaced):
        product.version += 1
        product.revision += 1
    elif product.state != ProductState.RESERVED:
        raise Rejected(
            f"The map {product.address} was removed, or got another version, meanwhile.",
            code="product_changed", hint="Make a new version from its page, if it is still there.",
        )  # fmt: skip
    product.start, product.end, product.datetime_source = _time_of(request, info, product)
    old_bbox = product.bbox if replaced is not None else None
    product.footprint = GEOSGeometry(json.dumps(info.footprint_wgs84), srid=4326)
    product.bbox = list(info.bounds_wgs84)
    product.raster = info.to_json()
    product.style = style.to_json()
    product.state = ProductState.PUBLISHED
    product.save()
    published = {} if replaced else {"published": Now()}
    Product.objects.filter(pk=product.pk).update(**published, updated=Now())
    for stored in files:
        asset = Asset.objects.create(
            product=product,
            version=product.version,
            role=stored.role,
            file_name=stored.file_name,
            key=stored.key,
            media_type=stored.media_type,
            size=stored.size,
            sha256=stored.sha256,
            md5=stored.md5,
            raster=stored.raster.to_json() if stored.raster else None,
            position=stored.position,
        )
        if stored.block_index:
            BlockIndex.objects.create(asset=asset, packed=stored.block_index)
    overviews.mark_published(product, old_bbox)
    log.info("published %s (%s)", product.address, product.uuid)
    return product


def lock(product_uuid: uuid.UUID) -> Product:
    """The product as it is until the caller's transaction ends. Raises LeaseLost where its row is
    gone: then its jobs are over, too."""
    product = Product.objects.select_for_update().filter(pk=product_uuid).first()
    if product is None:
        raise LeaseLost("The product's row is gone.")
    return product


def amend(product: Product, changes: dict[str, Any]) -> None:
    """Change metadata, style or visibility; every cached picture of it becomes stale."""
    with commit("registration.amend"):
        overviews.mark_amended(lock(product.pk), changes)
        Product.objects.filter(pk=product.pk).update(
            **changes, revision=F("revision") + 1, updated=Now()
        )


def redraw(products: QuerySet[Product], style: dict[str, Any]) -> None:
    """Draw these products by another style, inside the caller's transaction."""
    overviews.mark_redrawn(products)
    products.update(style=style, revision=F("revision") + 1, updated=Now())


def remove(product: Product, *, reason: str = "") -> None:
    """Leave a tombstone; the objects go later, when no signed address can still be used."""
    with commit("registration.remove"):
        overviews.mark_removed(lock(product.pk))
        Product.objects.filter(pk=product.pk, state=ProductState.PUBLISHED).update(
            state=ProductState.REMOVED,
            removed=Now(),
            removal_reason=reason,
            revision=F("revision") + 1,
            updated=Now(),
        )
    log.info("removed %s (%s)", product.address, product.uuid)


def _time_of(
    request: dict[str, Any], info: RasterInfo, product: Product
) -> tuple[datetime | None, datetime | None, str]:
    """The product's start and end, and where they were read: given for this version or for one
    before, else found, else the upload's."""
    given = parse_datetime(request.get("datetime") or "")
    if given is not None:
        end = parse_datetime(request.get("end_datetime") or "")
        return given, end or given, DatetimeSource.GIVEN
    if product.datetime_source == DatetimeSource.GIVEN:
        return product.start, product.end, DatetimeSource.GIVEN
    found = parse_datetime(info.datetime or "")
    if found is not None and info.datetime_source is not None:
        return found, found, info.datetime_source
    return product.created, product.created, DatetimeSource.UPLOAD
