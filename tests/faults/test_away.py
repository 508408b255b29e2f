"""While the database is away every door says so, and when to come back."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import requests

from tests.faults.callers import TUS, Caller
from tests.faults.invariants import doors
from tests.faults.processes import descendants, send
from tests.faults.world import World

pytestmark = [pytest.mark.faults, pytest.mark.services]


@pytest.fixture
def no_database(folder_world: World) -> Iterator[None]:
    """PostgreSQL is killed as often as it is started again."""
    over = threading.Event()

    def keep_dead() -> None:
        while not over.is_set():
            try:
                pid = folder_world.product.pid("postgres")
                send({pid, *descendants(pid)}, signal.SIGKILL)
            except (FileNotFoundError, ValueError):
                pass
            time.sleep(0.05)

    thread = threading.Thread(target=keep_dead)
    thread.start()
    time.sleep(1)
    yield
    over.set()
    thread.join()


@pytest.mark.parametrize("user", ["admin", ""])
def test_every_door_is_503_with_retry_after(
    folder_world: World, sender: Caller, user: str, request: pytest.FixtureRequest
) -> None:
    entry = sender.new_entry()
    sender.send_form(entry)
    assert sender.wait_for(entry, "published")
    folder_world.product.token()
    request.getfixturevalue("no_database")
    addresses = [*doors(entry), "/", "/api/collections", "/ogc/collections"]
    addresses += ["/api/uploads/"] if user else []
    with ThreadPoolExecutor(len(addresses)) as pool:
        answers = dict(
            zip(addresses, pool.map(partial(_ask, folder_world, user), addresses), strict=True)
        )
    wrong = {
        door: (answer.status_code, answer.text[:200])
        for door, answer in answers.items()
        if answer.status_code != 503 or "Retry-After" not in answer.headers
    }
    assert not wrong


def _ask(world: World, user: str, door: str) -> requests.Response:
    method, headers = ("POST", TUS | {"Upload-Length": "5"}) if "uploads" in door else ("GET", {})
    return world.client(user).request(method, door, headers=headers, timeout=60)
