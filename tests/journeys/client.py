"""A small HTTP client of the public contract, as a user's script would write it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

FINAL_STATES = ("published", "rejected", "failed", "cancelled")
RESTING_STATES = (*FINAL_STATES, "needs_input")
POLL_SECONDS = 0.2

Json = dict[str, Any]


@dataclass(frozen=True)
class Event:
    """One server-sent event (HTML standard, 9.2)."""

    name: str
    data: Json


class Client:
    """Speaks to one server as one caller; an empty token is the public.

    Methods that are named for a deed raise requests.HTTPError where it is refused;
    `get`, `post` and their like hand every answer back.
    """

    def __init__(self, base: str, token: str = "") -> None:
        self.base = base.rstrip("/")
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy on the way to loopback
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def request(self, method: str, address: str, **options: Any) -> requests.Response:
        """Any request; `address` is a path or a whole address of this server."""
        url = address if "://" in address else f"{self.base}{address}"
        return self._session.request(method, url, timeout=options.pop("timeout", 120), **options)

    def get(self, address: str, **options: Any) -> requests.Response:
        """GET."""
        return self.request("GET", address, **options)

    def post(self, address: str, **options: Any) -> requests.Response:
        """POST."""
        return self.request("POST", address, **options)

    def document(self, address: str, **options: Any) -> Json:
        """The JSON of an address that must answer 200."""
        response = self.get(address, **options)
        response.raise_for_status()
        return response.json()

    def make_collection(self, collection: str, visibility: str = "public") -> Json:
        """A new collection of the caller's."""
        body = {"id": collection, "title": collection.title(), "visibility": visibility}
        response = self.post("/api/collections", json=body)
        response.raise_for_status()
        return response.json()

    def send_file(
        self, collection: str, content: bytes, file_name: str, **fields: str
    ) -> requests.Response:
        """The raw answer to an upload."""
        return self.post(
            f"/api/collections/{collection}/products",
            files={"file": (file_name, content, "image/tiff")},
            data=fields,
        )

    def upload(self, collection: str, path: Path, *beside: Path, **fields: str) -> Json:
        """Send a file, and those that belong to it; the job that was accepted."""
        files = [("file", (p.name, p.read_bytes())) for p in (path, *beside)]
        response = self.post(f"/api/collections/{collection}/products", files=files, data=fields)
        if response.status_code != 202:
            raise AssertionError(f"{path.name}: {response.status_code} {response.text[:500]}")
        return self.document(response.headers["Location"])

    def job(self, job_id: str) -> Json:
        """The job now."""
        return self.document(f"/api/jobs/{job_id}")

    def wait_for(self, job_id: str, *states: str, seconds: float = 120) -> Json:
        """The job once it is in one of `states` (any in which it rests, unless named)."""
        deadline = time.monotonic() + seconds
        while (job := self.job(job_id))["state"] not in (states or RESTING_STATES):
            if time.monotonic() > deadline:
                raise AssertionError(f"still {job['state']} after {seconds} s: {job}")
            time.sleep(POLL_SECONDS)
        return job

    def publish(self, collection: str, path: Path, *, seconds: float = 120, **fields: str) -> Json:
        """Upload a file that is good; the published product."""
        job = self.wait_for(self.upload(collection, path, **fields)["id"], seconds=seconds)
        assert job["state"] == "published", job
        return self.document(f"/api/products/{job['product']}")

    def events_of(self, job_id: str, seconds: float = 120) -> Iterator[Event]:
        """The job's events until the server ends the stream."""
        address = f"/api/jobs/{job_id}/events"
        with self.get(address, stream=True, timeout=seconds) as response:
            response.raise_for_status()
            assert response.headers["content-type"].startswith("text/event-stream")
            yield from _parsed(response.iter_lines(decode_unicode=True))


def _parsed(lines: Iterator[str]) -> Iterator[Event]:
    name, data = "message", ""
    for line in lines:
        field, _, value = line.partition(":")
        if field == "event":
            name = value.strip()
        elif field == "data":
            data += value.strip()
        elif not line and data:
            yield Event(name, json.loads(data))
            name, data = "message", ""
