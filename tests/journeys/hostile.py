"""Sends a set of hostile uploads to a running product and keeps all that it answers."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.fuzz.canaries import Canary
from tests.journeys.client import RESTING_STATES, Client

Json = dict[str, Any]
COLLECTION = "hostile"
IN_FLIGHT = 4
GIVE_UP_SECONDS = 150
ASKS = {"crs_missing", "bounds_missing"}


@dataclass(frozen=True)
class Case:
    """One upload of the generator's manifest."""

    facts: Json
    folder: Path

    @property
    def id(self) -> str:
        """Its name in the set."""
        return str(self.facts["id"])

    @property
    def expected(self) -> str:
        """reject, accept, accept-sanitised or policy."""
        return str(self.facts["expected"])

    def files(self) -> list[tuple[str, bytes]]:
        """(name that the client sends, content) of the file and its sidecars."""
        main = (self.folder / self.facts["file"]).read_bytes()
        sidecars = [self.folder / name for name in self.facts["sidecars"]]
        return [
            (self.facts["upload_filename"], main),
            *((path.name, path.read_bytes()) for path in sidecars),
        ]


@dataclass(frozen=True)
class Answer:
    """What became of an upload."""

    case: Case
    status: int
    """Of the request that sent it."""
    text: str
    """The body of that answer, and the job as JSON: all that its owner was told."""
    job: Json | None
    """At rest; None where the request was refused."""
    seconds: float

    @property
    def end(self) -> str:
        """The job's state, or the status of a refusal, with the code."""
        if self.job is None:
            code = json.loads(self.text).get("code") if self.text.startswith("{") else ""
            return f"{self.status} {code}"
        error = self.job["error"] or {}
        return f"{self.job['state']} {error.get('code', '')}".strip()

    @property
    def is_published(self) -> bool:
        """Whether there is a product."""
        return self.job is not None and self.job["state"] == "published"

    @property
    def is_refused(self) -> bool:
        """Whether its owner was told what is wrong with it, and nothing was published."""
        if self.job is None:
            return 400 <= self.status < 500
        return self.job["state"] in ("rejected", "needs_input")

    @property
    def asks_for_a_place(self) -> bool:
        """Whether it waits for a CRS or bounds: a refusal of a raster that has none."""
        return self.end.startswith("needs_input") and self.end.split()[-1] in ASKS


def make_cases(generator: Path, folder: Path, canary: Canary) -> list[Case]:
    """Run the generator, aimed at the canary."""
    command = [sys.executable, str(generator), str(folder),
               "--target", str(canary.path), "--port", str(canary.port)]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    manifest = json.loads((folder / "manifest.json").read_text())
    return [Case(facts, folder) for facts in manifest["cases"]]


def send_all(client: Client, cases: list[Case], honest: Path) -> tuple[list[Answer], list[Json]]:
    """Every case, several at a time; the answers, and the jobs of honest neighbours among them."""
    with ThreadPoolExecutor(IN_FLIGHT) as pool, ThreadPoolExecutor(1) as beside:
        neighbours = beside.submit(_keep_publishing, client, honest, stop := threading.Event())
        answers = list(pool.map(lambda case: send(client, case), cases))
        stop.set()
        return answers, neighbours.result()


def send(client: Client, case: Case) -> Answer:
    """Send one case and wait until it rests."""
    started = time.monotonic()
    response = client.post(
        f"/api/collections/{COLLECTION}/products",
        files=[("file", (name, content, "image/tiff")) for name, content in case.files()],
    )
    job = None
    text = response.text
    if response.status_code == 202:
        job = _at_rest(client, response)
        text += json.dumps(job, ensure_ascii=False)
    return Answer(case, response.status_code, text, job, time.monotonic() - started)


def _at_rest(client: Client, accepted: requests.Response) -> Json:
    job = client.document(accepted.headers["Location"])
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while job["state"] not in RESTING_STATES and time.monotonic() < deadline:
        time.sleep(0.2)
        job = client.job(job["id"])
    return job


def _keep_publishing(client: Client, honest: Path, stop: threading.Event) -> list[Json]:
    jobs = []
    while not stop.is_set() or not jobs:
        jobs.append(client.wait_for(client.upload(COLLECTION, honest)["id"]))
        stop.wait(2)
    return jobs


@contextmanager
def watched_memory(worker_pid: int) -> Iterator[list[int]]:
    """Bytes resident in the largest process below the worker, as a list that grows."""
    peaks = [0]
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(0.1):
            for pid in _below(worker_pid):
                peaks.append(max(peaks[-1], _resident_bytes(pid)))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peaks
    finally:
        stop.set()
        thread.join()


def _below(pid: int) -> set[int]:
    """Processes that descend from one (proc(5): children by thread)."""
    found: set[int] = set()
    ahead = [pid]
    while ahead:
        for children in Path(f"/proc/{ahead.pop()}/task").glob("*/children"):
            try:
                new = {int(child) for child in children.read_text().split()} - found
            except OSError:
                continue  # ended meanwhile
            found |= new
            ahead += new
    return found


def _resident_bytes(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return 1024 * int(status.partition("VmRSS:")[2].split()[0]) if "VmRSS:" in status else 0
