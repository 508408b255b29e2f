"""Rows, printed as they are measured and kept as JSON."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.tiles.goals import OURS, Goal
from benchmarks.tiles.load import Run, Target, Tile, load

RESULTS = Path(__file__).resolve().parents[1] / "results"
HEAD = "| case | server | CPU ms/tile | x ours | tiles/s | p50 ms | KB/tile | bad | RSS MB |"


@dataclass
class Table:
    """What was measured so far."""

    rounds: int
    seconds: float
    rows: list[dict[str, Any]] = field(default_factory=list)
    verdicts: list[str] = field(default_factory=list)

    def measure(
        self, case: str, targets: Sequence[Target], tiles: Sequence[Tile], goals: Sequence[Goal]
    ) -> dict[str, Run]:
        """The servers in turns, round by round; medians, printed beside ours."""
        runs: dict[str, list[Run]] = {target.name: [] for target in targets}
        for target in targets:
            load(target, tiles, min(self.seconds, 2))  # caches, connections, compiled loops
        for _ in range(self.rounds):
            for target in targets:
                runs[target.name].append(load(target, tiles, self.seconds))
        middle = {name: _median(found) for name, found in runs.items()}
        self.add(case, middle, goals)
        return middle

    def add(self, case: str, found: dict[str, Run], goals: Sequence[Goal]) -> None:
        """Print one case's rows, and what became of its goals."""
        ours = found[OURS].cpu_ms
        for name, run in found.items():
            ratio = run.cpu_ms / ours if ours else 0.0
            self.rows.append({"case": case, "server": name, "x_ours": ratio, **asdict(run)})
            print(
                f"| {case} | {name} | {run.cpu_ms:.2f} | {ratio:.1f} | {run.rate:.0f} "
                f"| {run.p50_ms:.1f} | {run.kb:.1f} | {run.bad} | {run.rss_mb:.0f} |", flush=True,
            )  # fmt: skip
        for goal in goals:
            theirs = found.get(goal.peer)
            self.judge(case, goal.verdict(ours, theirs.cpu_ms if theirs else 0.0))

    def judge(self, case: str, words: str) -> None:
        """Keep a verdict, for the end."""
        self.verdicts.append(f"| {case} | {words} |")

    def skip(self, case: str, why: str) -> None:
        """A case that cannot be measured here."""
        self.judge(case, f"skipped: {why}")

    def finish(self) -> None:
        """Print the verdicts and write everything."""
        print("\n| case | reached? |\n|---|---|")
        print("\n".join(self.verdicts))
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"tiles-{time.strftime('%Y%m%dT%H%M%S')}.json"
        path.write_text(json.dumps({"rows": self.rows, "verdicts": self.verdicts}, indent=1))
        print(f"\nwritten to {path.relative_to(RESULTS.parents[1])}")


def print_head() -> None:
    """The table's first two lines."""
    print(f"{HEAD}\n|{'---|' * HEAD.count(' | ')}---|", flush=True)


def _median(runs: Sequence[Run]) -> Run:
    columns = {name: [getattr(run, name) for run in runs] for name in asdict(runs[0])}
    middle = {name: statistics.median(values) for name, values in columns.items()}
    return Run(**middle | {"bad": sum(columns["bad"]), "rss_mb": max(columns["rss_mb"])})
