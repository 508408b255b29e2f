"""What the public was shown is remembered, and forgotten by the next change."""

from __future__ import annotations

from typing import Any

import pytest

from repository import generation
from repository.errors import NotFound
from tiler import policy_memory
from tiler.policy_memory import find_public, recall

ADDRESS = ("c", "p", "default")


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch, refs: Any) -> dict[str, Any]:
    """A generation and a time to set, and a door that counts who asks."""
    state = {"generation": 7, "time": 100.0, "asked": 0}

    def door(caller: Any, collection: str, product: str, style: str) -> Any:
        state["asked"] += 1
        if product not in refs:
            raise NotFound
        return refs[product]

    monkeypatch.setattr(generation, "current", lambda: state["generation"])
    monkeypatch.setattr(policy_memory.time, "monotonic", lambda: state["time"])
    monkeypatch.setattr(policy_memory, "find_product", door)
    policy_memory._remembered.clear()
    return state


def test_it_is_recalled_while_nothing_changes(now: Any, refs: Any) -> None:
    assert recall(ADDRESS) is None
    assert find_public(ADDRESS) is recall(ADDRESS) is refs["p"]


@pytest.mark.parametrize("change", [{"generation": 8}, {"generation": None}, {"time": 101.1}])
def test_a_change_time_and_a_lost_listener_end_it(now: Any, change: dict[str, Any]) -> None:
    find_public(ADDRESS)
    now.update(change)
    assert recall(ADDRESS) is None


def test_without_a_listener_nothing_is_kept(now: Any) -> None:
    now["generation"] = None
    find_public(ADDRESS)
    now["generation"] = 7
    assert recall(ADDRESS) is None


def test_a_change_while_the_database_is_asked_is_not_missed(
    now: Any, refs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def door(*_: Any) -> Any:
        now["generation"] = 8
        return refs["p"]

    monkeypatch.setattr(policy_memory, "find_product", door)
    find_public(ADDRESS)
    assert recall(ADDRESS) is None


def test_neither_refusals_nor_private_maps_are_kept(now: Any) -> None:
    with pytest.raises(NotFound):
        find_public(("c", "none", "default"))
    find_public(("c", "private", "default"))
    assert not policy_memory._remembered


def test_the_memory_is_bounded(now: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_memory, "MAX_REMEMBERED", 3)
    for number in range(10):
        find_public(("c", "p", f"style-{number}"))
        assert len(policy_memory._remembered) <= 3
