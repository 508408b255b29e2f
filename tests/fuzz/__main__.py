"""`make fuzz`: thousands of mutated uploads through the pixel child; a table, and JSON.

Ends with 1 where one of them ended in no named state, hung, left a file or touched the bait.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from tests.fuzz.canaries import canaries
from tests.fuzz.mutations import mutants
from tests.fuzz.running import Ending, run_mutants, table
from tests.fuzz.seeds import Bait

RESULTS = Path(__file__).resolve().parents[2] / "build" / "fuzz"


def main() -> int:
    """Run as the arguments say; the exit code."""
    parser = argparse.ArgumentParser(prog="make fuzz")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--start", type=int, default=0, help="number of the first mutant")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    RESULTS.mkdir(parents=True, exist_ok=True)
    with (RESULTS / "children.log").open("w") as said:
        os.dup2(said.fileno(), 2)  # what GDAL thinks of ten thousand broken files
    print(f"{asked.count} mutants from {asked.start} on, seed {asked.seed}", flush=True)
    with tempfile.TemporaryDirectory(dir="/tmp") as name, canaries(Path(name)) as canary:
        bait = Bait(str(canary.path), f"http://127.0.0.1:{canary.port}/canary.tif")
        made = mutants(asked.count, seed=asked.seed, start=asked.start, bait=bait)
        started = time.monotonic()
        endings = []
        for ending in run_mutants(made, processes=asked.processes, keep=RESULTS / "failed"):
            endings.append(ending)
            if len(endings) % 500 == 0:
                print(f"{len(endings)} in {time.monotonic() - started:.0f} s", flush=True)
        touched = {"canary_reads": int(canary.was_read()), "canary_calls": canary.callers}
    return _report(endings, touched, asked.seed, time.monotonic() - started)


def _report(endings: list[Ending], touched: dict[str, object], seed: int, seconds: float) -> int:
    bad = [ending for ending in endings if not ending.is_named]
    codes = Counter(f"{ending.state} {ending.code}".strip() for ending in endings)
    slowest = max(endings, key=lambda ending: ending.seconds)
    print(table(endings), "", *(f"{n:>7}  {code}" for code, n in codes.most_common()), sep="\n")
    print(f"\nslowest {slowest.seconds:.1f} s ({slowest.name}); bait {touched}; bad {len(bad)}")
    for ending in bad[:20]:
        print(
            f"  {ending.name}: {ending.state} {ending.code} {ending.seconds:.1f} s {ending.detail}"
        )
    result = {"seed": seed, "count": len(endings), "seconds": seconds, "codes": codes, **touched,
              "slowest": asdict(slowest), "bad": [asdict(ending) for ending in bad]}  # fmt: skip
    (RESULTS / "fuzz.json").write_text(json.dumps(result, indent=1))
    return int(bool(bad or touched["canary_reads"] or touched["canary_calls"]))


if __name__ == "__main__":
    sys.exit(main())
