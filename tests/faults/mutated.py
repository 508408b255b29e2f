"""Thousands of mutated files through the doors of a running product, honest ones among them."""

from __future__ import annotations

import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from tests.faults.callers import C, Caller, raster
from tests.faults.tallies import Tally
from tests.faults.world import World, world
from tests.fuzz.mutations import NAMED_ENDS, Mutant, mutants

AT_ONCE = 8
HONEST_EVERY = 25
"""Of so many uploads one is a good raster, which must be published whatever the others do."""
MOST_SECONDS = 60.0
WAIT_SECONDS = 300.0


def run(seed: int, count: int, start: int = 0) -> Tally:
    """Send `count` mutants; number i is the same for the same seed (see tests/fuzz)."""
    tally = Tally("mutated uploads", seed)
    began = time.monotonic()
    with world(store="folder", MIN_FREE_BYTES="1000000") as built:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            trials = pool.map(
                lambda pair: _trial(built, *pair),
                enumerate(mutants(count, seed=seed, start=start), start),
            )
            for number, (outcomes, seconds, problems) in enumerate(trials, start):
                tally.add(seconds, problems, where=f"mutant {number}")
                tally.outcomes = dict(Counter(tally.outcomes) + outcomes)
                if number % 100 == 99:
                    print(f"{number + 1:,} mutants, {len(tally.problems)} problems", flush=True)
        wrong = built.settle()
        left = [] if wrong else _left_over(built)
        tally.problems += [wrong] * bool(wrong) + left
    tally.seconds = time.monotonic() - began
    return tally


def _trial(built: World, number: int, mutant: Mutant) -> tuple[Counter[str], float, list[str]]:
    """States, seconds of work, and what was wrong, of one mutant and perhaps an honest file."""
    client = built.client()
    answer = client.send_file(C, mutant.content, mutant.name)
    if answer.status_code in (400, 413):  # such as an empty file
        return Counter({"refused": 1}), 0.0, []
    if answer.status_code != 202:
        return Counter(), 0.0, [f"{mutant.name}: {answer.status_code} {answer.text[:200]}"]
    job = client.wait_for(answer.json()["id"], seconds=WAIT_SECONDS)
    seconds, problems = _seconds(job), []
    if job["state"] not in NAMED_ENDS or seconds > MOST_SECONDS or job["attempts"] > 1:
        problems.append(f"{mutant.name}: {job['state']} after {seconds:.0f} s, {job['error']}")
    if number % HONEST_EVERY == 0:
        problems += _honest(built, number)
    return Counter({job["state"]: 1}), seconds, problems


def _honest(built: World, number: int) -> list[str]:
    caller = Caller(built.client(), built.ledger, number, random.Random(number))
    job = caller.client.send_file(C, raster(caller.chance), f"honest-{number}.tif").json()
    ended = caller.client.wait_for(job["id"], seconds=WAIT_SECONDS)
    fine = ended["state"] == "published" and ended["attempts"] == 1
    return [] if fine else [f"an honest file ended as {ended['state']}: {ended['error']}"]


def _seconds(job: dict[str, Any]) -> float:
    """From its claim to its end."""
    instants = [datetime.fromisoformat(at) for state, at in job["timeline"] if state != "queued"]
    return (instants[-1] - instants[0]).total_seconds() if instants else 0.0


def _left_over(built: World) -> list[str]:
    scratch = [str(path) for path in (built.product.data_dir / "work" / "jobs").glob("*")]
    found = built.auditor.insist("reconcile", rehearse=True)
    return [f"left over: {path}" for path in scratch] + [
        f"left over: {kind} {names[:3]}"
        for kind, names in found.items()
        if names and kind in ("objects", "staging", "missing")
    ]
