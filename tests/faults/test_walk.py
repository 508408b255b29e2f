"""Fifty cycles of traffic and faults, after each of which every invariant holds."""

from __future__ import annotations

import os
import random

import pytest

from tests.faults.cards import deck
from tests.faults.walk import CARDS, Walk
from tests.faults.world import world
from tests.services import ceph

SEED = int(os.environ.get("FAULT_SEED") or random.randrange(10**9))
CYCLES = {"folder": 42, "ceph": 8}


def test_the_cycles_on_a_folder_kill_at_every_failpoint() -> None:
    kills = [card for card in deck(random.Random(0), store="folder") if card.fault == "kill"]
    assert len(kills) <= CARDS * CYCLES["folder"]


@pytest.mark.faults
@pytest.mark.services
@pytest.mark.parametrize("store", ["folder", "ceph"])
def test_nothing_is_lost_halved_orphaned_doubled_or_shown(store: str) -> None:
    if store == "ceph" and (missing := ceph.missing_programs()):
        pytest.skip(f"Ceph is not installed: {', '.join(missing)}")
    print("FAULT_SEED", SEED)
    with world(store=store) as built:
        for report in Walk(built, SEED).cycles(CYCLES[store]):
            print(report.number, f"{report.seconds:.1f} s", *report.faults)
            again = f"python -m tests.faults --seed {SEED} --from {report.number} --cycles 1"
            assert not report.problems, (f"{again} --store {store}", report.faults, report.problems)
