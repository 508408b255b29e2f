"""Cycles of traffic and faults, each followed by the invariants; a seed gives the same faults.

The order in which threads and processes meet is the machine's: a seed that failed is tried again
with `python -m tests.faults --seed N --from CYCLE --cycles 1`, more than once where need be.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace

from tests.faults import damage, invariants
from tests.faults.auditor import AuditFailed
from tests.faults.callers import Caller
from tests.faults.cards import Card, deck
from tests.faults.ledger import Entry, Fate, Ledger
from tests.faults.occasions import finish_answers
from tests.faults.world import World

CARDS = 2
"""Failpoints that are armed at once."""
DAMAGED = 0.6
"""Share of cycles in which something is killed at a random moment, too."""
TRIES = 6
"""How often a failpoint that nobody reached (something else was killed first) comes again."""
KEPT = 4


@dataclass
class Report:
    """What one cycle did and found."""

    seed: int
    number: int
    faults: list[str]
    seconds: float = 0.0
    recovery_seconds: float = 0.0
    """From the last fault until everything rested and answered."""
    problems: list[str] = field(default_factory=list)


@dataclass
class Cycle:
    """What the occasions of one cycle work with."""

    world: World
    number: int
    chance: random.Random
    caller: Caller
    asked: list[Entry] = field(default_factory=list)
    """Jobs whose question may still be open."""

    @property
    def ledger(self) -> Ledger:
        """Of the world."""
        return self.world.ledger

    def published(self) -> Entry | None:
        """A product of an earlier cycle that nobody has touched; None where there is none."""
        old = [e for e in self.ledger.with_fate(Fate.ACKNOWLEDGED) if e.cycle < self.number]
        return self.chance.choice(old) if old else None

    def try_auditor(self, task: str, **values: object) -> None:
        """Let the auditor do it, whatever comes of that."""
        with suppress(AuditFailed):
            self.world.auditor.ask(task, **values)


class Walk:
    """A world and the cards that are still to be played in it."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.seed = world, seed
        self.store = "ceph" if world.store else "folder"
        self.cards = deck(random.Random(f"{seed} {self.store}"), store=self.store)
        self.never_reached: list[Card] = []
        self.played: set[str] = set()

    def cycles(self, count: int, first: int = 0) -> Iterator[Report]:
        """Play so many; each report as it comes."""
        self.cards = self.cards[first * CARDS % len(self.cards) :]
        for number in range(first, first + count):
            yield self._cycle(number)

    def _cycle(self, number: int) -> Report:
        chance = random.Random(f"{self.seed} {self.store} {number}")
        cards, harm = self._draw(), self._harm(chance)
        report = Report(self.seed, number, [str(card) for card in cards])
        report.faults += [harm.__name__] if harm else []
        began = time.monotonic()
        for card in cards:
            self.world.arm(card.place, card.fault)
        callers = self._traffic(number, chance, cards, harm)
        struck = time.monotonic()
        report.problems += self._settle(cards)
        report.recovery_seconds = time.monotonic() - struck
        for caller in callers:
            report.problems += caller.strange
        if not report.problems:
            report.problems += invariants.problems(self.world)
        self._put_back(cards)
        self.world.disarm()
        report.problems += [f"{card} was never reached" for card in self.never_reached]
        self.never_reached.clear()
        self._tidy(number)
        report.seconds = time.monotonic() - began
        return report

    def _draw(self) -> list[Card]:
        """The next cards; of one cycle no two at the same failpoint."""
        if len(self.cards) < CARDS:
            again = random.Random(f"{self.seed} {len(self.played)} {time.monotonic_ns()}")
            self.cards += deck(again, store=self.store)
        return [self.cards.pop(0) for _ in range(CARDS)]

    def _harm(self, chance: random.Random) -> damage.Damage | None:
        everything = damage.EVERYWHERE + (damage.OF_THE_STORE if self.world.store else ())
        harm = chance.choice(everything)
        return harm if chance.random() < DAMAGED else None

    def _traffic(
        self, number: int, chance: random.Random, cards: list[Card], harm: damage.Damage | None
    ) -> list[Caller]:
        """All that happens at once; returns when all of it has happened."""
        callers: list[Caller] = []
        work: list[Callable[[], None]] = []

        def caller() -> Caller:
            callers.append(
                Caller(
                    self.world.client(), self.world.ledger, number, random.Random(chance.random())
                )
            )
            return callers[-1]

        cycles = [Cycle(self.world, number, c.chance, c) for c in (caller() for _ in cards)]
        work += [
            lambda c=c, card=card: card.occasion(c) for c, card in zip(cycles, cards, strict=True)
        ]
        by_form, in_parts = caller(), caller()
        work.append(lambda: by_form.send_form(by_form.new_entry(private=chance.random() < 0.5)))
        work.append(lambda: in_parts.send_in_parts(in_parts.new_entry(private=True)))
        if harm:
            wait = chance.random() * 2
            work.append(lambda: _harm_later(self.world, harm, wait, chance))
        over = threading.Event()
        readers = [threading.Thread(target=_read, args=[self.world, caller(), over])]
        _all_at_once(work, readers, over)
        for cycle in cycles:
            for entry in cycle.asked:
                finish_answers(cycle, entry)
        return callers

    def _settle(self, cards: list[Card]) -> list[str]:
        wrong = self.world.settle()
        return [f"I1 it did not settle: {wrong}"] if wrong else []

    def _put_back(self, cards: list[Card]) -> None:
        for card in cards:
            if not self.world.is_armed(card.place):
                self.played.add(card.place)
            elif card.tries + 1 >= TRIES:
                self.never_reached.append(card)
            else:
                self.cards.insert(2 * CARDS, replace(card, tries=card.tries + 1))

    def _tidy(self, number: int) -> None:
        """Forget what has been checked, and remove the oldest products in peace."""
        ledger = self.world.ledger
        for entry in ledger.with_fate(Fate.REMOVED, Fate.CANCELLED, Fate.REFUSED):
            ledger.forget(entry)
        owner = self.world.client()
        for entry in ledger.with_fate(Fate.SENT, Fate.CANCELLING, Fate.REMOVING):
            # Nobody knew; now we look.
            status = owner.get(invariants.doors(entry)[0]).status_code
            entry.fate = Fate.ACKNOWLEDGED if status == 200 else Fate.REMOVED
        caller = Caller(owner, ledger, number, random.Random(0))
        for entry in ledger.with_fate(Fate.ACKNOWLEDGED)[:-KEPT]:
            caller.remove(entry)


