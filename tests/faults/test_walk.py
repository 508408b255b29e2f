"""Some fifty cycles of traffic and faults, after each of which every invariant holds."""

from __future__ import annotations

import os
import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.cards import deck
from tests.faults.walk import CARDS, Walk
from tests.faults.world import world
from tests.services import ceph

SEED = int(os.environ.get("FAULT_SEED") or 20261125)
"""The same at each run, so that a run that fails says something of the change; `make soak` takes
another one each time."""
CYCLES = {"folder": 50, "ceph": 8}


def test_the_cycles_on_a_folder_kill_at_every_failpoint() -> None:
    kills = [card for card in deck(random.Random(0), store="folder") if card.fault == "kill"]
    assert len(kills) <= CARDS * CYCLES["folder"]


@pytest.mark.faults
@pytest.mark.services
def test_nothing_is_lost_halved_orphaned_doubled_or_shown() -> None:
    """Three worlds side by side: most of a cycle is waiting for leases."""
    if missing := ceph.missing_programs():
        pytest.skip(f"Ceph is not installed: {', '.join(missing)}")
    print("FAULT_SEED", SEED)
    half = CYCLES["folder"] // 2
    walks = [("folder", 0, half), ("folder", half, half), ("ceph", 0, CYCLES["ceph"])]
    with ThreadPoolExecutor(len(walks)) as pool:
        for ended in [pool.submit(_walk, *walk) for walk in walks]:
            ended.result()


def _walk(store: str, first: int, count: int) -> None:
    with world(store=store) as built:
        for report in Walk(built, SEED).cycles(count, first):
            print(store, report.number, f"{report.seconds:.1f} s", *report.faults)
            again = f"python -m tests.faults --seed {SEED} --from {report.number} --cycles 1"
            assert not report.problems, (f"{again} --store {store}", report.faults, report.problems)
