"""Resumable uploads whose server is killed and whose connection is cut, again and again."""

from __future__ import annotations

import hashlib
import mmap
import os
import random
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.client import Client
from tests.journeys.cutting import (
    TUS,
    begin,
    cut_upload,
    kill_web,
    originals,
    patch_headers,
    send_and_cut,
    sha256_of,
    wait_for_offset,
)
from tests.services.product import Product, running_product

pytestmark = [pytest.mark.services, pytest.mark.faults]

SIZE = int(os.environ.get("CUT_BYTES") or 200 * 10**6 + 12_345)
CUTS = int(os.environ.get("CUT_TIMES") or 20)
SEED = int(os.environ.get("CUT_SEED") or random.randrange(10**9))


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    folder = Path(tempfile.mkdtemp(prefix="rastrum-cut-", dir="/tmp"))
    try:
        with running_product(folder, PUBLISH_SAMPLE="no") as running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def owner(product: Product) -> Client:
    client = Client(product.url, product.token())
    client.make_collection("cut")
    return client


def test_an_upload_that_is_cut_and_killed_many_times_ends_with_the_same_bytes(
    product: Product, owner: Client, tmp_path: Path
) -> None:
    """CUT_BYTES=4000000000 sends as much, which takes some minutes."""
    print("CUT_SEED", SEED)
    source = write_noise(tmp_path / "noise", SIZE)
    with source.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        arrived = cut_upload(product, owner, content, cuts=CUTS, seed=SEED)
    print("\n".join(arrived.log))
    job = owner.wait_for(arrived.job)
    assert job["state"] == "rejected", "these bytes are no raster"
    assert [sha256_of(path) for path in originals(product)] == [sha256_of(source)]
    assert not list((product.data_dir / "work" / "resumable").iterdir())


def write_noise(path: Path, size: int) -> Path:
    chance = random.Random(SEED)
    with path.open("wb") as stream:
        for start in range(0, size, 10**6):
            stream.write(chance.randbytes(min(10**6, size - start)))
    return path


def test_a_long_request_is_acknowledged_while_it_runs(product: Product, owner: Client) -> None:
    """A killed server costs the last seconds of one long PATCH, not all of it."""
    content = random.Random(2).randbytes(150 * 10**6)
    address = begin(owner, len(content))
    send_and_cut(product, address, content, 0, stop_after=140 * 10**6,
                 cut=lambda: kill_web(product))  # fmt: skip
    assert wait_for_offset(owner, address) >= 60 * 10**6
    owner.request("DELETE", address, headers=TUS)


def test_of_many_requests_at_once_no_byte_is_lost(product: Product, owner: Client) -> None:
    content = random.Random(3).randbytes(5 * 10**6)
    before = set(originals(product))
    address = begin(owner, len(content))

    def insist(client: Client) -> None:
        while (head := client.request("HEAD", address, headers=TUS)).status_code in (200, 423):
            if head.status_code == 423:
                continue
            offset = int(head.headers["Upload-Offset"])
            if offset == len(content):
                return
            part = content[offset : offset + 500_000]
            answer = client.request("PATCH", address, data=part, headers=patch_headers(offset))
            assert answer.status_code in (204, 409, 423), answer.text

    callers = [
        threading.Thread(target=insist, args=[Client(product.url, product.token())])
        for _ in range(6)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(120)
    job = owner.request("HEAD", address, headers=TUS).headers["Upload-Job"]
    assert owner.wait_for(job.rpartition("/")[2])["state"] == "rejected"
    (stored,) = set(originals(product)) - before
    assert sha256_of(stored) == hashlib.sha256(content).hexdigest()
