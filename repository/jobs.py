"""The queue of record: leases, heartbeats and fencing tokens; Celery only carries the doorbell.

A worker claims a job and gets a fencing token. Every later write names the
token, so a worker that wakes after its lease changes nothing (LeaseLost). All
times are the database's, never a machine's.
"""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Greatest, Now
from kombu.exceptions import OperationalError as BrokerError

from repository import registration
from repository.errors import Conflict, LeaseLost, NotFound, OutOfSpace, RastrumError
from repository.failpoints import around
from repository.findings import Findings
from repository.models import Collection, Job, Product, Upload
from repository.models.job import FINAL_STATES, RUNNING_STATES, JobState
from repository.times import format_instant
from repository.transactions import commit

log = logging.getLogger("rastrum.jobs")

INGEST_TASK = "tasks.ingest"
MAX_TIMELINE = 200
"""Entries that are kept: a job may wait for room many times."""
ROOM_SECONDS = 24 * 3600
"""How long a job waits for room. One that needs more than the disk ever has would wait for ever."""


@dataclass(frozen=True)
class Lease:
    """The right to work on a job until it ends or another worker takes it."""

    job_id: uuid.UUID
    token: int


def enqueue(
    *, upload: Upload, product: Product, collection: Collection, request: dict[str, Any],
    owner_id: int | None = None, answers: dict[str, Any] | None = None,
) -> Job:  # fmt: skip
    """A queued job for an upload, of its owner unless told otherwise; within the caller's
    transaction, rung once that commits."""
    job = Job.objects.create(
        owner_id=owner_id or upload.owner_id, answers=answers or {}, collection=collection,
        slug=product.slug, product=product, upload=upload, request=request,
        timeline=[[JobState.QUEUED, _now()]],
    )  # fmt: skip
    transaction.on_commit(lambda: ring(job.id), robust=True)
    return job


def ring(job_id: uuid.UUID) -> None:
    """Tell the workers that there is something to do. A dead broker is not an error:
    the sweeper rings again."""
    with around("jobs.note_ring"):
        Job.objects.filter(pk=job_id).update(rung=Now())
    try:
        with around("broker.send"):
            current_app.send_task(INGEST_TASK, [str(job_id)], ignore_result=True)
    except (BrokerError, OSError) as error:
        log.warning("job %s: the broker does not answer (%s); the sweeper will ring", job_id, error)


def claim(job_id: uuid.UUID, worker: str) -> Lease | None:
    """Take a job that waits or whose lease ran out; None where there is nothing to take."""
    with commit("jobs.claim"):
        job = (
            Job.objects.select_for_update(skip_locked=True)
            .filter(pk=job_id, attempts__lt=settings.MAX_ATTEMPTS)
            .filter(is_due() | Q(state__in=RUNNING_STATES, lease_until__lt=Now()))
            .first()
        )
        if job is None:
            return None
        token = job.fencing_token + 1
        Job.objects.filter(pk=job.pk).update(
            state=JobState.INSPECTING,
            step="",
            progress=0.0,
            attempts=F("attempts") + 1,
            fencing_token=token,
            lease_until=_lease_end(),
            heartbeat=Now(),
            worker=worker,
            timeline=[*job.timeline, [JobState.INSPECTING, _now()]],
            updated=Now(),
        )
    return Lease(job_id, token)


def beat(lease: Lease) -> None:
    """Prolong the lease. Raises LeaseLost where another worker has the job, or it was cancelled."""
    with around("jobs.beat"):
        _write(lease, lease_until=_lease_end(), heartbeat=Now())


def advance(lease: Lease, *, progress: float, state: str | None = None, step: str = "") -> None:
    """Record how far the job is (0 to 1); prolongs the lease. Raises LeaseLost."""
    values: dict[str, Any] = {"progress": progress, "lease_until": _lease_end(), "updated": Now()}
    if step:
        values["step"] = step
    if state is not None:
        values |= {"state": state, "timeline": [*_field(lease, "timeline"), [state, _now()]]}
    with around("jobs.advance"):
        _write(lease, **values)


def note_findings(lease: Lease, found: Findings) -> None:
    """Keep what inspection found so far, for the owner to read. Raises LeaseLost."""
    warnings = [{"code": code, "message": text} for code, text in found.warnings]
    with around("jobs.note_findings"):
        _write(lease, found=found.to_json(), warnings=warnings, updated=Now())


def finish(lease: Lease, state: str, error: RastrumError | None = None) -> None:
    """End the job, or stop it at `needs_input`; a product's id that will not be used is freed.

    Called for every end but `published`, which `registration` writes together with the product.
    """
    with commit("jobs.finish"):
        _end(lease, state, error)
        if state in (JobState.REJECTED, JobState.FAILED):
            registration.release(lease.job_id)


def mark_published(lease: Lease) -> None:
    """End the job as published; called inside the transaction that publishes its product,
    and first in it: every writer locks the job before its product, so none waits in a circle."""
    _end(lease, JobState.PUBLISHED, None, progress=1.0)


def give_back(lease: Lease, error: RastrumError) -> None:
    """After a failure of ours: wait for the next try, or `failed` after the last."""
    attempts = _field(lease, "attempts")
    if attempts >= settings.MAX_ATTEMPTS:
        finish(lease, JobState.FAILED, error)
        return
    seconds = settings.RETRY_SECONDS * 8 ** (attempts - 1)
    _queue_again(lease, error, seconds=seconds, step="")


