"""The invariants of the product, asked through its doors and behind them, once it has settled.

I1 no acknowledged upload is lost. I2 a product is visible wholly or not at all, everywhere.
I3 no orphans are left by the reconciler. I4 any number of deliveries gives one result.
I5 nothing of a private product reaches a stranger.
"""

from __future__ import annotations

import hashlib
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import requests

from tests.faults.auditor import AuditFailed
from tests.faults.callers import C
from tests.faults.ledger import Entry, Fate
from tests.journeys.client import Client

if TYPE_CHECKING:
    from tests.faults.world import World

BACK_SECONDS = 30
"""A process that serves may ask for a lost database less and less often."""
TILE = "12/2227/1388"
"""Holds every raster of these tests, which lie at the same place."""
VISIBLE = {Fate.ACKNOWLEDGED: {True}, Fate.SENT: {True, False}, Fate.REMOVING: {True, False},
           Fate.CANCELLING: {True, False}, Fate.REMOVED: {False}, Fate.CANCELLED: {False},
           Fate.REFUSED: {False}}  # fmt: skip
"""Fate -> what may have become of it."""


def problems(world: World) -> list[str]:
    """Every invariant that does not hold."""
    owner, public, stranger = world.client(), world.client(""), world.client("stranger")
    found: list[str] = []
    shown: dict[str, bool] = {}
    for entry in list(world.ledger.entries.values()):
        found += _of_entry(entry, owner, (public, stranger), shown)
    found += _of_lists(world, public, shown)
    found += _behind_the_doors(world)
    return found


def doors(entry: Entry) -> list[str]:
    """Where it can be seen."""
    return [
        f"/api/products/{C}/{entry.id}",
        f"/products/{C}/{entry.id}",
        f"/tiles/{C}/{entry.id}/WebMercatorQuad/{TILE}.png",
        f"/tiles/{C}/{entry.id}/tilejson.json",
        f"/wmts/{C}/{entry.id}/1.0.0/WMTSCapabilities.xml",
        f"/ogc/collections/{C}/items/{entry.id}",
        f"/ogc/collections/{C}:{entry.id}/coverage?f=GTiff",
        f"/files/{C}/{entry.id}/{entry.id}.cog.tif",
        f"/files/{C}/{entry.id}/{entry.id}.tif",
    ]


def _of_entry(
    entry: Entry, owner: Client, others: tuple[Client, ...], shown: dict[str, bool]
) -> list[str]:
    statuses = {door: _get(owner, door).status_code for door in doors(entry)}
    seen = {status == 200 for status in statuses.values()}
    if seen == {True, False} or set(statuses.values()) - {200, 404, 410}:
        return [f"I2 {entry.id} ({entry.fate}) is half visible: {statuses}"]
    is_shown = shown[entry.id] = seen == {True}
    if is_shown not in VISIBLE[entry.fate]:
        told = _get(owner, f"/api/jobs/{entry.job}").text[:600] if entry.job else ""
        return [f"I1 {entry.id} is {entry.fate} but visible: {is_shown}; {told}"]
    found = []
    if is_shown:
        content = _get(owner, doors(entry)[-1]).content
        if hashlib.sha256(content).hexdigest() != entry.sha256:
            found.append(f"I1 {entry.id}: other bytes come back than were sent")
    for other in others:
        wanted = {200} if is_shown and not entry.private else {404, 410}
        got = {door: _get(other, door).status_code for door in doors(entry)}
        if set(got.values()) - wanted:
            found.append(f"I5 {entry.id} (private: {entry.private}) to others: {got}")
    return found


def _get(client: Client, door: str) -> requests.Response:
    """The answer, once every process that serves has found its engines again."""
    deadline = time.monotonic() + BACK_SECONDS
    while True:
        with suppress(requests.ConnectionError):
            answer = client.get(door, timeout=60)
            if answer.status_code != 503 or time.monotonic() > deadline:
                return answer
        assert time.monotonic() < deadline + BACK_SECONDS, f"{door} does not answer"
        time.sleep(0.3)


def _of_lists(world: World, public: Client, shown: dict[str, bool]) -> list[str]:
    """The public's lists hold what is public, and count nothing else."""
    private = {entry.id for entry in world.ledger.entries.values() if entry.private}
    wanted = {name for name, is_shown in shown.items() if is_shown} - private
    listed = _get(public, f"/api/collections/{C}/products?limit=1000").json()["items"]
    items = _get(public, f"/ogc/collections/{C}/items?limit=1000").json()
    got = {"api": {item["id"] for item in listed},
           "ogc": {item["id"] for item in items["features"]}}  # fmt: skip
    found = [
        f"I5 the public's list ({name}) holds {sorted(ids)}, not {sorted(wanted)}"
        for name, ids in got.items()
        if ids != wanted
    ]
    if items["numberMatched"] != len(wanted):
        found.append(f"I5 numberMatched is {items['numberMatched']}, not {len(wanted)}")
    return found


def _behind_the_doors(world: World) -> list[str]:
    found = []
    for product in world.auditor.insist("products"):
        roles, state = product["roles"], product["state"]
        if state == "published" and (
            roles.get("data") != product["version"]
            or product["published_jobs"] != product["version"]
        ):
            found.append(f"I4 one result a job is wanted: {product}")
        is_ghost = product["id"].startswith("ghost-")
        if state == "reserved" and not product["open_jobs"] and not is_ghost:
            found.append(f"I3 an id is held by nobody: {product}")
    world.auditor.insist("reconcile")
    try:
        left = world.auditor.insist("reconcile", rehearse=True)
    except AuditFailed as error:
        return [*found, f"I3 {error}"]
    return found + [
        f"I3 {kind} after reconciling: {names}" for kind, names in left.items() if names
    ]
