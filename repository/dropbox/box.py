"""What a drop box is: items that lie in it, and what is done with them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote_from_bytes, unquote_to_bytes

from repository.fetching.download import Source
from repository.names import display_file_name
from repository.uploads import MAX_FILES

DONE, REJECTED = "done", "rejected"
UNFINISHED = (".part", ".partial", ".tmp", ".temp", ".filepart", ".crdownload", "~")
"""Endings of names under which programs write what is not whole yet."""
LONGEST_STEM, LONGEST_ENDING = 240, 10
"""Bytes of a name that is given anew, where 255 are allowed."""
LONGEST_PLACE = 900
"""Characters that a row of the catalogue takes (DroppedItem); only a bucket has longer names."""


@dataclass(frozen=True)
class Entry:
    """One name in a folder of the box."""

    name: str
    """As the file system gives it: it may hold anything but "/" and NUL, even broken UTF-8."""
    facts: str
    """Size, time and identity: equal as long as nobody touches it."""
    kind: str
    """file, folder, or other (a link, a pipe, a device)."""

    @property
    def is_hidden(self) -> bool:
        """A dot file: no product, though it may show that a program is at work."""
        return self.name.startswith(".")

    @property
    def is_unfinished(self) -> bool:
        """Whether a program still writes it, by its name."""
        return self.name.lower().endswith(UNFINISHED)


@dataclass(frozen=True)
class Item:
    """What becomes one product: a file, or a folder with the files of a set."""

    place: str
    """`{collection}/{name}`, the name percent-encoded byte by byte: text for any database."""
    file_name: str
    """The name made fit to show."""
    signature: str
    """Equal as long as nobody touches any of its files."""
    is_whole: bool = True
    """False: a program still writes it, or nothing is in it yet."""
    problem: str = ""
    """Why it can never be taken."""

    @property
    def is_too_long(self) -> bool:
        """Whether its place is longer than what can be noted: it is left where it lies."""
        return len(self.place) > LONGEST_PLACE


class Box(Protocol):
    """A watched folder or bucket."""

    def collections(self) -> list[str]:
        """Names of the sub-folders. Raises OSError, StepFailed."""

    def items(self, collection: str) -> list[Item]:
        """What lies in a sub-folder now. Raises OSError, StepFailed."""

    def find(self, place: str) -> Item | None:
        """An item as it is now; None where it has gone. Raises OSError, StepFailed."""

    def sources(self, place: str) -> Sequence[Source]:
        """The files of an item, in the order of their names. Raises OSError, StepFailed."""

    def settle(self, item: Item, outcome: str, mark: str, note: str) -> None:
        """Move an item to `done` or `rejected` beside it, with a note if there is one; `mark`
        goes into its name where that is taken. Raises OSError, StepFailed."""


def place_of(collection: str, name: str) -> str:
    """Where an item lies, as text."""
    return f"{collection}/{quote_from_bytes(os.fsencode(name), safe='')}"


def split_place(place: str) -> tuple[str, str]:
    """Collection and name of `place_of`."""
    collection, _, name = place.partition("/")
    return collection, os.fsdecode(unquote_to_bytes(name))


def is_item(entry: Entry) -> bool:
    """Whether an entry of a collection's folder is something to look at."""
    return not (entry.is_hidden or entry.is_unfinished or entry.name in (DONE, REJECTED))


def item_of(collection: str, entry: Entry, members: Iterable[Entry] = ()) -> Item:
    """The item that an entry is; `members` are the entries of a folder."""
    place, shown = place_of(collection, entry.name), shown_name(entry.name)
    if entry.kind == "file":
        return Item(place, shown, _signature([entry]))
    if entry.kind != "folder":
        return Item(place, shown, _signature([entry]),
                    problem="It is a link or a device, which is not followed.")  # fmt: skip
    everything = sorted(members, key=lambda member: member.name)
    files = set_files(everything)
    return Item(
        place, shown, _signature(everything),
        is_whole=bool(files) and not any(member.is_unfinished for member in everything),
        problem=_problem_of_set(everything, files),
    )  # fmt: skip


def set_files(members: Iterable[Entry]) -> list[Entry]:
    """The files of a set, by name."""
    kept = (m for m in members if m.kind == "file" and not (m.is_hidden or m.is_unfinished))
    return sorted(kept, key=lambda member: member.name)


def shown_name(name: str) -> str:
    """A name fit to show, whatever bytes it is made of."""
    return display_file_name(os.fsencode(name).decode("utf-8", "replace"))


def free_name(name: str, mark: str) -> str:
    """Another name for a file, with the mark before its ending."""
    stem, dot, ending = name.rpartition(".")
    if not (dot and stem) or len(ending) > LONGEST_ENDING:
        stem, dot, ending = name, "", ""
    short = os.fsdecode(os.fsencode(stem)[:LONGEST_STEM])
    return f"{short}-{mark}{dot}{ending}"


def _problem_of_set(members: Sequence[Entry], files: Sequence[Entry]) -> str:
    others = [member for member in members if member.kind != "file" and not member.is_hidden]
    if any(member.kind == "folder" for member in others):
        return "It holds folders of its own; put the files of one product into one folder."
    if others:
        return "It holds a link or a device, which is not followed."
    if len(files) > MAX_FILES:
        return f"It holds {len(files):,} files; a product is made of {MAX_FILES} at most."
    return ""


def _signature(entries: Iterable[Entry]) -> str:
    digest = hashlib.sha256()
    for entry in entries:
        digest.update(os.fsencode(f"{entry.kind} {entry.facts} {entry.name}\0"))
    return digest.hexdigest()
