"""The deck: every failpoint with every fault that can strike there, shuffled by a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.faults.occasions import FOLDER_ALONE, OCCASIONS, S3_ALONE, Occasion

LOST = {"store": ("store",), "jobs": ("database",), "uploads": ("database",),
        "registration": ("database",), "collections": ("database",), "sweeping": ("database",),
        "reconciling": ("database",), "broker": ("broker",), "pyramids": ("database",),
        "overviews": ("database",)}  # fmt: skip
"""First part of a failpoint's name -> errors that mean: it was done, but the answer is lost."""
LOST_ONE_BY_ONE = {
    "resumable.begin": ("database",), "resumable.acknowledge": ("database",),
    "resumable.claim": ("database",), "resumable.forget": ("database",),
    "resumable.join": ("database",), "resumable.release": ("database",),
    "resumable.note_stored": ("database",), "resumable.note_parts": ("database",),
    "resumable.write": ("full",), "resumable.sync": ("full",),
}  # fmt: skip


@dataclass(frozen=True)
class Card:
    """One fault at one place."""

    place: str
    fault: str
    tries: int = 0

    @property
    def failpoint(self) -> str:
        """The place's name without `before` or `after`."""
        return self.place.rpartition(".")[0]

    @property
    def occasion(self) -> Occasion:
        """What reaches it."""
        return OCCASIONS[self.failpoint]

    def __str__(self) -> str:
        return f"{self.place}={self.fault}"


def deck(chance: random.Random, *, store: str) -> list[Card]:
    """All cards once: first each failpoint's kills, then the lost answers."""
    names = sorted(set(OCCASIONS) - (FOLDER_ALONE if store == "ceph" else S3_ALONE))
    kills = [Card(f"{name}.{side}", "kill") for name in names for side in ("before", "after")]
    lost = [Card(f"{name}.after", f"raise:{kind}") for name in names for kind in _lost(name, store)]
    chance.shuffle(kills)
    chance.shuffle(lost)
    if store == "ceph":
        # What differs from a folder comes first: its cycles take longer, so there are fewer.
        kills.sort(key=lambda card: not card.failpoint.startswith("store."))
    return kills + lost


def _lost(name: str, store: str) -> tuple[str, ...]:
    if name.startswith("store.") and store != "ceph":
        return ("full",) if name != "store.delete" else ()
    return LOST_ONE_BY_ONE.get(name) or LOST.get(name.partition(".")[0], ())
