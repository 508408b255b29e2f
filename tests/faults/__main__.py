"""`make soak`: cycles of faults, mutated uploads and cut uploads, as many as are asked for.

    python -m tests.faults [--cycles N] [--mutants N] [--cuts N] [--recoveries N]
                           [--seed N] [--store folder|ceph]

Prints a table, writes JSON to build/soak.json, and ends with 1 where anything was found. A cycle
that failed is played again with `--seed SEED --from CYCLE --cycles 1 --store STORE`.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
import time
from pathlib import Path

from tests.faults import cuts, recovery
from tests.faults.tallies import Tally, table
from tests.faults.walk import Walk
from tests.faults.world import world

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "build" / "soak.json"


def main() -> int:
    given = _arguments()
    # Servers of ours must not outlive a run that is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    print(f"seed {given.seed}", flush=True)
    tallies: list[Tally] = []
    stores = [given.store] if given.store else ["folder", "ceph"]
    for store in stores if given.cycles else []:
        count = -(-given.cycles // len(stores))
        tallies.append(_walk(store, given.seed, count, given.first))
    if given.mutants:
        # Imported here: it makes its seeds with the raster libraries at once.
        from tests.faults import mutated

        tallies.append(mutated.run(given.seed, given.mutants))
    if given.cuts:
        tallies.append(cuts.run(given.seed, given.cuts))
    if given.recoveries:
        tallies.append(recovery.run(given.seed, given.recoveries))
    print(table(tallies))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps([tally.to_json() for tally in tallies], indent=1))
    return 1 if any(tally.problems for tally in tallies) else 0


def _walk(store: str, seed: int, count: int, first: int) -> Tally:
    tally = Tally(f"cycles on {store}", seed)
    with world(store=store) as built:
        for report in Walk(built, seed).cycles(count, first):
            tally.add(report.seconds, report.problems, where=f"{store} cycle {report.number}")
            tally.recoveries.append(report.recovery_seconds)
            print(
                f"{store:6} {report.number:4} {report.seconds:5.1f} s, rest after "
                f"{report.recovery_seconds:4.1f} s  {' '.join(report.faults)}",
                *(f"\n    {problem}" for problem in report.problems),
                flush=True,
            )
    return tally


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--cycles", type=int, default=0)
    parser.add_argument("--mutants", type=int, default=0)
    parser.add_argument("--cuts", type=int, default=0)
    parser.add_argument("--recoveries", type=int, default=0)
    parser.add_argument("--seed", type=int, default=random.Random(time.time_ns()).randrange(10**9))
    parser.add_argument("--from", dest="first", type=int, default=0, metavar="CYCLE")
    parser.add_argument("--store", choices=["folder", "ceph"])
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
