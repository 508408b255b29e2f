"""Housekeeping on a schedule: rings for jobs that nobody hears, and clears what nobody needs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections, connection
from django.db.models.functions import Now

from repository import lost_jobs, resumable_sweeping
from repository.errors import RastrumError
from repository.models import Asset, Job, Upload
from repository.models.product import ProductState
from repository.storage import object_store
from repository.transactions import commit
from tasks import dropbox, overviews, prerendering
from tasks.scratch import clear_scratch

log = logging.getLogger("rastrum.sweeper")

SCRATCH_SECONDS = 24 * 3600


def sweep() -> None:
    """One round. What fails is told and done in the next round; it holds up nothing else."""
    _duty(ring_again)
    _duty(purge_removed)
    _duty(resumable_sweeping.sweep)
    _duty(dropbox.look_round)
    _duty(prerendering.look_round)
    _duty(overviews.ring_for_late_ones)
    _duty(lambda: clear_scratch(Path(settings.WORK_DIR), SCRATCH_SECONDS))


def _duty(work: Callable[[], object]) -> None:
    try:
        work()
    except (DatabaseError, InterfaceError, RastrumError, OSError) as error:
        log.warning("housekeeping: %s; the next round tries again", error)
    except Exception:  # the scheduler's own process: a mistake in one duty must not end the others
        log.exception("housekeeping: a duty failed; the next round tries again")
    else:
        return
    if not connection.in_atomic_block:
        close_old_connections()


def ring_again() -> None:
    """Rings for the jobs that nobody works on."""
    rung = lost_jobs.sweep()
    if rung:
        log.info("rang again for %d jobs", rung)


def purge_removed() -> int:
    """Delete the objects of products that were removed long enough ago; how many."""
    grace = timedelta(seconds=settings.REMOVAL_GRACE_SECONDS)
    due = Asset.objects.filter(
        product__state=ProductState.REMOVED, product__removed__lt=Now() - grace
    )
    purged = 0
    for asset in due[:1000]:
        try:
            object_store().delete(asset.key)
        except (RastrumError, OSError):
            log.exception("the object %s cannot be deleted; the next round tries again", asset.key)
            continue
        _forget(asset)
        purged += 1
    return purged


def _forget(asset: Asset) -> None:
    """The rows after the object: one that is killed in between is deleted once more."""
    with commit("sweeping.purge"):
        # A retry would need the original: jobs of a removed product are over.
        Job.objects.filter(upload__files__key=asset.key).delete()
        Upload.objects.filter(files__key=asset.key).delete()
        asset.delete()
