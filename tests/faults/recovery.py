"""How long a job takes that loses its worker, with the lease and sweep times of a real server."""

from __future__ import annotations

import random
import time

from tests.faults import damage
from tests.faults.callers import Caller
from tests.faults.tallies import Tally
from tests.faults.world import world

MOST_SECONDS = 60.0
"""95 % of the jobs must be published so soon after their worker's death."""
PATIENCE_SECONDS = 180.0
REAL = {"LEASE_SECONDS": "30", "SWEEP_SECONDS": "15", "RETRY_SECONDS": "15"}
"""The defaults of config/settings.py."""


def run(seed: int, count: int) -> Tally:
    """Kill the worker `count` times in the middle of a job; each time until it is published."""
    tally = Tally("workers killed, real times", seed)
    with world(store="folder", **REAL) as built:
        for number in range(count):
            caller = Caller(built.client(), built.ledger, number, random.Random(f"{seed} {number}"))
            entry = caller.new_entry()
            built.arm("jobs.advance.before", "sleep:10")
            caller.send_form(entry)
            assert caller.wait_for(entry, "inspecting", "converting")
            time.sleep(caller.chance.random() * 5)
            damage.kill_worker(built, caller.chance)
            began = time.monotonic()
            came = caller.wait_for(entry, "published", seconds=PATIENCE_SECONDS)
            tally.recoveries.append(time.monotonic() - began)
            wrong = [] if came else [f"{entry.job} is not published"]
            tally.add(tally.recoveries[-1], wrong, where=f"kill {number}")
            print(f"recovered after {tally.recoveries[-1]:.1f} s", flush=True)
            built.disarm()
    if tally.recovery_p95 and tally.recovery_p95 > MOST_SECONDS:
        tally.problems.append(f"p95 is {tally.recovery_p95:.1f} s, more than {MOST_SECONDS:.0f}")
    return tally
