"""A store that is busy, stalls, cuts its answers or loses them: told, waited for, nothing lost."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator

import pytest

from tests.faults import invariants
from tests.faults.callers import C, Caller
from tests.faults.ledger import Fate
from tests.faults.store_proxy import StoreProxy, store_proxy
from tests.faults.world import BUCKET, World, world
from tests.services import ceph

pytestmark = [pytest.mark.faults, pytest.mark.s3]
KEYS = f"{ceph.ACCESS_KEY}:{ceph.SECRET_KEY}"


@pytest.fixture(scope="module")
def proxied(object_store: ceph.ObjectStore) -> Iterator[tuple[World, StoreProxy]]:
    """A product whose every word to the store goes through the proxy."""
    object_store.make_bucket(BUCKET)
    with store_proxy(object_store.endpoint) as proxy:
        url = f"s3://{KEYS}@{BUCKET}?endpoint={proxy.endpoint}"
        with world(store="folder", STORAGE_URL=url) as built:
            yield built, proxy


@pytest.fixture
def caller(proxied: tuple[World, StoreProxy]) -> Iterator[Caller]:
    """Somebody who sends files; in the end everything holds."""
    built, proxy = proxied
    caller = Caller(built.client(), built.ledger, 0, random.Random(1))
    yield caller
    proxy.always = ""
    proxy.faults.clear()
    assert built.settle() == ""
    assert caller.strange + invariants.problems(built) == []


@pytest.mark.parametrize("method", ["PUT", "GET"])
@pytest.mark.parametrize("fault", ["busy", "cut", "lost", "refuse"])
def test_a_fault_of_the_store_costs_no_upload(
    proxied: tuple[World, StoreProxy], caller: Caller, method: str, fault: str
) -> None:
    _, proxy = proxied
    proxy.faults += [(method, fault)] * 2
    entry = caller.new_entry()
    for _ in range(4):
        if entry.fate == Fate.SENT:
            caller.send_form(entry)
    assert entry.job
    assert caller.wait_for(entry, "published", seconds=90)
    assert (method, fault) in proxy.struck


def test_while_the_store_is_away_uploads_are_503_and_jobs_wait_without_losing_a_try(
    proxied: tuple[World, StoreProxy], caller: Caller
) -> None:
    built, proxy = proxied
    waiting = caller.new_entry()
    built.arm("jobs.claim.before", "sleep:2")
    caller.send_form(waiting)
    proxy.always = "refuse"
    answer = built.client().send_file(C, caller.new_entry().content, "refused.tif", id="refused")
    assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
    assert "Retry-After" in answer.headers
    assert built.product.get("/readyz") == 503
    job = built.client().wait_for(waiting.job, "queued")
    for _ in range(4):
        job = _after_the_next_try(built, waiting.job)
    assert (job["state"], job["error"]["code"]) == ("queued", "store_unavailable")
    assert job["attempts"] <= 1
    proxy.always = ""
    assert caller.wait_for(waiting, "published", seconds=90)


def test_a_store_that_stalls_holds_no_request_for_long(
    proxied: tuple[World, StoreProxy], caller: Caller
) -> None:
    _, proxy = proxied
    entry = caller.new_entry()
    caller.send_form(entry)
    assert caller.wait_for(entry, "published", seconds=90)
    proxy.always = "stall"
    door = invariants.doors(entry)[-1]
    answers: list[int] = []

    def fetch() -> None:
        answers.append(caller.client.get(door, timeout=170).status_code)

    thread = threading.Thread(target=fetch)
    thread.start()
    thread.join(170)
    assert answers == [503]


def _after_the_next_try(built: World, job: str) -> dict[str, object]:
    client = built.client()
    before = len(client.job(job)["timeline"])
    for _ in range(200):
        shown = client.job(job)
        if len(shown["timeline"]) > before and shown["state"] == "queued":
            return shown
        threading.Event().wait(0.1)
    raise AssertionError(f"it is not tried again: {shown}")
