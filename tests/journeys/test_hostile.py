"""Broken and hostile uploads, all of a set: refused in words or published rightly, and harmless."""

from __future__ import annotations

import io
import json
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from xml.etree import ElementTree

import pytest
import rasterio

from tests.conftest import ROOT
from tests.fuzz.canaries import Canary, canaries
from tests.journeys.client import Client
from tests.journeys.doors import tile_in_the_middle, xyz
from tests.journeys.hostile import COLLECTION, Answer, make_cases, send_all, watched_memory
from tests.journeys.rasters import write_elevation
from tests.services.product import Product

# The generator first: no server is started where there is nothing to send.
pytestmark = [pytest.mark.services, pytest.mark.corpus, pytest.mark.usefixtures("generator")]

MOST_SECONDS = 60
MOST_RESIDENT_BYTES = 2 * 10**9
MOST_RECORD_BYTES = 300_000
DEEPEST_ZOOM = 24
Json = dict[str, Any]
Problems = dict[str, object]


@dataclass(frozen=True)
class Run:
    """Everything that one pass over the set left to look at."""

    answers: list[Answer]
    neighbours: list[Json]
    canary: Canary
    peak_resident_bytes: int
    worker_before: int
    escapes_before: set[Path]

    def published(self) -> list[Answer]:
        """Answers with a product."""
        return [answer for answer in self.answers if answer.is_published]


@pytest.fixture(scope="session")
def generator() -> Path:
    corpus = Path(os.environ.get("RASTER_CORPUS") or ROOT.parent / "shared" / "data")
    path = corpus.parent / "hostile" / "make_hostile.py"
    if not path.is_file():
        pytest.skip(f"no hostile set beside the corpus: RASTER_CORPUS={corpus}")
    return path


@pytest.fixture(scope="module")
def run(generator: Path, live_product: Product, owner: Client) -> Iterator[Run]:
    """The set sent once, to a collection that all may see."""
    owner.make_collection(COLLECTION)
    with (
        tempfile.TemporaryDirectory(prefix="rastrum-hostile-", dir="/tmp") as name,
        canaries(Path(name)) as canary,
        watched_memory(live_product.pid("worker")) as peaks,
    ):
        worker, escapes = live_product.pid("worker"), set(escaped())
        cases = make_cases(generator, Path(name) / "set", canary)
        honest = write_elevation(Path(name) / "honest.tif")
        answers, neighbours = send_all(owner, cases, honest)
        yield Run(answers, neighbours, canary, peaks[-1], worker, escapes)


def escaped() -> Iterator[Path]:
    """What hostile files are known to write where they get out."""
    for folder in ("/tmp", "/etc/cron.d", str(Path.home()), str(ROOT), str(ROOT.parent)):
        yield from Path(folder).glob("*escape*")


def test_every_case_ends_as_it_should(run: Run) -> None:
    wrong = {
        answer.case.id: f"{answer.case.expected}, but {answer.end}"
        for answer in run.answers
        if not ends_as_expected(answer)
    }
    assert wrong == {}


def ends_as_expected(answer: Answer) -> bool:
    """What the manifest asks for; a raster that lacks a place may be asked about instead."""
    match answer.case.expected:
        case "reject":
            asked = answer.end.startswith("needs_input")
            return answer.is_refused and (not asked or answer.asks_for_a_place)
        case "accept" | "accept-sanitised":
            return answer.is_published
        case "policy":
            return answer.is_published or answer.is_refused
    raise AssertionError(f"the manifest expects {answer.case.expected!r}")


def test_no_case_takes_long(run: Run) -> None:
    slow = {a.case.id: a.seconds for a in run.answers if a.seconds > MOST_SECONDS}
    assert slow == {}


def test_a_refusal_is_told_in_words_that_help(run: Run) -> None:
    poor = {}
    for answer in run.answers:
        if not answer.is_published:
            told = answer.job["error"] if answer.job else json.loads(answer.text)
            message = told.get("message") or told.get("detail") or ""
            if len(message.split()) < 3 or not told.get("code"):
                poor[answer.case.id] = told
    assert poor == {}


def test_no_answer_shows_the_servers_insides(run: Run, live_product: Product) -> None:
    inside = ("Traceback", str(live_product.data_dir), str(ROOT), "site-packages", "/tmp/", ".py:")
    shown = {
        answer.case.id: [word for word in inside if word in answer_without_its_name(answer)]
        for answer in run.answers
    }
    assert {case: words for case, words in shown.items() if words} == {}


def answer_without_its_name(answer: Answer) -> str:
    """The file's own name may hold anything."""
    name = answer.case.facts["upload_filename"]
    return answer.text.replace(name, "").replace(name.replace("\\", "/").split("/")[-1], "")


def test_no_byte_of_the_canary_file_came_out(run: Run, owner: Client) -> None:
    leaks = [answer.case.id for answer in run.answers if run.canary.is_in(answer.text.encode())]
    for answer in run.published():
        for body in downloads(owner, product_of(owner, answer)):
            if run.canary.is_in(body) or run.canary.is_in(pixels(body)):
                leaks.append(answer.case.id)
    assert leaks == []
    assert not run.canary.was_read()


def downloads(client: Client, product: Json) -> Iterator[bytes]:
    """Everything of a product that comes from its pixels or tags."""
    for address in (
        product["links"]["self"],
        product["links"]["tilejson"],
        f"{product['links']['tiles']}/statistics",
        f"{product['links']['tiles']}/info",
        *(asset["href"] for asset in product["assets"] if asset["role"] == "data"),
    ):
        yield client.get(address).content


def pixels(body: bytes) -> bytes:
    """The values of a TIFF; nothing of anything else."""
    if body[:2] not in (b"II", b"MM"):
        return b""
    with rasterio.open(io.BytesIO(body)) as dataset:
        return dataset.read().tobytes()


