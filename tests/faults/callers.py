"""Somebody who uploads, cancels and removes through the public doors, whatever happens there."""

from __future__ import annotations

import base64
import itertools
import random
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import requests

from tests.faults.ledger import Entry, Fate, Ledger
from tests.journeys.client import Client
from tests.rasters import gradient, write_raster

C = "faults"
TUS = {"Tus-Resumable": "1.0.0"}
REQUEST_SECONDS = 30
TRIES = 10
ENDED = ("published", "cancelled", "failed", "rejected")
PATIENCE = 40
"""How often an unfinished upload is taken up again."""
NUMBERS = itertools.count(1)


class Caller:
    """One client with one connection; each thread has its own. An answer that does not come
    leaves the entry as it was: nobody knows then."""

    def __init__(self, client: Client, ledger: Ledger, cycle: int, chance: random.Random) -> None:
        self.client, self.ledger, self.cycle, self.chance = client, ledger, cycle, chance
        self.strange: list[str] = []
        """Answers that nobody should ever get."""

    def new_entry(self, *, private: bool = False, content: bytes | None = None) -> Entry:
        """A raster that is like no other."""
        number = next(NUMBERS)
        content = content if content is not None else raster(self.chance)
        return self.ledger.add(
            Entry(f"p{self.cycle}-{number}", content, private=private, cycle=self.cycle)
        )

    def ask(self, method: str, address: str, **options: object) -> requests.Response | None:
        """The answer; None where the connection broke or the server asked to come back."""
        try:
            answer = self.client.request(method, address, timeout=REQUEST_SECONDS, **options)
        except requests.RequestException:
            self.client._session.close()
            return None
        if answer.status_code in (503, 507):
            if "Retry-After" not in answer.headers:
                self.strange.append(f"{method} {address}: {answer.status_code} w/o Retry-After")
            return None
        if answer.status_code >= 500:
            text = f"{method} {address}: {answer.status_code} {answer.text[:300]}"
            self.strange.append(text)
            return None
        return answer

    def insist(self, method: str, address: str, **options: object) -> requests.Response | None:
        """The same request again while no answer comes, as a client does that was cut off."""
        for _ in range(TRIES):
            if (answer := self.ask(method, address, **options)) is not None:
                return answer
            time.sleep(1)
        return None

    def send_form(self, entry: Entry) -> None:
        """POST the file as a form; where the answer was lost, the same request again finds the
        id taken, and the job is looked up."""
        answer = self.insist(
            "POST", f"/api/collections/{C}/products",
            files={"file": (f"{entry.id}.tif", entry.content, "image/tiff")},
            data={"id": entry.id, "visibility": "private" if entry.private else "public"},
        )  # fmt: skip
        if answer is not None and answer.status_code == 202:
            self._acknowledge(entry, answer.headers["Location"])
        elif answer is not None and answer.status_code == 409:
            listed = self.insist("GET", "/api/jobs?limit=100")
            for job in listed.json()["items"] if listed is not None else []:
                if job["file_name"] == f"{entry.id}.tif":
                    self._acknowledge(entry, job["id"])

    def send_in_parts(self, entry: Entry) -> None:
        """The file by tus in three requests, going on from the acknowledged offset each time."""
        length = str(len(entry.content))
        headers = TUS | {"Upload-Length": length, "Upload-Metadata": _metadata(entry)}
        if address := self._begin(headers):
            self._send_all(entry, address, entry.content)

    def send_joined(self, entry: Entry) -> None:
        """The file in two pieces that are then joined (tus, concatenation)."""
        half, addresses = len(entry.content) // 2, []
        for piece in (entry.content[:half], entry.content[half:]):
            headers = TUS | {"Upload-Length": str(len(piece)), "Upload-Concat": "partial"}
            address = self._begin(headers)
            if not address or not self._send_all(entry, address, piece):
                return
            addresses.append(address)
        headers = TUS | {"Upload-Metadata": _metadata(entry),
                         "Upload-Concat": "final;" + " ".join(addresses)}  # fmt: skip
        for _ in range(PATIENCE):
            if address := self._begin(headers):
                self._wait_for_job(entry, address)
                return
            time.sleep(0.25)

    def _begin(self, headers: dict[str, str]) -> str:
        """The address of a new upload; empty where there was no answer."""
        begun = self.insist("POST", "/api/uploads/", headers=headers)
        return begun.headers["Location"] if begun is not None and begun.status_code == 201 else ""

    def _send_all(self, entry: Entry, address: str, content: bytes) -> bool:
        """Whether all of it arrived; the entry then has its job, if it is a whole file."""
        for _ in range(PATIENCE):
            head = self._head(address)
            if head is None:
                continue
            offset = int(head.headers["Upload-Offset"])
            if "Upload-Job" in head.headers:
                self._acknowledge(entry, head.headers["Upload-Job"])
            if offset == len(content):
                return True
            self._send_part(entry, address, content, offset)
        return False

    def _wait_for_job(self, entry: Entry, address: str) -> None:
        for _ in range(PATIENCE):
            head = self._head(address)
            if head is not None and "Upload-Job" in head.headers:
                self._acknowledge(entry, head.headers["Upload-Job"])
                return
            time.sleep(0.25)

    def _head(self, address: str) -> requests.Response | None:
        head = self.ask("HEAD", address, headers=TUS)
        if head is not None and head.status_code in (404, 410):
            self.strange.append(f"I1 {address}: {head.status_code}: a begun upload is lost")
        if head is not None and head.status_code == 200:
            return head
        time.sleep(0.25)
        return None

    def _send_part(self, entry: Entry, address: str, content: bytes, offset: int) -> None:
        step = len(content) // 3 + 1
        headers = TUS | {"Upload-Offset": str(offset),
                         "Content-Type": "application/offset+octet-stream"}  # fmt: skip
        part = content[offset : offset + step]
        answer = self.ask("PATCH", address, data=part, headers=headers)
        if answer is not None and "Upload-Job" in answer.headers:
            self._acknowledge(entry, answer.headers["Upload-Job"])

    def _acknowledge(self, entry: Entry, job_address: str) -> None:
        entry.job = job_address.rpartition("/")[2]
        entry.fate = Fate.ACKNOWLEDGED

    def cancel(self, entry: Entry) -> None:
        """Cancel its job; one that has ended meanwhile is left alone."""
        before, entry.fate = entry.fate, Fate.CANCELLING
        answer = self.insist("POST", f"/api/jobs/{entry.job}/cancel")
        if answer is not None and answer.status_code == 200:
            entry.fate = Fate.CANCELLED
        elif (state := self.state_of(entry)) and state in ENDED:
            entry.fate = Fate.CANCELLED if state == "cancelled" else before

    def retry(self, entry: Entry) -> None:
        """Start a cancelled job over; asked twice, it is on its way already."""
        entry.fate = Fate.SENT
        answer = self.insist("POST", f"/api/jobs/{entry.job}/retry")
        if answer is not None and answer.status_code in (202, 409):
            entry.fate = Fate.ACKNOWLEDGED

    def remove(self, entry: Entry) -> None:
        """Remove its product."""
        entry.fate = Fate.REMOVING
        answer = self.insist("DELETE", f"/api/products/{C}/{entry.id}")
        if answer is not None and answer.status_code in (204, 410):
            entry.fate = Fate.REMOVED

    def state_of(self, entry: Entry) -> str:
        """Of its job; empty where nobody answers."""
        answer = self.insist("GET", f"/api/jobs/{entry.job}")
        return str(answer.json().get("state", "")) if answer is not None else ""

    def wait_for(self, entry: Entry, *states: str, seconds: float = 40) -> bool:
        """Whether its job comes to one of the states in time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            answer = self.ask("GET", f"/api/jobs/{entry.job}")
            if answer is not None and answer.json().get("state") in states:
                return True
            time.sleep(0.2)
        return False


def _metadata(entry: Entry) -> str:
    said = {"filename": f"{entry.id}.tif", "collection": C, "id": entry.id,
            "visibility": "private" if entry.private else "public"}  # fmt: skip
    pairs = [f"{key} {base64.b64encode(text.encode()).decode()}" for key, text in said.items()]
    return ",".join(pairs)


def raster(chance: random.Random, edge: int = 40, **options: object) -> bytes:
    """A small GeoTIFF of values that nobody else has."""
    pixels = gradient("float32", edge, edge) + chance.random() * 50
    with TemporaryDirectory() as folder:
        return write_raster(
            Path(folder) / "r.tif", pixels.astype("float32"), **options
        ).read_bytes()
