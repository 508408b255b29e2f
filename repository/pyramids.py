"""Which pyramids should be there: plans what is missing, retires what is not wanted any more.

A product is looked at when its style has settled: `plan` gives it a row that waits for a worker
(`repository.pyramid_queue`), and retires those of what it showed before. What was finished is
named in the product's own row, and its tiles are served from then on.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from repository.models import Product, Pyramid
from repository.models.collection import Prerender
from repository.models.product import ProductState
from repository.models.pyramid import PyramidState
from repository.rendering_style import RenderingStyle
from repository.transactions import commit

log = logging.getLogger("rastrum.pyramids")

LOOKED_AT_ONCE = 500
"""Products in one round of the scheduler."""


def format_of(style: RenderingStyle) -> str:
    """The format that is stored: WEBP for imagery, PNG with a palette for values and classes."""
    return "webp" if style.kind == "rgb" else "png"


def look_round(renderer: str, *, settled_seconds: float) -> int:
    """Plan what is missing and retire what is not wanted any more; how many were planned."""
    _retire_unwanted()
    planned = 0
    for product in _to_look_at(renderer, settled_seconds)[:LOOKED_AT_ONCE]:
        plan(product, renderer)
        planned += 1
    return planned


def _to_look_at(renderer: str, settled_seconds: float) -> QuerySet[Product]:
    """Published products that changed since they were looked at, but not just now."""
    looked_at = Pyramid.objects.filter(
        product=OuterRef("pk"), version=OuterRef("version"), revision=OuterRef("revision"),
        setting=OuterRef("collection__prerender"), renderer=renderer, retired=None,
    )  # fmt: skip
    settled = Now() - timedelta(seconds=settled_seconds)
    rows = Product.objects.filter(~Exists(looked_at), state=ProductState.PUBLISHED)
    wanted = rows.filter(updated__lte=settled).exclude(collection__prerender=Prerender.NEVER)
    return wanted.order_by("-published", "uuid")


def plan(product: Product, renderer: str) -> None:
    """Give the product the row of what it shows now, and retire those of what it showed before."""
    with commit("pyramids.plan"):
        locked = (
            Product.objects.select_for_update(of=("self",))
            .select_related("collection")
            .filter(pk=product.pk, state=ProductState.PUBLISHED, style__isnull=False)
            .first()
        )
        if locked is None or locked.collection.prerender == Prerender.NEVER:
            return
        style = RenderingStyle.from_json(locked.style or {})
        row, _ = Pyramid.objects.get_or_create(
            product=locked, version=locked.version, drawing=style.digest, renderer=renderer,
            setting=locked.collection.prerender,
            defaults={"revision": locked.revision, "format": format_of(style)},
        )  # fmt: skip
        again = {"state": PyramidState.WAITING, "attempts": 0, "not_before": None, "error": ""}
        changes = again if row.state == PyramidState.FAILED else {}
        _change(row, revision=locked.revision, retired=None, **changes)
        is_open = bool(changes) or row.state in (PyramidState.WAITING, PyramidState.RENDERING)
        others = Pyramid.objects.filter(product=locked).exclude(pk=row.pk)
        # Of another setting are the same pictures: they serve until those of this one are there.
        serving = others.filter(
            pk=locked.stored_pyramid or 0, version=locked.version, drawing=style.digest,
            renderer=renderer, retired=None,
        )  # fmt: skip
        if is_open and serving.exists():
            others = others.exclude(pk=locked.stored_pyramid or 0)
        else:
            show(locked, row.pk if row.state == PyramidState.READY else None)
        retire(others)


def lose(key: str) -> bool:
    """Forget a pyramid whose object is not in the store: it is drawn again. Whether it was one."""
    with commit("pyramids.forget"):
        rows = Pyramid.objects.filter(key=key)
        Product.objects.filter(stored_pyramid__in=rows.values("pk")).update(stored_pyramid=None)
        return bool(rows.delete()[0])


def to_purge() -> Iterator[Pyramid]:
    """Rows that nobody has needed for REMOVAL_GRACE_SECONDS."""
    grace = timedelta(seconds=settings.REMOVAL_GRACE_SECONDS)
    yield from Pyramid.objects.filter(retired__lt=Now() - grace).order_by("pk")[:1000]


def forget(row: Pyramid) -> str:
    """Remove a row that is still not wanted; the key of its object, where no other row names it.

    Before the object: a row that is wanted again must find it. What is left of a process that is
    killed in between is an object without a row, which reconciling finds.
    """
    with commit("pyramids.forget"):
        gone, _ = Pyramid.objects.filter(pk=row.pk, retired__isnull=False).delete()
        shared = Pyramid.objects.filter(key=row.key).exists()
    return row.key if gone and not shared else ""


def _retire_unwanted() -> None:
    """Of products that were removed, have another version, or want none any more."""
    unwanted = Pyramid.objects.filter(retired=None).filter(
        ~Q(product__state=ProductState.PUBLISHED)
        | ~Q(product__version=F("version"))
        | Q(product__collection__prerender=Prerender.NEVER)
    )
    ids = list(unwanted.values_list("pk", flat=True)[:10_000])
    if ids:
        with commit("pyramids.plan"):
            # Products first, as everybody locks them: nobody then waits in a circle.
            Product.objects.filter(stored_pyramid__in=ids).update(stored_pyramid=None)
            retire(Pyramid.objects.filter(pk__in=ids))


def retire(rows: QuerySet[Pyramid]) -> None:
    """Nobody wants them any more; who draws one of them learns it at the next beat. Within the
    caller's transaction."""
    rows.filter(retired=None).update(
        retired=Now(), fencing_token=F("fencing_token") + 1, updated=Now()
    )


def show(product: Product, pyramid_id: int | None) -> None:
    """Serve the product's tiles from a pyramid, or from none; within the caller's transaction.

    It changes no picture, so neither the product's revision nor its time changes.
    """
    if product.stored_pyramid != pyramid_id:
        Product.objects.filter(pk=product.pk).update(stored_pyramid=pyramid_id)


def _change(row: Pyramid, **values: Any) -> None:
    Pyramid.objects.filter(pk=row.pk).update(updated=Now(), **values)