def product_of(client: Client, answer: Answer) -> Json:
    """The published product of an answer."""
    assert answer.job
    return client.document(f"/api/products/{answer.job['product']}")


def test_nobody_called_the_canary_listener(run: Run) -> None:
    assert run.canary.callers == []


def test_nothing_was_written_elsewhere(run: Run) -> None:
    assert set(escaped()) - run.escapes_before == set()


def test_no_file_is_left_over(run: Run, live_product: Product) -> None:
    """Scratch of jobs and uploads goes with them, refused or not."""
    folders = [live_product.data_dir / name
               for name in ("work/jobs", "work/incoming", "objects/staging")]  # fmt: skip
    deadline = time.monotonic() + 10
    while left := [path for folder in folders for path in folder.glob("*")]:
        assert time.monotonic() < deadline, left
        time.sleep(0.2)


def test_what_was_refused_is_not_in_the_catalogue(run: Run, owner: Client) -> None:
    known = {answer.job["product"] for answer in run.published() if answer.job}
    known |= {job["product"] for job in run.neighbours}
    listed = set()
    address = f"/api/collections/{COLLECTION}/products?limit=100"
    while address:
        page = owner.document(address)
        listed |= {f"{item['collection']}/{item['id']}" for item in page["items"]}
        address = page.get("next") or page.get("links", {}).get("next")
    assert listed == known


def test_the_worker_and_the_neighbours_are_unharmed(run: Run, live_product: Product) -> None:
    assert live_product.pid("worker") == run.worker_before
    assert len(run.neighbours) >= 3
    assert {job["state"] for job in run.neighbours} == {"published"}
    assert {job["attempts"] for job in run.neighbours} == {1}


def test_memory_stays_bounded(run: Run) -> None:
    assert 0 < run.peak_resident_bytes < MOST_RESIDENT_BYTES


def test_what_is_published_holds_the_facts_of_the_manifest(run: Run, owner: Client) -> None:
    wrong: Problems = {}
    for answer in run.published():
        facts = answer.case.facts
        statistics = product_of(owner, answer)["bands"][0]["statistics"]
        for fact, key in (
            ("band1_min", "min"), ("band1_max", "max"), ("valid_pixels", "valid_count"),
        ):  # fmt: skip
            if fact in facts and statistics[key] != facts[fact]:
                wrong[f"{answer.case.id} {fact}"] = statistics[key]
    assert wrong == {}


def no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON (RFC 8259, 6)")


def check_documents(client: Client, product: Json) -> None:
    """JSON without NaN, XML that parses, a record of bounded size, a zoom that maps can have."""
    links = product["links"]
    record = client.get(links["self"])
    json.loads(record.content, parse_constant=no_constant)
    assert len(record.content) < MOST_RECORD_BYTES
    tilejson = client.get(links["tilejson"])
    assert json.loads(tilejson.content, parse_constant=no_constant)["maxzoom"] <= DEEPEST_ZOOM
    for name in ("statistics", "info"):
        json.loads(client.get(f"{links['tiles']}/{name}").content, parse_constant=no_constant)
    c, p = product["collection"], product["id"]
    ElementTree.fromstring(client.get(f"/wmts/{c}/{p}/1.0.0/WMTSCapabilities.xml").content)
    json.loads(client.get(f"/ogc/collections/{c}:{p}?f=json").content, parse_constant=no_constant)


def check_tiles(client: Client, product: Json) -> None:
    """The tile in the middle, at a low and at a fitting zoom."""
    tilejson = client.document(product["links"]["tilejson"])
    for zoom in (0, tilejson["maxzoom"]):
        tile = tile_in_the_middle(product["bbox"], zoom)
        response = client.get(xyz(product["collection"], product["id"], tile))
        assert response.status_code == 200, response.text[:200]
        assert response.content.startswith(b"\x89PNG")


SCRIPTS = re.compile(rb"<script>alert|<img src=x|<svg on|<b>none|alert\(document", re.IGNORECASE)


def check_page(client: Client, product: Json) -> None:
    """Names and tags are shown escaped, and no template runs them."""
    page = client.get(product["links"]["page"])
    assert page.status_code == 200
    assert not SCRIPTS.search(page.content)
    assert b"${49}" not in page.content
    assert b"49 $" not in page.content
    assert "default-src 'self'" in page.headers["content-security-policy"]


def check_downloads(client: Client, product: Json) -> None:
    """Well-formed headers, never a type that a browser runs."""
    for asset in product["assets"]:
        response = client.request("HEAD", asset["href"])
        assert response.status_code == 200, asset
        assert response.headers["content-disposition"].startswith("attachment")
        assert response.headers["x-content-type-options"] == "nosniff"
        assert not response.headers["content-type"].startswith(("text/html", "image/svg"))
        assert "/" not in asset["name"]
        assert "\\" not in asset["name"]


@pytest.mark.parametrize("check", [check_documents, check_tiles, check_page, check_downloads])
def test_what_is_published_is_fit_to_be_shown(
    run: Run, public: Client, check: Callable[[Client, Json], None]
) -> None:
    wrong: Problems = {}
    for answer in run.published():
        try:
            check(public, product_of(public, answer))
        except (AssertionError, ValueError, ElementTree.ParseError) as problem:
            wrong[answer.case.id] = str(problem)[:200]
    assert wrong == {}


def test_the_catalogue_stays_usable(run: Run, public: Client) -> None:
    for address in ("/", f"/collections/{COLLECTION}", "/wmts/1.0.0/WMTSCapabilities.xml",
                    f"/ogc/collections/{COLLECTION}/items?f=json"):  # fmt: skip
        assert public.get(address).status_code == 200
