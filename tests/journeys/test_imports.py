"""A running server fetches from an https server of the house, and empties its drop box."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.client import Client
from tests.journeys.rasters import write_elevation
from tests.services.product import Product, running_product
from tests.services.web_server import WebServer, file_page, make_certificate, web_server

pytestmark = pytest.mark.services

C = "fetched"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="rastrum-import-", dir="/tmp"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="module")
def source(folder: Path) -> Iterator[WebServer]:
    """An https server called localhost, whose certificate the product is told to trust."""
    certificate = make_certificate(folder)
    with web_server(certificate) as running:
        yield running


@pytest.fixture(scope="module")
def server(folder: Path, source: WebServer) -> Iterator[Product]:
    settings = {
        "IMPORT_ALLOWED_HOSTS": f"localhost:{source.port}",
        "IMPORT_CA_FILE": str(folder / "localhost.pem"),
        "PUBLISH_SAMPLE": "no", "LEASE_SECONDS": "3", "SWEEP_SECONDS": "1",
    }  # fmt: skip
    with running_product(folder / "data", **settings) as running:
        yield running


@pytest.fixture(scope="module")
def operator(server: Product) -> Client:
    client = Client(server.url, server.token())
    client.make_collection(C)
    return client


@pytest.fixture(scope="module")
def raster(folder: Path) -> bytes:
    return write_elevation(folder / "land.tif").read_bytes()


def start_import(operator: Client, url: str, **fields: str) -> str:
    answer = operator.post("/api/imports", json={"url": url, "collection": C} | fields)
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


def test_a_file_is_fetched_and_published(
    operator: Client, source: WebServer, raster: bytes, server: Product
) -> None:
    source.pages["/land.tif"] = file_page(raster)
    sha256 = hashlib.sha256(raster).hexdigest()
    url = source.url("/land.tif?X-Signature=topsecret")
    job = operator.wait_for(start_import(operator, url, sha256=sha256))
    assert (job["state"], job["product"]) == ("published", f"{C}/land"), job
    product = operator.document(f"/api/products/{C}/land")
    assert sha256 in {asset["sha256"] for asset in product["assets"]}
    assert job["source"] == source.url("/land.tif?…")
    logs = [path.read_text(errors="replace") for path in (server.data_dir / "log").rglob("*.log")]
    assert any(f"fetch {source.url('/land.tif')}" in log for log in logs)
    assert not any("topsecret" in log for log in logs)


def test_a_worker_that_dies_while_it_fetches_is_replaced(
    operator: Client, source: WebServer, raster: bytes, server: Product
) -> None:
    begun, released = threading.Event(), threading.Event()

    def slow(request: BaseHTTPRequestHandler) -> None:
        begun.set()
        source.pages["/slow.tif"] = file_page(raster)
        file_page(raster, cut_after=[len(raster) // 2])(request)
        released.wait(60)

    source.pages["/slow.tif"] = slow
    job_id = start_import(operator, source.url("/slow.tif"))
    assert begun.wait(30)
    for child in children_of(server.pid("worker")):
        os.kill(child, signal.SIGKILL)
    released.set()
    job = operator.wait_for(job_id)
    assert (job["state"], job["attempts"]) == ("published", 2), job


def children_of(pid: int) -> list[int]:
    """A process and what it has started."""
    below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in below for one in children_of(int(child)))]


def test_the_servers_own_engines_are_not_reached(operator: Client, server: Product) -> None:
    for url in (server.url, f"https://localhost:{server.env['PORT']}/", "https://127.0.0.1/"):
        answer = operator.post("/api/imports", json={"url": url, "collection": C})
        assert (answer.status_code, answer.json()["code"]) == (400, "import_refused")


def test_what_is_dropped_is_published_or_comes_back_with_a_reason(
    operator: Client, server: Product, raster: bytes
) -> None:
    box = server.data_dir / "dropbox" / C
    box.mkdir(parents=True)
    (box / "hills.tif.part").write_bytes(raster)
    (box / "hills.tif.part").rename(box / "hills.tif")
    (box / "notes.tif").write_text("no raster at all, only some text")
    wait_until(lambda: (box / "done" / "hills.tif").is_file())
    wait_until(lambda: (box / "rejected" / "notes.tif").is_file())
    assert operator.document(f"/api/products/{C}/hills")["title"] == "hills"
    assert "was not published" in (box / "rejected" / "notes.tif.txt").read_text()
    assert sorted(path.name for path in box.iterdir()) == ["done", "rejected"]


def wait_until(is_so: Any, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.2)
