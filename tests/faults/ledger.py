"""What the callers were told: the only truth that the invariants are held against."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum


class Fate(StrEnum):
    """What a caller knows of a product of theirs."""

    SENT = "sent"
    """No answer came: it is there wholly, or not at all."""
    ACKNOWLEDGED = "acknowledged"
    """202 came: it must be there in the end."""
    REFUSED = "refused"
    """The bytes are no raster: the job must end as rejected, and nothing be there."""
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    REMOVING = "removing"
    REMOVED = "removed"


@dataclass
class Entry:
    """One product that somebody sent."""

    id: str
    content: bytes
    private: bool = False
    fate: Fate = Fate.SENT
    job: str = ""
    """Id of its job, once that was told."""
    cycle: int = 0

    @property
    def sha256(self) -> str:
        """Of the original."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass
class Ledger:
    """All that was sent and not yet forgotten, by id."""

    entries: dict[str, Entry] = field(default_factory=dict)

    def add(self, entry: Entry) -> Entry:
        """Before the first byte is sent."""
        self.entries[entry.id] = entry
        return entry

    def with_fate(self, *fates: Fate) -> list[Entry]:
        """Oldest first."""
        return [entry for entry in self.entries.values() if entry.fate in fates]

    def forget(self, entry: Entry) -> None:
        """It was checked for the last time."""
        self.entries.pop(entry.id, None)
