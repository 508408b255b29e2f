"""What a long run counts, as a table and as JSON."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Tally:
    """One kind of trial."""

    name: str
    seed: int
    count: int = 0
    seconds: float = 0.0
    slowest_seconds: float = 0.0
    recoveries: list[float] = field(default_factory=list)
    """Seconds until everything rested after a fault."""
    problems: list[str] = field(default_factory=list)
    outcomes: dict[str, int] = field(default_factory=dict)

    def add(self, seconds: float, problems: list[str], *, where: str) -> None:
        """One trial."""
        self.count += 1
        self.seconds += seconds
        self.slowest_seconds = max(self.slowest_seconds, seconds)
        self.problems += [f"{where}: {problem}" for problem in problems]

    @property
    def recovery_p95(self) -> float | None:
        """95 % of the recoveries took no longer; None where none was measured."""
        if len(self.recoveries) < 2:
            return self.recoveries[0] if self.recoveries else None
        return statistics.quantiles(self.recoveries, n=20)[18]

    def to_json(self) -> dict[str, Any]:
        """All of it but single recoveries."""
        values = asdict(self)
        del values["recoveries"]
        return values | {"recovery_p95": self.recovery_p95}


def table(tallies: list[Tally]) -> str:
    """One line a tally."""
    lines = [
        f"{'trial':24} {'count':>7} {'problems':>9} {'seconds':>9} {'slowest':>8} {'p95 rest':>9}"
    ]
    for tally in tallies:
        p95 = "" if tally.recovery_p95 is None else f"{tally.recovery_p95:.1f}"
        lines.append(
            f"{tally.name:24} {tally.count:7,} {len(tally.problems):9,} {tally.seconds:9.0f} "
            f"{tally.slowest_seconds:8.1f} {p95:>9}"
        )
        if tally.outcomes:
            told = ", ".join(f"{name} {n:,}" for name, n in sorted(tally.outcomes.items()))
            lines.append(f"    {told}")
    return "\n".join(lines)
