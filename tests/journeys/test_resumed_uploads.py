"""Resumable uploads whose server is killed and whose connection is cut, again and again."""

from __future__ import annotations

import base64
import hashlib
import os
import random
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from tests.journeys.client import Client
from tests.services.product import Product, running_product

pytestmark = [pytest.mark.services, pytest.mark.faults]

SIZE = 200 * 10**6 + 12_345
PIECE = 256 * 1024
CUTS = 20
SEED = int(os.environ.get("CUT_SEED") or random.randrange(10**9))
TUS = {"Tus-Resumable": "1.0.0"}
PATIENCE_SECONDS = 120


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
    product: Product, owner: Client
) -> None:
    print("CUT_SEED", SEED)
    chance = random.Random(SEED)
    content = random.Random(1).randbytes(SIZE)
    address = begin(owner, SIZE)
    share = SIZE // (CUTS + 2)
    for cut in range(CUTS):
        offset = wait_for_offset(owner, address)
        assert offset < SIZE
        how = cutting(chance, product, all_of_web=cut % 3 == 2)
        send(product, address, content, offset, stop_after=chance.randrange(share), cut=how)
    offset = wait_for_offset(owner, address)
    assert 0 < offset < SIZE, "what was acknowledged is kept"
    answer = send_the_rest(owner, address, content)
    job = owner.wait_for(answer.headers["Upload-Job"].rpartition("/")[2])
    assert job["state"] == "rejected", "these bytes are no raster"
    assert [sha256_of(path) for path in originals(product)] == [hashlib.sha256(content).hexdigest()]
    assert not list((product.data_dir / "work" / "resumable").iterdir())


def test_a_long_request_is_acknowledged_while_it_runs(product: Product, owner: Client) -> None:
    """A killed server costs the last seconds of one long PATCH, not all of it."""
    content = random.Random(2).randbytes(150 * 10**6)
    address = begin(owner, len(content))
    send(product, address, content, 0, stop_after=140 * 10**6, cut=lambda: kill_web(product))
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


def send_the_rest(owner: Client, address: str, content: bytes) -> requests.Response:
    """The answer to the last PATCH. A request that was cut may still lie with the kernel, whole
    enough to be read by the next process: then its bytes count, and we ask again (409)."""
    while True:
        offset = wait_for_offset(owner, address)
        answer = owner.request(
            "PATCH", address, data=content[offset:], headers=patch_headers(offset)
        )
        if answer.status_code not in (409, 423):
            assert answer.status_code == 204, answer.text
            return answer


def begin(owner: Client, length: int) -> str:
    metadata = f"filename {base64.b64encode(b'noise.tif').decode()},collection Y3V0"
    headers = TUS | {"Upload-Length": str(length), "Upload-Metadata": metadata}
    answer = owner.post("/api/uploads/", headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"]


def patch_headers(offset: int) -> dict[str, str]:
    kind = "application/offset+octet-stream"
    return TUS | {"Content-Type": kind, "Upload-Offset": str(offset)}


def wait_for_offset(owner: Client, address: str) -> int:
    """The acknowledged offset, once a server is there that answers."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            answer = owner.request("HEAD", address, headers=TUS, timeout=20)
            if answer.status_code == 200:
                return int(answer.headers["Upload-Offset"])
            assert answer.status_code in (423, 503), answer.status_code
        except requests.RequestException:
            owner._session.close()
        assert time.monotonic() < deadline, "no server came back"
        time.sleep(0.1)


def send(
    product: Product, address: str, content: bytes, offset: int, *, stop_after: int, cut: object
) -> None:
    """PATCH all that is missing, but stop in the middle and cut."""
    where = urlsplit(product.url)
    headers = patch_headers(offset) | {
        "Host": where.netloc, "Authorization": f"Bearer {product.token()}",
        "Content-Length": str(len(content) - offset),
    }  # fmt: skip
    head = f"PATCH {address} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items())
    with socket.create_connection((where.hostname, where.port), timeout=20) as connection:
        connection.sendall(head.encode() + b"\r\n")
        for start in range(offset, offset + stop_after, PIECE):
            connection.sendall(content[start : start + PIECE])
        assert callable(cut)
        cut()


def cutting(chance: random.Random, product: Product, *, all_of_web: bool) -> object:
    """One of: the server is killed, or one of its processes, or the connection is cut."""
    if all_of_web:
        return lambda: kill_web(product)
    return chance.choice([lambda: kill_one(chance, product), lambda: None])


def kill_web(product: Product) -> None:
    web = web_pid(product)
    kill({web, *descendants(web)})
    deadline = time.monotonic() + PATIENCE_SECONDS
    while web_pid(product) in (web, 0):  # the supervisor starts it again
        assert time.monotonic() < deadline, "the web server did not come back"
        time.sleep(0.1)


def web_pid(product: Product) -> int:
    """Process id of the web server; 0 while there is none."""
    try:
        return product.pid("web")
    except (FileNotFoundError, ValueError):
        return 0


def kill_one(chance: random.Random, product: Product) -> None:
    """Perhaps the process that receives; the other one goes on."""
    kill({chance.choice(sorted(descendants(web_pid(product))))})


def kill(pids: set[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def descendants(pid: int) -> set[int]:
    """Processes below one (proc(5): field 4 of stat is the parent)."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # ended meanwhile
    found = {pid} - {0}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def originals(product: Product) -> list[Path]:
    return sorted((product.data_dir / "objects" / "products").rglob("original"))


def sha256_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
