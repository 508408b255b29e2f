"""A small share of the mutated uploads of `make fuzz`, and what the mutations promise."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.canaries import canaries
from tests.fuzz.mutations import MUTATIONS, Mutant, mutants
from tests.fuzz.running import run_mutants
from tests.fuzz.seeds import Bait, seed_files

SEED = 20_240
SHARE = 100


@pytest.mark.faults
def test_mutated_files_end_in_named_states_and_touch_nothing(tmp_path: Path) -> None:
    with canaries(tmp_path) as canary:
        bait = Bait(str(canary.path), f"http://127.0.0.1:{canary.port}/canary.tif")
        made = mutants(SHARE, seed=SEED, bait=bait)
        endings = list(run_mutants(made, processes=2))
        assert canary.callers == []
        assert not canary.was_read()
    assert len(endings) == SHARE
    assert [ending for ending in endings if not ending.is_named] == []


@pytest.mark.faults
def test_the_files_themselves_are_taken() -> None:
    """Or most mutations would be refused at the door. The child lacks no driver that they need."""
    whole = (Mutant(name, content, name, "none") for name, content in seed_files().items())
    refused = {
        end.name: end.code for end in run_mutants(whole, processes=2) if end.state == "rejected"
    }
    assert set(refused) <= {"file.vrt", "address.vrt", "complex.tif"}, refused


def test_the_files_themselves_are_the_same_every_time() -> None:
    first = dict(seed_files())
    seed_files.cache_clear()
    second = seed_files()
    assert [name for name in first if first[name] != second[name]] == []


def test_a_number_makes_the_same_mutant_again() -> None:
    many = list(mutants(200, seed=7))
    assert [next(mutants(1, seed=7, start=n)) for n in (0, 42, 199)] == [
        many[0], many[42], many[199],
    ]  # fmt: skip
    assert next(mutants(1, seed=8)).content != many[0].content


def test_no_mutant_is_the_file_it_was_made_from() -> None:
    files = seed_files()
    same = [m.name for m in mutants(2000, seed=3) if m.content == files[m.seed_name]]
    assert same == []


def test_every_file_meets_every_mutation() -> None:
    pairs = {(m.seed_name, m.mutation) for m in mutants(len(seed_files()) * len(MUTATIONS))}
    assert len(pairs) == len(seed_files()) * len(MUTATIONS)
