"""Workers that sleep, die or hear a bell many times: each job gives one product."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.faults import damage
from tests.faults.callers import Caller, raster
from tests.faults.invariants import doors
from tests.faults.processes import descendants, send
from tests.faults.world import World, job_of

pytestmark = [pytest.mark.faults, pytest.mark.services]


def stopped_below(pid: int) -> set[int]:
    """Processes below one that were stopped (proc(5): state T)."""
    found = set()
    for child in descendants(pid):
        try:
            stat = Path(f"/proc/{child}/stat").read_text()
        except OSError:
            continue
        if stat.rpartition(")")[2].split()[0] == "T":
            found.add(child)
    return found


def wait_for_stopped(world: World, seconds: float = 30) -> set[int]:
    deadline = time.monotonic() + seconds
    while not (stopped := stopped_below(world.product.pid("worker"))):
        assert time.monotonic() < deadline, "no worker reached the place"
        time.sleep(0.1)
    return stopped


@pytest.mark.parametrize(
    "place",
    ["jobs.advance.before", "store.place.before", "store.place.after", "jobs.publish.before",
     "jobs.note_findings.after"],
)  # fmt: skip
def test_a_worker_that_sleeps_beyond_its_lease_changes_nothing_when_it_wakes(
    folder_world: World, sender: Caller, place: str
) -> None:
    entry = sender.new_entry()
    # Its store's place is reached by the web server first, unless it is armed late.
    if place.startswith("store."):
        folder_world.arm("jobs.claim.after", "sleep:1")
    sender.send_form(entry)
    folder_world.arm(place, "stop")
    stopped = wait_for_stopped(folder_world)
    try:
        assert sender.wait_for(entry, "published", seconds=60), job_of(sender.client, entry.job)
        before = sender.client.document(doors(entry)[0])
    finally:
        send(stopped, signal.SIGCONT)
    time.sleep(3)
    job = job_of(sender.client, entry.job)
    assert (job["state"], job["attempts"]) == ("published", 2)
    assert sender.client.document(doors(entry)[0]) == before


def test_a_worker_that_sleeps_in_the_middle_of_its_commit_holds_nobody_up(
    folder_world: World, sender: Caller
) -> None:
    """Its rows are locked; the database ends a transaction in which nothing happens."""
    entry = sender.new_entry()
    folder_world.arm("jobs.publish.before", "stop")
    sender.send_form(entry)
    stopped = wait_for_stopped(folder_world)
    send(stopped, signal.SIGCONT)
    assert sender.wait_for(entry, "published", seconds=60)


def test_a_message_that_is_delivered_many_times_gives_one_product(
    folder_world: World, sender: Caller
) -> None:
    entry = sender.new_entry(content=raster(sender.chance, edge=600))
    folder_world.arm("jobs.claim.before", "sleep:1")
    sender.send_form(entry)
    folder_world.auditor.insist("deliver", job=entry.job, times=10)
    assert sender.wait_for(entry, "published")
    folder_world.auditor.insist("deliver", job=entry.job, times=5)
    time.sleep(2)
    product = sender.client.document(doors(entry)[0])
    assert (product["version"], len(product["assets"])) == (1, 2)
    assert job_of(sender.client, entry.job)["attempts"] == 1


def test_jobs_in_flight_survive_a_broker_that_forgets_everything(
    folder_world: World, sender: Caller
) -> None:
    entries = [sender.new_entry() for _ in range(30)]
    for entry in entries:
        sender.send_form(entry)
    damage.flush_redis(folder_world, sender.chance)
    for entry in entries:
        assert sender.wait_for(entry, "published", seconds=120), job_of(sender.client, entry.job)


def test_a_dead_broker_delays_no_upload_for_long(folder_world: World, sender: Caller) -> None:
    damage.kill_redis(folder_world, sender.chance)
    entry = sender.new_entry()
    began = time.monotonic()
    sender.send_form(entry)
    assert entry.job
    assert time.monotonic() - began < 15
    assert sender.wait_for(entry, "published", seconds=60)


def test_a_lost_answer_of_the_publishing_commit_costs_nothing(
    folder_world: World, sender: Caller
) -> None:
    entry = sender.new_entry()
    folder_world.arm("jobs.publish.after", "raise:database")
    sender.send_form(entry)
    assert sender.wait_for(entry, "published")
    assert job_of(sender.client, entry.job)["attempts"] == 1


def test_a_restart_of_the_database_costs_a_running_job_no_try(
    folder_world: World, sender: Caller
) -> None:
    entry = sender.new_entry(content=raster(sender.chance, edge=1500))
    folder_world.arm("jobs.advance.before", "sleep:1")
    sender.send_form(entry)
    assert sender.wait_for(entry, "inspecting", "converting")
    damage.kill_postgres_backend(folder_world, sender.chance)
    assert sender.wait_for(entry, "published", seconds=60)
    assert job_of(sender.client, entry.job)["attempts"] == 1


def test_all_web_processes_killed_at_once_come_back_soon(
    folder_world: World, sender: Caller
) -> None:
    for _ in range(3):
        damage.kill_web_children(folder_world, sender.chance)
        began = time.monotonic()
        while folder_world.product.get("/livez") != 200:
            assert time.monotonic() - began < 30, "no server for half a minute"
            time.sleep(0.2)
