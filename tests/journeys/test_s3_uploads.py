"""Resumable uploads into a real S3 store: part by part, with the server killed on the way."""

from __future__ import annotations

import hashlib
import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.client import Client
from tests.journeys.cutting import (
    TUS,
    begin,
    cut_upload,
    kill_web,
    patch_headers,
    send_and_cut,
    send_the_rest,
    wait_for_offset,
)
from tests.services.product import Product, running_product

pytestmark = [pytest.mark.s3, pytest.mark.faults]

BUCKET = "incoming"
PART = 16 * 2**20
SIZE = 3 * PART + 12_345


@pytest.fixture(scope="module")
def product(object_store: Any) -> Iterator[Product]:
    folder = Path(tempfile.mkdtemp(prefix="rastrum-s3up-", dir="/tmp"))
    storage_url = object_store.make_bucket(BUCKET)
    try:
        with running_product(folder, STORAGE_URL=storage_url, PUBLISH_SAMPLE="no") as running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def owner(product: Product) -> Client:
    client = Client(product.url, product.token())
    client.make_collection("cut")
    return client


@pytest.fixture(autouse=True)
def nothing_is_left(object_store: Any, product: Product) -> Iterator[None]:
    yield
    assert unfinished_parts(object_store) == []
    assert list((product.data_dir / "work" / "resumable").iterdir()) == []


def unfinished_parts(object_store: Any) -> list[str]:
    listing = object_store.client().list_multipart_uploads(Bucket=BUCKET)
    return [entry["Key"] for entry in listing.get("Uploads", [])]


def stored(object_store: Any, address: str) -> bytes | None:
    key = f"uploads/{address.rpartition('/')[2]}/original"
    client = object_store.client()
    found = client.list_objects_v2(Bucket=BUCKET, Prefix=key).get("Contents", [])
    return client.get_object(Bucket=BUCKET, Key=key)["Body"].read() if found else None


def room_on_disk(product: Product) -> int:
    files = (product.data_dir / "work" / "resumable").iterdir()
    return sum(path.stat().st_blocks * 512 for path in files)


def test_an_upload_that_is_cut_and_killed_arrives_in_the_store_once(
    product: Product, owner: Client, object_store: Any
) -> None:
    content = random.Random(11).randbytes(SIZE)
    done = cut_upload(product, owner, content, cuts=6, seed=11)
    job = owner.wait_for(done.job)
    assert job["state"] == "rejected", "these bytes are no raster"
    assert stored(object_store, done.address) == content
    assert recorded_sha256(product, done.address) == hashlib.sha256(content).hexdigest()


def test_what_the_store_has_takes_no_room_here(product: Product, owner: Client) -> None:
    content = random.Random(12).randbytes(SIZE)
    address = begin(owner, SIZE)
    for start in range(0, 40 * 2**20, 8 * 2**20):
        part = content[start : start + 8 * 2**20]
        answer = owner.request("PATCH", address, data=part, headers=patch_headers(start))
        assert answer.status_code == 204, answer.text
        assert room_on_disk(product) <= PART
    owner.request("DELETE", address, headers=TUS)


def test_a_terminated_upload_leaves_nothing_in_the_store(
    product: Product, owner: Client, object_store: Any
) -> None:
    content = random.Random(13).randbytes(2 * PART)
    address = begin(owner, SIZE)
    owner.request("PATCH", address, data=content, headers=patch_headers(0))
    assert unfinished_parts(object_store) != []
    assert owner.request("DELETE", address, headers=TUS).status_code == 204


def test_a_small_file_needs_no_parts(owner: Client, object_store: Any) -> None:
    content = random.Random(14).randbytes(100_000)
    address = begin(owner, len(content))
    job = send_the_rest(owner, address, content).headers["Upload-Job"]
    assert owner.wait_for(job.rpartition("/")[2])["state"] == "rejected"
    assert stored(object_store, address) == content


def test_pieces_are_joined_in_the_store(product: Product, owner: Client, object_store: Any) -> None:
    content = random.Random(15).randbytes(SIZE)
    half = SIZE // 2
    pieces = [begin(owner, half, concat="partial"), begin(owner, SIZE - half, concat="partial")]
    for piece, part in zip(pieces, (content[:half], content[half:]), strict=True):
        answer = owner.request("PATCH", piece, data=part, headers=patch_headers(0))
        assert answer.status_code == 204, answer.text
    address = begin(owner, None, concat=f"final;{' '.join(pieces)}")
    while "Upload-Job" not in (head := owner.request("HEAD", address, headers=TUS)).headers:
        assert head.status_code == 200
    owner.wait_for(head.headers["Upload-Job"].rpartition("/")[2])
    assert stored(object_store, address) == content
    assert [stored(object_store, piece) for piece in pieces] == [None, None]


def test_the_digest_of_a_killed_server_goes_on(product: Product, owner: Client) -> None:
    """Parts that the store has not joined cannot be read: only a kept digest knows them."""
    content = random.Random(16).randbytes(SIZE)
    address = begin(owner, SIZE)
    first = content[: 20 * 2**20]
    assert owner.request("PATCH", address, data=first, headers=patch_headers(0)).ok
    send_and_cut(product, address, content, len(first), stop_after=8 * 2**20,
                 cut=lambda: kill_web(product))  # fmt: skip
    assert len(first) <= wait_for_offset(owner, address) < SIZE
    send_the_rest(owner, address, content)
    assert recorded_sha256(product, address) == hashlib.sha256(content).hexdigest()


def recorded_sha256(product: Product, address: str) -> str:
    """What the catalogue says of the upload's file."""
    key = f"uploads/{address.rpartition('/')[2]}/original"
    found = product.manage("shell", "-v0", "-c", (
        "from repository.models import UploadedFile;"
        f"print(UploadedFile.objects.get(key={key!r}).sha256)"
    )).stdout  # fmt: skip
    return found.split()[-1]
