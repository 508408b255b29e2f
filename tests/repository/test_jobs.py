from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.db import connection, transaction
from django.db.models.functions import Now
from kombu.exceptions import OperationalError

from repository import jobs, lost_jobs, registration
from repository.errors import (
    Conflict,
    LeaseLost,
    NeedsInput,
    NotFound,
    OutOfSpace,
    Rejected,
    StepFailed,
    Unavailable,
)
from repository.findings import Findings
from repository.jobs import Lease
from repository.models import Job, Product
from repository.models.job import FINAL_STATES, JobState
from repository.models.product import ProductState
from tests.repository.conftest import STYLE, MakeJob, Role, raster_info

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_wait_between_tries(settings: LazySettings) -> None:
    settings.RETRY_SECONDS = 0


def state_of(job: Job) -> str:
    job.refresh_from_db()
    return job.state


def run_out(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(lease_until=Now() - timedelta(seconds=1))


def claimed(job: Job) -> Lease:
    lease = jobs.claim(job.pk, "worker")
    assert lease is not None
    return lease


def publish(job: Job, lease: Lease) -> None:
    with transaction.atomic():
        jobs.mark_published(lease)
        registration.publish(job.product_id, raster_info(), STYLE, [], request=job.request)


def test_a_claimed_job_is_not_claimed_again(make_job: MakeJob) -> None:
    job = make_job()
    claimed(job)
    assert jobs.claim(job.pk, "another") is None


def test_an_unknown_job_cannot_be_claimed(db: None) -> None:
    assert jobs.claim(uuid.uuid4(), "worker") is None


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_of_eight_claims_at_once_one_gets_the_job(make_job: MakeJob) -> None:
    job = make_job()
    start, leases = threading.Barrier(8), []

    def claim() -> None:
        start.wait()
        try:
            leases.append(jobs.claim(job.pk, "worker"))
        finally:
            connection.close()

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [lease for lease in leases if lease is not None] == [Lease(job.pk, 1)]


def test_a_job_whose_lease_ran_out_is_taken_over(make_job: MakeJob) -> None:
    job = make_job()
    first = claimed(job)
    run_out(job)
    assert claimed(job).token == first.token + 1


@pytest.mark.parametrize(
    "write",
    [
        jobs.beat,
        lambda lease: jobs.advance(lease, progress=0.5),
        lambda lease: jobs.advance(lease, progress=0.5, state=JobState.CONVERTING),
        lambda lease: jobs.note_findings(lease, Findings()),
        lambda lease: jobs.finish(lease, JobState.REJECTED, Rejected("late")),
        lambda lease: jobs.give_back(lease, StepFailed()),
        jobs.mark_published,
    ],
)
def test_a_worker_that_lost_its_lease_writes_nothing(
    make_job: MakeJob, write: Callable[[Lease], None]
) -> None:
    job = make_job()
    old = claimed(job)
    run_out(job)
    claimed(job)
    before = Job.objects.values().get(pk=job.pk)
    with pytest.raises(LeaseLost), transaction.atomic():
        write(old)
    assert Job.objects.values().get(pk=job.pk) == before


def test_an_old_worker_publishes_nothing(make_job: MakeJob) -> None:
    job = make_job()
    old = claimed(job)
    run_out(job)
    claimed(job)
    with pytest.raises(LeaseLost):
        publish(job, old)
    assert Product.objects.get(pk=job.product_id).state == ProductState.RESERVED


def test_publishing_twice_changes_nothing(make_job: MakeJob) -> None:
    job = make_job()
    publish(job, claimed(job))
    before = Product.objects.values().get(pk=job.product_id)
    with pytest.raises(Rejected) as refused, transaction.atomic():
        registration.publish(job.product_id, raster_info(), STYLE, [], request=job.request)
    assert refused.value.code == "product_changed"
    assert Product.objects.values().get(pk=job.product_id) == before


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_a_reader_sees_all_of_a_publication_or_nothing(make_job: MakeJob, owner: Role) -> None:
    job = make_job()
    lease = claimed(job)
    seen: list[tuple[str, str]] = []

    def look() -> None:
        seen.append((Job.objects.get(pk=job.pk).state, Product.objects.get().state))
        connection.close()

    def look_from_elsewhere() -> None:
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()

    with transaction.atomic():
        jobs.mark_published(lease)
        registration.publish(job.product_id, raster_info(), STYLE, [], request=job.request)
        look_from_elsewhere()
    look_from_elsewhere()
    assert seen == [("inspecting", "reserved"), ("published", "published")]


def test_a_beat_prolongs_the_lease(make_job: MakeJob) -> None:
    job = make_job()
    lease = claimed(job)
    run_out(job)
    jobs.beat(lease)
    assert jobs.claim(job.pk, "another") is None


def test_three_failures_of_ours_end_the_job_as_failed(make_job: MakeJob) -> None:
    job = make_job()
    states = []
    for _ in range(3):
        jobs.give_back(claimed(job), StepFailed("The disk is full."))
        states.append(state_of(job))
    assert states == ["queued", "queued", "failed"]
    assert job.error["retryable"] is True
    assert job.attempts == 3


def test_a_failed_job_frees_its_id(make_job: MakeJob) -> None:
    job = make_job()
    jobs.finish(claimed(job), JobState.FAILED, StepFailed())
    assert not Product.objects.exists()


def test_a_rejected_job_tells_why_and_frees_its_id(make_job: MakeJob) -> None:
    job = make_job()
    error = Rejected("It is a text.", code="not_a_raster", hint="Send a raster.")
    jobs.finish(claimed(job), JobState.REJECTED, error)
    assert state_of(job) == "rejected"
    assert job.error == {
        "code": "not_a_raster",
        "message": "It is a text.",
        "hint": "Send a raster.",
        "retryable": False,
    }
    assert not Product.objects.exists()


def test_a_job_that_needs_an_answer_keeps_its_id(make_job: MakeJob) -> None:
    job = make_job()
    jobs.finish(claimed(job), JobState.NEEDS_INPUT, NeedsInput(code="crs_missing"))
    assert state_of(job) == "needs_input"
    assert job.finished is None
    assert Product.objects.filter(slug="dem", state=ProductState.RESERVED).exists()


def test_an_answer_starts_the_job_over(make_job: MakeJob) -> None:
    job = make_job()
    jobs.finish(claimed(job), JobState.NEEDS_INPUT, NeedsInput(code="crs_missing"))
    jobs.answer(job, {"crs": "EPSG:32633"})
    assert state_of(job) == "queued"
    assert (job.answers, job.attempts, job.error) == ({"crs": "EPSG:32633"}, 0, None)
    publish(job, claimed(job))
    assert state_of(job) == "published"


def test_a_job_that_asks_nothing_takes_no_answer(make_job: MakeJob) -> None:
    with pytest.raises(Conflict) as refused:
        jobs.answer(make_job(), {"crs": "EPSG:32633"})
    assert refused.value.code == "no_answer_needed"


def test_cancelling_frees_the_id_and_stops_the_worker(make_job: MakeJob) -> None:
    job = make_job()
    lease = claimed(job)
    jobs.cancel(job)
    assert state_of(job) == "cancelled"
    assert not Product.objects.exists()
    with pytest.raises(LeaseLost):
        jobs.beat(lease)


def test_an_ended_job_cannot_be_cancelled(make_job: MakeJob) -> None:
    job = make_job()
    publish(job, claimed(job))
    with pytest.raises(Conflict) as refused:
        jobs.cancel(job)
    assert refused.value.code == "job_has_ended"


@pytest.mark.parametrize(
    "change", [jobs.cancel, jobs.retry, lambda job: jobs.answer(job, {"nodata": 0})]
)
def test_a_job_that_was_deleted_meanwhile_is_not_found(
    make_job: MakeJob, change: Callable[[Job], None]
) -> None:
    job = make_job()
    Job.objects.filter(pk=job.pk).delete()
    with pytest.raises(NotFound):
        change(job)


@pytest.mark.parametrize(
    "write",
    [
        lambda lease: jobs.finish(lease, JobState.REJECTED, Rejected()),
        lambda lease: jobs.give_back(lease, StepFailed()),
        lambda lease: jobs.put_off(lease, OutOfSpace()),
        lambda lease: jobs.advance(lease, progress=0.1, state=JobState.CONVERTING),
        jobs.mark_published,
    ],
)
def test_a_worker_of_a_deleted_job_has_lost_its_lease(
    make_job: MakeJob, write: Callable[[Lease], None]
) -> None:
    job = make_job()
    lease = claimed(job)
    Job.objects.filter(pk=job.pk).delete()
    with pytest.raises(LeaseLost):
        write(lease)


def test_a_retry_gets_all_that_the_uploader_said(make_job: MakeJob) -> None:
    job = make_job(title="Alps", description="High", properties={"a": 1}, visibility="private")
    jobs.cancel(job)
    jobs.retry(job)
    assert state_of(job) == "queued"
    product = Product.objects.get()
    assert (product.slug, product.title, product.description) == ("dem", "Alps", "High")
    assert (product.properties, product.visibility) == ({"a": 1}, "private")


def test_a_retry_is_refused_when_the_id_was_taken(
    make_job: MakeJob, make_product: Callable[..., Product]
) -> None:
    job = make_job()
    jobs.cancel(job)
    make_product("dem")
    with pytest.raises(Conflict) as refused:
        jobs.retry(job)
    assert refused.value.code == "duplicate_id"
    assert state_of(job) == "cancelled"


@pytest.mark.parametrize("state", ["queued", "published"])
def test_only_what_ended_without_a_map_is_retried(make_job: MakeJob, state: str) -> None:
    job = make_job()
    if state == "published":
        publish(job, claimed(job))
    with pytest.raises(Conflict) as refused:
        jobs.retry(job)
    assert refused.value.code == "job_cannot_be_retried"


def test_the_sweeper_rings_for_a_job_that_nobody_heard(make_job: MakeJob, rung: list[str]) -> None:
    job = make_job()
    assert lost_jobs.sweep() == 1
    assert rung == [str(job.pk)]


def test_the_sweeper_does_not_ring_twice_at_once(make_job: MakeJob) -> None:
    make_job()
    assert (lost_jobs.sweep(), lost_jobs.sweep()) == (1, 0)


def test_the_sweeper_rings_for_a_job_that_lost_its_worker(
    make_job: MakeJob, rung: list[str]
) -> None:
    job = make_job()
    claimed(job)
    assert lost_jobs.sweep() == 0
    run_out(job)
    assert lost_jobs.sweep() == 1


def test_a_job_that_killed_its_worker_three_times_is_failed(make_job: MakeJob) -> None:
    job = make_job()
    for _ in range(3):
        claimed(job)
        run_out(job)
    assert jobs.claim(job.pk, "worker") is None
    lost_jobs.sweep()
    assert state_of(job) == "failed"
    assert job.error["code"] == "worker_lost"
    assert not Product.objects.exists()


@pytest.mark.parametrize("error", [OperationalError("dead"), ConnectionRefusedError("dead")])
def test_a_dead_broker_is_no_error(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise error

    monkeypatch.setattr("repository.jobs.current_app.send_task", refuse)
    jobs.ring(make_job().pk)


def test_the_timeline_tells_each_state_in_order(make_job: MakeJob) -> None:
    job = make_job()
    jobs.give_back(claimed(job), StepFailed())
    lease = claimed(job)
    jobs.advance(lease, progress=0.1, state=JobState.CONVERTING)
    publish(job, lease)
    assert state_of(job) == "published"
    assert [state for state, _ in job.timeline] == [
        "queued",
        "inspecting",
        "queued",
        "inspecting",
        "converting",
        "published",
    ]
    instants = [instant for _, instant in job.timeline]
    assert instants == sorted(instants)


def test_a_job_that_failed_by_our_fault_waits_before_its_next_try(
    make_job: MakeJob, settings: LazySettings
) -> None:
    settings.RETRY_SECONDS = 15
    job = make_job()
    jobs.give_back(claimed(job), StepFailed())
    assert jobs.claim(job.id, "two") is None
    assert lost_jobs.sweep() == 0
    Job.objects.filter(pk=job.pk).update(not_before=Now() - timedelta(seconds=1))
    assert jobs.claim(job.id, "two") is not None


def test_a_job_that_is_put_off_waits_without_using_up_a_try(
    make_job: MakeJob, settings: LazySettings
) -> None:
    job = make_job()
    for _ in range(settings.MAX_ATTEMPTS + 2):
        jobs.put_off(claimed(job), OutOfSpace("The disk is full."))
    assert (state_of(job), job.attempts, job.step) == ("queued", 0, "No space left")
    assert job.error["code"] == "out_of_space"
    publish(job, claimed(job))
    assert state_of(job) == "published"


def test_a_job_that_found_no_room_for_a_day_fails_and_can_be_tried_again(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "ROOM_SECONDS", 0.2)
    job = make_job()
    jobs.put_off(claimed(job), OutOfSpace("The disk is full."))
    assert state_of(job) == "queued"
    time.sleep(0.3)
    jobs.put_off(claimed(job), OutOfSpace("The disk is full."))
    assert (state_of(job), job.error["code"], job.error["retryable"]) == (
        "failed", "out_of_space", True,
    )  # fmt: skip
    jobs.retry(job)
    jobs.put_off(claimed(job), OutOfSpace("The disk is full."))
    assert state_of(job) == "queued"


def test_a_store_that_is_away_is_waited_for_without_end(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "ROOM_SECONDS", 0)
    job = make_job()
    for _ in range(3):
        jobs.put_off(claimed(job), Unavailable("The store does not answer."))
    assert state_of(job) == "queued"


def test_a_job_that_waits_for_long_keeps_a_short_timeline(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "MAX_TIMELINE", 5)
    job = make_job()
    for _ in range(6):
        jobs.put_off(claimed(job), OutOfSpace())
    assert state_of(job) == "queued"
    assert len(job.timeline) == 5


def test_the_sweeper_spares_a_job_that_beats_at_the_last_moment(
    make_job: MakeJob, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job()
    for _ in range(settings.MAX_ATTEMPTS):
        lease = claimed(job)
        run_out(job)
    commit = lost_jobs.commit

    def beat_first(name: str) -> AbstractContextManager[None]:
        jobs.beat(lease)
        return commit(name)

    monkeypatch.setattr(lost_jobs, "commit", beat_first)
    lost_jobs.sweep()
    assert state_of(job) == "inspecting"


STATES = [str(state) for state in JobState]


@pytest.mark.parametrize("state", STATES)
def test_a_job_is_cancelled_in_any_state_that_is_not_final(make_job: MakeJob, state: str) -> None:
    job = make_job()
    Job.objects.filter(pk=job.pk).update(state=state)
    if state in FINAL_STATES:
        with pytest.raises(Conflict):
            jobs.cancel(job)
        return
    jobs.cancel(job)
    assert state_of(job) == "cancelled"
    assert not Product.objects.exists()


@pytest.mark.parametrize("state", ["rejected", "failed", "cancelled"])
def test_a_retry_after_each_end_reserves_an_id_of_its_own(make_job: MakeJob, state: str) -> None:
    job = make_job()
    first = job.product_id
    lease = claimed(job)
    if state == "cancelled":
        jobs.cancel(job)
    else:
        jobs.finish(lease, state, StepFailed())
    jobs.retry(Job.objects.get(pk=job.pk))
    assert (state_of(job), job.attempts, job.error) == ("queued", 0, None)
    assert job.product_id not in (None, first)
    with pytest.raises(LeaseLost):
        jobs.beat(lease)


def test_a_worker_from_before_a_retry_writes_nothing_after_it(make_job: MakeJob) -> None:
    job = make_job()
    old = claimed(job)
    jobs.cancel(job)
    jobs.retry(Job.objects.get(pk=job.pk))
    new = claimed(job)
    with pytest.raises(LeaseLost):
        jobs.finish(old, JobState.REJECTED, Rejected("late"))
    jobs.beat(new)
