"""What is made private is private at once, in every process, however often it was shown."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from tests.journeys.client import Client
from tests.journeys.doors import tile_in_the_middle, xyz
from tests.journeys.rasters import write_photograph

pytestmark = pytest.mark.services

CONNECTIONS = 12
"""Kept open from the start, so that each process has some."""


def test_no_process_shows_a_map_after_it_was_made_private(owner: Client, tmp_path: Path) -> None:
    owner.make_collection("revoked")
    product = owner.publish("revoked", write_photograph(tmp_path / "a.tif"), id="photograph")
    tile = tile_in_the_middle(product["bbox"], 13)
    url = f"{owner.base}{xyz('revoked', 'photograph', tile)}"
    whole = url.replace("/photograph/", "/")
    sessions = [requests.Session() for _ in range(CONNECTIONS)]
    for session in sessions:
        session.trust_env = False

    def statuses() -> set[int]:
        return {session.get(url).status_code for session in sessions}

    def mosaics() -> set[bytes]:
        return {session.get(whole).content for session in sessions}

    def set_visibility(address: str, visibility: str) -> None:
        answer = owner.request("PATCH", address, json={"visibility": visibility})
        assert answer.status_code == 200

    for address in ("/api/products/revoked/photograph", "/api/collections/revoked") * 4:
        assert statuses() == {200}
        shown = mosaics()
        set_visibility(address, "private")
        assert statuses() == {404}
        assert not mosaics() & shown
        set_visibility(address, "public")
