"""A worker that is killed in the middle of a conversion, and the progress of one that is not."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.client import Client
from tests.journeys.rasters import write_large
from tests.services.product import Product, running_product

pytestmark = pytest.mark.faults

C = "large"
RECOVERY_SECONDS = 120
EDGE = 14_000
"""Pixels along each side: a conversion of some four seconds on two idle cores, and longer on busy
ones; progress is told twice a second."""


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    """A server of its own, with short leases, so that the test need not wait for long ones."""
    folder = Path(tempfile.mkdtemp(prefix="rastrum-kill-", dir="/tmp"))
    try:
        with running_product(folder, LEASE_SECONDS="4", SWEEP_SECONDS="2") as running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def owner(product: Product) -> Client:
    client = Client(product.url, product.token())
    client.make_collection(C)
    return client


@pytest.fixture(scope="module")
def large_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_large(tmp_path_factory.mktemp("large") / "large.tif", EDGE)


def test_a_conversion_tells_how_far_it_is(owner: Client, large_file: Path) -> None:
    job = owner.upload(C, large_file, id="watched")
    seen = [event.data for event in owner.events_of(job["id"])]
    assert seen[-1]["state"] == "published"
    shares = [data["progress"] for data in seen if data["state"] == "converting"]
    assert shares == sorted(shares)
    assert len(set(shares)) >= 5, shares


def test_a_killed_worker_costs_no_product(
    owner: Client, product: Product, large_file: Path
) -> None:
    job = owner.upload(C, large_file, id="survivor")
    converting = _wait_until_converting(owner, job["id"])
    assert converting["attempts"] == 1
    family = _descendants(product.pid("worker"))
    assert len(family) >= 2, "the pool's process and the pixel process"

    os.kill(product.pid("worker"), signal.SIGKILL)
    killed = time.monotonic()

    _wait_until_gone(family)
    ended = owner.wait_for(job["id"], "published", "failed", "rejected", seconds=RECOVERY_SECONDS)
    assert ended["state"] == "published", ended
    assert time.monotonic() - killed < RECOVERY_SECONDS
    assert ended["attempts"] == 2
    assert owner.document(f"/api/products/{C}/survivor")["version"] == 1


def test_a_product_is_published_once_for_all_that(owner: Client, product: Product) -> None:
    items = owner.document(f"/api/collections/{C}/products")["items"]
    assert sorted(item["id"] for item in items) == ["survivor", "watched"]
    objects = [p for p in (product.data_dir / "objects" / "products").rglob("*") if p.is_file()]
    assert len([p for p in objects if p.stat().st_size > EDGE**2]) == 4, "two files each"
    assert not list((product.data_dir / "objects").glob("staging/*"))


def _wait_until_converting(owner: Client, job_id: str) -> dict[str, Any]:
    """Until the conversion is well under way."""
    deadline = time.monotonic() + 60
    while True:
        job = owner.job(job_id)
        if job["state"] == "converting" and job["progress"] > 0.1:
            return job
        assert job["state"] in ("queued", "inspecting", "converting"), job
        assert time.monotonic() < deadline, job
        time.sleep(0.05)


def _descendants(pid: int) -> set[int]:
    """Processes below one, from /proc (proc(5): field 4 of stat is the parent)."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # ended meanwhile
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def _wait_until_gone(pids: set[int]) -> None:
    deadline = time.monotonic() + 10
    while alive := [pid for pid in pids if Path(f"/proc/{pid}").exists()]:
        assert time.monotonic() < deadline, f"still alive: {alive}"
        time.sleep(0.1)
