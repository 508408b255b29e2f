"""The queue of pyramids that are to be drawn: leases and fencing tokens as jobs have them.

Conversions come first: nothing is claimed while a job finds no worker.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from celery import current_app
from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Greatest, Now
from kombu.exceptions import OperationalError as BrokerError

from repository import jobs
from repository.errors import LeaseLost
from repository.failpoints import around
from repository.models import Job, Product, Pyramid
from repository.models.product import ProductState
from repository.models.pyramid import PyramidState
from repository.pyramids import retire, show
from repository.rendering_style import RenderingStyle
from repository.transactions import commit

log = logging.getLogger("rastrum.pyramids")

PRERENDER_TASK = "tasks.prerender"
UNHEARD_SECONDS = 3
"""A job that waits for so long finds no worker."""


@dataclass(frozen=True)
class PyramidLease:
    """The right to draw a pyramid until it is there or another worker takes it."""

    pyramid_id: int
    token: int


@dataclass(frozen=True)
class StoredPyramid:
    """An archive that is in the store already."""

    key: str
    size: int
    sha256: str
    min_zoom: int
    max_zoom: int
    tiles: int
    left_out: int


def ring(pyramid_id: int) -> None:
    """Tell the workers; whoever hears it goes on with all others that wait."""
    try:
        with around("broker.send"):
            current_app.send_task(
                PRERENDER_TASK, [str(pyramid_id)], ignore_result=True,
                expires=4 * settings.SWEEP_SECONDS,
            )  # fmt: skip
    except (BrokerError, OSError) as error:
        log.warning("the broker does not answer (%s); the scheduler will ring", error)


def next_waiting() -> int | None:
    """The number of a pyramid that a worker could draw now; fails those that killed theirs."""
    lost = Pyramid.objects.filter(state=PyramidState.RENDERING, lease_until__lt=Now())
    with around("pyramids.write"):
        lost.filter(attempts__gte=settings.MAX_ATTEMPTS).update(
            state=PyramidState.FAILED, lease_until=None, updated=Now(),
            fencing_token=F("fencing_token") + 1, error="The worker died several times on it.",
        )  # fmt: skip
    return _due().values_list("pk", flat=True).first()


def try_again() -> int:
    """Have everything drawn that failed or was declined, as settings may have changed; how many."""
    again = (PyramidState.FAILED, PyramidState.DECLINED)
    with around("pyramids.write"):
        return Pyramid.objects.filter(state__in=again, retired=None).update(
            state=PyramidState.WAITING, attempts=0, not_before=None, error="", updated=Now()
        )


def has_work() -> bool:
    """Whether a worker would find something to draw now."""
    return _due().exists() and not jobs_wait()


def claim(worker: str) -> PyramidLease | None:
    """Take the one that has waited longest; None where none waits, or a job finds no worker."""
    if jobs_wait():
        return None
    with commit("pyramids.write"):
        row = _due().select_for_update(skip_locked=True).first()
        if row is None:
            return None
        token = row.fencing_token + 1
        Pyramid.objects.filter(pk=row.pk).update(
            updated=Now(), state=PyramidState.RENDERING, progress=0.0, attempts=row.attempts + 1,
            fencing_token=token, lease_until=_lease_end(), worker=worker,
        )  # fmt: skip
    return PyramidLease(row.pk, token)


def jobs_wait() -> bool:
    """Whether a job has found no worker for a while: it comes first."""
    since = Now() - timedelta(seconds=UNHEARD_SECONDS)
    return Job.objects.filter(jobs.is_due(), updated__lt=since).exists()


def beat(lease: PyramidLease) -> None:
    """Prolong the lease. Raises LeaseLost where the pyramid is not wanted any more."""
    with around("pyramids.write"):
        _write(lease, lease_until=_lease_end())


def advance(lease: PyramidLease, progress: float) -> None:
    """Record how far it is (0 to 1); prolongs the lease. Raises LeaseLost."""
    with around("pyramids.write"):
        _write(lease, lease_until=_lease_end(), progress=progress)


def finish(lease: PyramidLease, stored: StoredPyramid) -> None:
    """Serve tiles from it, and from no other. Raises LeaseLost where its product has changed."""
    with commit("pyramids.finish"):
        product = _product_of(lease)
        _write(lease, state=PyramidState.READY, lease_until=None, progress=1.0, **vars(stored))
        retire(Pyramid.objects.filter(product=product).exclude(pk=lease.pyramid_id))
        show(product, lease.pyramid_id)


def decline(lease: PyramidLease, reason: str) -> None:
    """It would cost more than it gains: its tiles are drawn when they are asked for."""
    with commit("pyramids.finish"):
        product = _product_of(lease)
        _write(lease, state=PyramidState.DECLINED, lease_until=None, error=reason)
        retire(Pyramid.objects.filter(product=product).exclude(pk=lease.pyramid_id))
        show(product, None)


def give_back(lease: PyramidLease, error: str) -> None:
    """After a failure of ours: wait for the next try, or fail after the last."""
    row = Pyramid.objects.filter(pk=lease.pyramid_id).first()
    attempts = row.attempts if row else 0
    state = PyramidState.WAITING if attempts < settings.MAX_ATTEMPTS else PyramidState.FAILED
    seconds = settings.RETRY_SECONDS * 8 ** max(0, attempts - 1)
    with around("pyramids.write"):
        _write(lease, state=state, lease_until=None, error=error,
               not_before=Now() + timedelta(seconds=seconds))  # fmt: skip


def give_way(lease: PyramidLease) -> None:
    """Wait again, without using up a try: something else needs the worker."""
    with around("pyramids.write"):
        _write(lease, state=PyramidState.WAITING, lease_until=None, progress=0.0,
               attempts=Greatest(F("attempts") - 1, 0),
               not_before=Now() + timedelta(seconds=settings.RETRY_SECONDS))  # fmt: skip


def _due() -> QuerySet[Pyramid]:
    """Rows that wait, or lost their worker, oldest first."""
    waits = Q(state=PyramidState.WAITING) & (Q(not_before=None) | Q(not_before__lte=Now()))
    lost = Q(state=PyramidState.RENDERING, lease_until__lt=Now())
    lost &= Q(attempts__lt=settings.MAX_ATTEMPTS)
    return Pyramid.objects.filter(waits | lost, retired=None).order_by("created", "pk")


def _product_of(lease: PyramidLease) -> Product:
    """The product, locked, if it still shows what was drawn. Raises LeaseLost."""
    row = Pyramid.objects.filter(pk=lease.pyramid_id, retired=None).first()
    product = None
    if row is not None:
        rows = Product.objects.select_for_update().filter(pk=row.product_id)
        product = rows.filter(state=ProductState.PUBLISHED, version=row.version).first()
    if row is None or product is None or product.style is None:
        raise LeaseLost("The product is gone, or has another version.")
    if RenderingStyle.from_json(product.style).digest != row.drawing:
        raise LeaseLost("The product has another style.")
    return product


def _write(lease: PyramidLease, **values: Any) -> None:
    """The fence: changes the row only where our token is still the last one given."""
    changed = Pyramid.objects.filter(
        pk=lease.pyramid_id, fencing_token=lease.token, state=PyramidState.RENDERING, retired=None
    ).update(updated=Now(), **values)
    if not changed:
        raise LeaseLost()


def _lease_end() -> Any:
    return Now() + timedelta(seconds=settings.LEASE_SECONDS)