def put_off(lease: Lease, error: RastrumError) -> None:
    """What the job needs is not there now (room, the store): it waits without using up a try,
    however often that happens. Its `step` and `error` say why. For room it waits a day at most,
    and then ends as `failed`.
    """
    now, before = _now(), _field(lease, "error") or {}
    since = before.get("since", now) if before.get("code") == error.code else now
    waited = datetime.fromisoformat(now) - datetime.fromisoformat(since)
    if isinstance(error, OutOfSpace) and waited.total_seconds() > ROOM_SECONDS:
        error.hint = "It has waited for a day. Try again when the operator has made room."
        finish(lease, JobState.FAILED, error)
        return
    _queue_again(lease, error, seconds=settings.RETRY_SECONDS, step=error.title, since=since,
                 attempts=Greatest(F("attempts") - 1, 0))  # fmt: skip


def _queue_again(
    lease: Lease, error: RastrumError, *, seconds: int, step: str, since: str = "", **values: Any
) -> None:
    with around("jobs.give_back"):
        _write(
            lease,
            state=JobState.QUEUED,
            step=step,
            error=_error_json(error) | ({"since": since} if since else {}),
            timeline=[*_field(lease, "timeline"), [JobState.QUEUED, _now()]][-MAX_TIMELINE:],
            lease_until=None,
            not_before=Now() + timedelta(seconds=seconds),
            updated=Now(),
            **values,
        )


def cancel(job: Job) -> None:
    """Stop a job that has not ended. A running worker learns of it at its next beat."""
    with commit("jobs.cancel"):
        locked = _locked(job)
        if locked.is_final:
            raise Conflict(f"This job has already ended as {locked.state}.", code="job_has_ended")
        _set(locked, state=JobState.CANCELLED, fencing_token=F("fencing_token") + 1,
             lease_until=None, finished=Now())  # fmt: skip
        registration.release(job.pk)


def retry(job: Job) -> None:
    """Start a job over that ended without a product; its original is still there.

    Raises NotFound, Conflict (`job_cannot_be_retried`, `job_is_running`, `duplicate_id`).
    """
    with commit("jobs.retry"):
        locked = _locked(job)
        if locked.state not in (JobState.REJECTED, JobState.FAILED, JobState.CANCELLED):
            raise Conflict("Only a job that ended without a map can be tried again.",
                           code="job_cannot_be_retried")  # fmt: skip
        registration.require_replaceable(locked)
        _start_over(locked)


def answer(job: Job, answers: dict[str, Any]) -> None:
    """The owner's answer to `needs_input`; the job goes on without a new upload."""
    with commit("jobs.answer"):
        locked = _locked(job)
        if locked.state != JobState.NEEDS_INPUT:
            raise Conflict("This job does not wait for an answer.", code="no_answer_needed")
        Job.objects.filter(pk=job.pk).update(answers={**locked.answers, **answers})
        _start_over(locked)


def unfinished() -> QuerySet[Job]:
    """Jobs that have not ended."""
    return Job.objects.exclude(state__in=FINAL_STATES)


def is_due() -> Q:
    """Jobs whose time to be worked on has come."""
    return Q(state=JobState.QUEUED) & (Q(not_before=None) | Q(not_before__lte=Now()))


def _locked(job: Job) -> Job:
    """The job's row until the transaction ends. Raises NotFound where it was deleted."""
    locked = Job.objects.select_for_update().filter(pk=job.pk).first()
    if locked is None:
        raise NotFound("This job is not here any more.")
    return locked


def _start_over(job: Job) -> None:
    registration.reserve_again(job)
    _set(job, state=JobState.QUEUED, attempts=0, progress=0.0, step="", error=None,
         lease_until=None, not_before=None, finished=None)  # fmt: skip
    transaction.on_commit(lambda: ring(job.id), robust=True)


def _set(job: Job, *, state: str, **values: Any) -> None:
    timeline = [*job.timeline, [state, _now()]]
    Job.objects.filter(pk=job.pk).update(state=state, timeline=timeline, updated=Now(), **values)


def _end(lease: Lease, state: str, error: RastrumError | None, **values: Any) -> None:
    _write(
        lease,
        state=state,
        error=_error_json(error) if error else None,
        timeline=[*_field(lease, "timeline"), [state, _now()]],
        lease_until=None,
        finished=Now() if state in FINAL_STATES else None,
        updated=Now(),
        **values,
    )


def _write(lease: Lease, **values: Any) -> None:
    """The fence: changes the row only where our token is still the last one given."""
    changed = Job.objects.filter(
        pk=lease.job_id, fencing_token=lease.token, state__in=RUNNING_STATES
    ).update(**values)
    if not changed:
        raise LeaseLost()


def _field(lease: Lease, name: str) -> Any:
    """One value of the job's row. Raises LeaseLost where the row was deleted."""
    row = Job.objects.filter(pk=lease.job_id).values_list(name).first()
    if row is None:
        raise LeaseLost("The job is gone.")
    return row[0]


def _error_json(error: RastrumError) -> dict[str, Any]:
    return {
        "code": error.code,
        "message": error.detail,
        "hint": error.hint,
        "retryable": error.retryable,
    } | ({"options": error.options} if error.options else {})


def _lease_end() -> Any:
    return Now() + timedelta(seconds=settings.LEASE_SECONDS)


def _now() -> str:
    """The database's clock, RFC 3339."""
    with connection.cursor() as cursor:
        cursor.execute("select clock_timestamp()")
        return format_instant(cursor.fetchone()[0])
