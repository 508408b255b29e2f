from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from repository import jobs
from repository.models import ApiToken
from repository.models.job import JobState
from tests.repository.conftest import MakeJob, Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def events(shared_connection: None) -> TestClient:
    from repository.api.events import app

    return TestClient(app, base_url="http://localhost", raise_server_exceptions=False)


def jobs_in(text: str) -> list[dict[str, Any]]:
    lines = text.splitlines()
    return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]


def test_a_jobs_events_end_with_its_end(events: TestClient, make_job: MakeJob, owner: Role) -> None:
    job = make_job()
    jobs.cancel(job)
    answer = events.get(f"/api/jobs/{job.pk}/events", headers=owner.headers)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    assert [j["state"] for j in jobs_in(answer.text)] == ["cancelled"]


def test_each_change_is_an_event(
    events: TestClient, make_job: MakeJob, owner: Role, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job()
    lease = jobs.claim(job.pk, "worker")
    assert lease is not None
    from repository.api import events as module

    looks = iter([lambda: None, lambda: jobs.finish(lease, JobState.CANCELLED)])
    recent = module._recent

    def change_then_look(*args: Any, **options: Any) -> Any:
        with module.borrowed_connection():
            next(looks)()
            # One transaction has one now(): make the change visible as a later one.
            from datetime import timedelta

            from django.db.models.functions import Now

            from repository.models import Job

            if Job.objects.get(pk=job.pk).is_final:
                Job.objects.filter(pk=job.pk).update(updated=Now() + timedelta(seconds=1))
        return recent(*args, **options)

    monkeypatch.setattr(module, "_recent", change_then_look)
    answer = events.get(f"/api/jobs/{job.pk}/events", headers=owner.headers)
    assert [j["state"] for j in jobs_in(answer.text)] == ["inspecting", "cancelled"]


@pytest.mark.parametrize("address", ["/api/jobs/events", "/api/jobs/{}/events"])
def test_the_public_has_no_events(events: TestClient, make_job: MakeJob, address: str) -> None:
    answer = events.get(address.format(make_job().pk))
    assert (answer.status_code, answer.json()["code"]) == (401, "sign_in_required")


def test_anothers_job_has_no_events(events: TestClient, make_job: MakeJob, stranger: Role) -> None:
    answer = events.get(f"/api/jobs/{make_job().pk}/events", headers=stranger.headers)
    assert answer.status_code == 404


@pytest.mark.parametrize("job_id", ["x", "%00", "00000000-0000-0000-0000-000000000000"])
def test_an_unknown_job_has_no_events(events: TestClient, owner: Role, job_id: str) -> None:
    assert events.get(f"/api/jobs/{job_id}/events", headers=owner.headers).status_code == 404


def test_a_wrong_token_has_no_events(events: TestClient, make_job: MakeJob) -> None:
    answer = events.get("/api/jobs/events", headers={"Authorization": "Bearer rst_wrong"})
    assert answer.status_code == 401


def test_the_events_of_all_jobs_are_ones_own_and_end_with_ones_token(
    events: TestClient,
    make_job: MakeJob,
    owner: Role,
    stranger: Role,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from repository.api import events as module

    mine, others = make_job("mine"), make_job("others", by=stranger.user)
    monkeypatch.setattr(module, "RECHECK_SECONDS", 0)
    recent = module._recent

    def look_then_revoke(*args: Any, **options: Any) -> Any:
        found = recent(*args, **options)
        with module.borrowed_connection():
            ApiToken.objects.filter(user=owner.user).delete()
        return found

    monkeypatch.setattr(module, "_recent", look_then_revoke)
    answer = events.get("/api/jobs/events", headers=owner.headers)
    seen = {j["id"] for j in jobs_in(answer.text)}
    assert str(mine.pk) in seen
    assert str(others.pk) not in seen
