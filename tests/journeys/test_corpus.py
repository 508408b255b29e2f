"""Every file of the corpus: published with the facts of the manifest, asked about, or refused in
words."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.journeys.client import Client
from tests.journeys.facts import assert_facts, assert_place
from tests.services.product import Product

pytestmark = pytest.mark.services

COLLECTION = "corpus"
IN_FLIGHT = 4
UNPLACED = {"georef/malaysia_3376_rgb.tif": "EPSG:3376"}
"""Files that the manifest accepts, though their CRS is an engineering one that is tied to no
place on Earth ("Projection Name = Unknown"): they need an answer, and then hold the facts."""
QUESTIONS = ("crs_missing", "bounds_missing", "choose_subdatasets")
Json = dict[str, Any]


def _entries() -> list[Json]:
    """All uploads of the manifest; none where there is no corpus."""
    folder = Path(os.environ.get("RASTER_CORPUS") or ROOT.parent / "shared" / "data")
    manifest = folder / "manifest.json"
    return json.loads(manifest.read_text())["files"] if manifest.is_file() else []


def _expecting(outcome: str) -> Any:
    """A parameter for each file of an outcome; one that skips where there is no corpus."""
    found = [
        pytest.param(entry, id=entry["file"])
        for entry in _entries()
        if entry["expected"] == outcome
    ]
    return pytest.mark.parametrize("entry", found or [pytest.param({}, id="no-corpus")])


@pytest.fixture(scope="module")
def worker_pid(live_product: Product) -> int:
    """Of the worker that is there before the first file arrives."""
    return live_product.pid("worker")


@pytest.fixture(scope="module")
def jobs(corpus: Path, owner: Client, worker_pid: int) -> Iterator[dict[str, Future[Json]]]:
    """file -> its job at rest; all files are sent at the first use, a few at a time."""
    owner.make_collection(COLLECTION)

    def send(entry: Json) -> Json:
        paths = [corpus / name for name in (entry["file"], *entry["sidecars"])]
        return owner.wait_for(owner.upload(COLLECTION, *paths)["id"], seconds=200)

    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        yield {entry["file"]: pool.submit(send, entry) for entry in _entries()}


@_expecting("accept")
def test_a_good_file_is_published_with_its_facts(
    entry: Json, corpus: Path, jobs: dict[str, Future[Json]], owner: Client
) -> None:
    job = jobs[entry["file"]].result()
    if entry["file"] in UNPLACED:
        job = answer(owner, job, UNPLACED[entry["file"]])
    assert job["state"] == "published", job["error"]
    product = owner.document(f"/api/products/{job['product']}")
    if entry["georef"] == "rotated":
        assert_place(product, entry)
        assert any("rotated" in sentence for sentence in product["lineage"])
    else:
        assert_facts(product, entry, corpus / entry["file"])


@_expecting("reject")
def test_a_bad_file_is_rejected_in_words(
    entry: Json, jobs: dict[str, Future[Json]], corpus: Path
) -> None:
    job = jobs[entry["file"]].result()
    assert job["state"] == "rejected", job
    assert_told(job)


@_expecting("needs-input")
def test_a_file_that_says_too_little_waits_for_an_answer(
    entry: Json, jobs: dict[str, Future[Json]], corpus: Path
) -> None:
    job = jobs[entry["file"]].result()
    assert job["state"] == "needs_input", job
    assert job["error"]["code"] in QUESTIONS
    assert bool(job["error"]["options"]) == (job["error"]["code"] == "choose_subdatasets")
    assert_told(job)


@_expecting("accept-or-clear-error")
def test_a_doubtful_file_has_a_named_end(
    entry: Json, jobs: dict[str, Future[Json]], corpus: Path
) -> None:
    job = jobs[entry["file"]].result()
    assert job["state"] in ("published", "rejected", "needs_input"), job
    if job["state"] != "published":
        assert_told(job)


def assert_told(job: Json) -> None:
    """A stable code, a sentence and a hint."""
    error = job["error"]
    assert error["code"].replace("_", "").isalnum()
    assert len(error["message"].split()) >= 4
    assert len(error["hint"].split()) >= 2


def test_an_answer_publishes_a_raster_without_a_crs(
    jobs: dict[str, Future[Json]], owner: Client
) -> None:
    job = answer(owner, jobs["georef/nocrs_float.tif"].result(), "EPSG:4326")
    assert job["state"] == "published", job["error"]
    product = owner.document(f"/api/products/{job['product']}")
    assert product["crs"] == "EPSG:4326"
    assert product["bbox"] == pytest.approx([111.975, -10.475, 112.475, -9.975])


def test_all_rasters_of_an_archive_can_be_chosen(
    jobs: dict[str, Future[Json]], corpus: Path, owner: Client
) -> None:
    waiting = jobs["archives/four_tiffs.zip"].result()
    everything = {"subdatasets": ["*"], "crs": "EPSG:32633", "bounds": [4e5, 5.5e6, 5e5, 5.6e6]}
    response = owner.post(f"/api/jobs/{waiting['id']}/input", json=everything)
    assert response.status_code == 202, response.text
    job = owner.wait_for(waiting["id"], "published", "rejected", "failed", "needs_input")
    assert job["state"] == "published", job["error"]
    product = owner.document(f"/api/products/{job['product']}")
    roles = [asset["role"] for asset in product["assets"]]
    assert roles.count("data") == len(waiting["error"]["options"])
    assert roles.count("original") == 1


def answer(owner: Client, waiting: Json, crs: str) -> Json:
    """Name the CRS that a job asks for; the job at its end."""
    assert waiting["state"] == "needs_input", waiting
    assert waiting["error"]["code"] == "crs_missing"
    response = owner.post(f"/api/jobs/{waiting['id']}/input", json={"crs": crs})
    assert response.status_code == 202, response.text
    return owner.wait_for(waiting["id"], "published", "rejected", "failed")


def test_the_worker_outlives_the_corpus(
    jobs: dict[str, Future[Json]],
    corpus: Path,
    owner: Client,
    live_product: Product,
    worker_pid: int,
) -> None:
    for job in jobs.values():
        job.result()
    assert live_product.pid("worker") == worker_pid
    assert owner.publish(COLLECTION, corpus / "dem" / "vinschgau_utm32.tif")["version"] == 1
