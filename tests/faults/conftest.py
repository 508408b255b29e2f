"""One product on durable engines for the single faults; the long walks start their own."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.faults import invariants
from tests.faults.callers import Caller
from tests.faults.world import World, world


@pytest.fixture(scope="package")
def folder_world() -> Iterator[World]:
    """A product whose store is a folder."""
    with world(store="folder") as built:
        yield built


@pytest.fixture
def sender(folder_world: World) -> Iterator[Caller]:
    """Somebody who sends files; when a test ends, every invariant must hold."""
    sender = Caller(folder_world.client(), folder_world.ledger, 0, random.Random(1))
    yield sender
    folder_world.disarm()
    assert folder_world.settle() == ""
    assert sender.strange + invariants.problems(folder_world) == []