def _all_at_once(
    work: list[Callable[[], None]], readers: list[threading.Thread], over: threading.Event
) -> None:
    workers = [threading.Thread(target=task) for task in work]
    for thread in (*readers, *workers):
        thread.start()
    for thread in workers:
        thread.join()
    over.set()
    for thread in readers:
        thread.join()


def _harm_later(world: World, harm: damage.Damage, seconds: float, chance: random.Random) -> None:
    """A process that is just starting again has no id yet: then it was killed well enough."""
    time.sleep(seconds)
    with suppress(FileNotFoundError, ValueError, IndexError, OSError):
        harm(world, chance)


def _read(world: World, caller: Caller, over: threading.Event) -> None:
    """Reads what is published while things break: what is there stays there, whole."""
    settled = [e for e in world.ledger.with_fate(Fate.ACKNOWLEDGED) if e.cycle < caller.cycle]
    public = Caller(world.client(""), world.ledger, caller.cycle, caller.chance)
    while settled and not over.is_set():
        entry = caller.chance.choice(settled)
        door = caller.chance.choice(invariants.doors(entry))
        answer = caller.ask("GET", door)
        untouched = entry.fate == Fate.ACKNOWLEDGED
        if untouched and answer is not None and answer.status_code != 200:
            caller.strange.append(f"I2 {door} of a published product: {answer.status_code}")
        if entry.private:
            answer = public.ask("GET", door)
            if answer is not None and answer.status_code not in (404, 410):
                caller.strange.append(f"I5 {door} to the public: {answer.status_code}")
        time.sleep(0.05)
    caller.strange += public.strange
