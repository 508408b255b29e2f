"""What is stored of tiles that were drawn ahead of time, and what it takes: for people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Q, Sum

from repository.models import Product, Pyramid
from repository.models.pyramid import PyramidState
from repository.policy import visible_to
from repository.principal import Principal

UNFINISHED = (PyramidState.WAITING, PyramidState.RENDERING)
NONE = "none"
"""The state of a product of which nothing is stored, or planned yet."""


@dataclass(frozen=True)
class Prerendered:
    """Of one product in its present version and style."""

    state: str = NONE
    format: str = ""
    size: int = 0
    """Bytes."""
    zooms: tuple[int, int] | None = None
    """First and last zoom that are stored."""
    left_out: int = 0
    """Zooms of the product that are not: they would have cost too much."""
    reason: str = ""
    """Why nothing is stored, where that was decided."""


@dataclass(frozen=True)
class Total:
    """Of all products of a collection that the caller may see."""

    products: int = 0
    size: int = 0
    """Bytes."""
    unfinished: int = 0
    """Products that wait to be drawn, or are being drawn."""


def of_product(principal: Principal, product: Product) -> Prerendered:
    """What is stored of a product, or what became of the plan to store it."""
    rows = visible_to(principal, Pyramid.objects.filter(product=product, retired=None))
    # While another is drawn, the one that is served counts.
    shown = rows.filter(pk=product.stored_pyramid or 0).first() or rows.order_by("-pk").first()
    if shown is None:
        return Prerendered()
    zooms = (shown.min_zoom, shown.max_zoom) if shown.state == PyramidState.READY else None
    return Prerendered(shown.state, shown.format, shown.size, zooms, shown.left_out, shown.error)


def of_collections(principal: Principal, ids: Iterable[str]) -> dict[str, Total]:
    """Collection id -> its total; one query, whatever their number."""
    wanted = list(ids)
    rows = visible_to(
        principal, Pyramid.objects.filter(retired=None, product__collection__in=wanted)
    )
    ready = Q(state=PyramidState.READY)
    found = (
        rows.order_by()
        .values("product__collection")
        .annotate(
            ready=Count("product", distinct=True, filter=ready),
            bytes=Sum("size", filter=ready),
            open=Count("product", distinct=True, filter=Q(state__in=UNFINISHED)),
        )
    )
    totals = {
        row["product__collection"]: Total(row["ready"], row["bytes"] or 0, row["open"])
        for row in found
    }
    return {name: totals.get(name, Total()) for name in wanted}
