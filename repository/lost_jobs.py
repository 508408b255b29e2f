"""Jobs that nobody works on: their bell was lost, or their worker; the sweeper finds them here."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.db.models import Q
from django.db.models.functions import Now

from repository.errors import LeaseLost, RastrumError
from repository.jobs import Lease, finish, is_due, ring
from repository.models import Job
from repository.models.job import RUNNING_STATES, JobState
from repository.transactions import commit

log = logging.getLogger("rastrum.jobs")


def sweep() -> int:
    """Ring again for every job that waits unheard or lost its worker; how many were rung.

    A job that lost its worker for the last time ends as `failed`.
    """
    lost = Job.objects.filter(state__in=RUNNING_STATES, lease_until__lt=Now())
    for job in lost.filter(attempts__gte=settings.MAX_ATTEMPTS):
        _give_up(job)
    waiting = Job.objects.filter(is_due()).filter(
        Q(rung=None) | Q(rung__lt=Now() - timedelta(seconds=settings.SWEEP_SECONDS))
    )
    due = [
        *lost.filter(attempts__lt=settings.MAX_ATTEMPTS)[:1000],
        *waiting.order_by("created")[:1000],
    ]
    for job in due:
        ring(job.id)
    return len(due)


def _give_up(job: Job) -> None:
    error = RastrumError(
        f"The worker died {job.attempts} times on this file.",
        code="worker_lost",
        hint="Try again later, or tell the operator the number of this job.",
    )
    error.retryable = True
    try:
        with commit("jobs.give_up"):
            # Asked again under a lock: it may have beaten meanwhile.
            dead = Job.objects.select_for_update(skip_locked=True)
            if dead.filter(pk=job.pk, lease_until__lt=Now()).exists():
                finish(Lease(job.id, job.fencing_token), JobState.FAILED, error)
    except LeaseLost:
        log.info("job %s: came back to life", job.id)
    except (OperationalError, InterfaceError) as refused:
        log.warning("job %s: cannot be ended now (%s)", job.id, refused)
