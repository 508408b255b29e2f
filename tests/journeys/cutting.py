"""Uploads that are cut on their way: the connection is lost, a process or the whole web server
is killed. What is done, and when, follows from a seed alone.

    content = mmap of a file, or bytes
    arrived = cut_upload(product, client, content, cuts=500, seed=7)
    arrived.job, arrived.address, arrived.log
"""

from __future__ import annotations

import base64
import hashlib
import mmap
import os
import random
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import requests

from tests.journeys.client import Client
from tests.services.product import Product

PIECE = 256 * 1024
REST_BYTES = 64 * 2**20
TUS = {"Tus-Resumable": "1.0.0"}
PATIENCE_SECONDS = 120

Content = bytes | mmap.mmap
Cut = Callable[[], None]


@dataclass
class Arrived:
    """An upload that was cut and has arrived."""

    address: str
    job: str = ""
    """Id of its job."""
    log: list[str] = field(default_factory=list)
    """One line a cut: how, and what had been acknowledged before."""


def cut_upload(
    product: Product, client: Client, content: Content, *, cuts: int, seed: int,
    collection: str = "cut", kills: float = 0.5,
) -> Arrived:  # fmt: skip
    """Send `content` as a resumable upload, cut it `cuts` times at random, and finish it.

    `kills` is the share of cuts that kill the web server or one of its processes; the others
    close the connection. Raises AssertionError where an acknowledged byte is lost.
    """
    chance = random.Random(seed)
    arrived = Arrived(begin(client, len(content), collection=collection))
    share = max(1, len(content) // (cuts + 2))
    offset = 0
    for _ in range(cuts):
        before, offset = offset, wait_for_offset(client, arrived.address)
        assert before <= offset < len(content), "what was acknowledged is kept"
        how, cut = _cutting(chance, product, kills)
        arrived.log.append(f"{how} after {offset}")
        stop_after = chance.randrange(share)
        send_and_cut(product, arrived.address, content, offset, stop_after=stop_after, cut=cut)
    answer = send_the_rest(client, arrived.address, content)
    arrived.job = answer.headers["Upload-Job"].rpartition("/")[2]
    return arrived


def _cutting(chance: random.Random, product: Product, kills: float) -> tuple[str, Cut]:
    if chance.random() >= kills:
        return "connection cut", lambda: None
    if chance.random() < 0.5:
        return "process killed", lambda: kill_one(chance, product)
    return "web server killed", lambda: kill_web(product)


def begin(client: Client, length: int | None, *, collection: str = "cut", concat: str = "") -> str:
    """The address of a new upload."""
    where = base64.b64encode(collection.encode()).decode()
    metadata = f"filename {base64.b64encode(b'noise.tif').decode()},collection {where}"
    headers = TUS | {"Upload-Metadata": metadata}
    if length is not None:
        headers["Upload-Length"] = str(length)
    if concat:
        headers["Upload-Concat"] = concat
    answer = client.post("/api/uploads/", headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"]


def patch_headers(offset: int) -> dict[str, str]:
    kind = "application/offset+octet-stream"
    return TUS | {"Content-Type": kind, "Upload-Offset": str(offset)}


def send_the_rest(client: Client, address: str, content: Content) -> requests.Response:
    """The answer that names the job. A request that was cut may still lie with the kernel, whole
    enough to be read by the next process: then its bytes count, and we ask again (409)."""
    offset = wait_for_offset(client, address)
    while True:
        part = content[offset : offset + REST_BYTES]
        answer = client.request("PATCH", address, data=part, headers=patch_headers(offset))
        if answer.status_code in (409, 423):
            offset = wait_for_offset(client, address)
            continue
        assert answer.status_code == 204, answer.text
        if "Upload-Job" in answer.headers:
            return answer
        offset = int(answer.headers["Upload-Offset"])
        if offset == len(content):
            return wait_for_job(client, address)


def wait_for_job(client: Client, address: str) -> requests.Response:
    """The first HEAD that names the job of a whole upload."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        answer = client.request("HEAD", address, headers=TUS)
        assert answer.status_code in (200, 423, 503), answer.status_code
        if "Upload-Job" in answer.headers:
            return answer
        assert time.monotonic() < deadline, "the upload is not ended"


def wait_for_offset(client: Client, address: str) -> int:
    """The acknowledged offset, once a server is there that answers."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            answer = client.request("HEAD", address, headers=TUS, timeout=20)
            if answer.status_code == 200:
                return int(answer.headers["Upload-Offset"])
            assert answer.status_code in (423, 503), answer.status_code
        except requests.RequestException:
            client._session.close()
        assert time.monotonic() < deadline, "no server came back"
        time.sleep(0.1)


def send_and_cut(
    product: Product, address: str, content: Content, offset: int, *, stop_after: int, cut: Cut
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
        cut()


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
    """Files of a local store that were handed in."""
    return sorted((product.data_dir / "objects" / "products").rglob("original"))


def sha256_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
