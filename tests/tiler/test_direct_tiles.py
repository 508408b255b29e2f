"""The short way gives what the application gives."""

from __future__ import annotations

from typing import Any

import pytest

from tiler import policy_memory

ADDRESSES = [
    "c/p/WebMercatorQuad/{z}/{x}/{y}.png", "c/p/WebMercatorQuad/{z}/{x}/{y}@2x.webp",
    "c/p/GoogleMapsCompatible/{z}/{x}/{y}.npy", "c/private/WebMercatorQuad/{z}/{x}/{y}.jpg",
    "c/p/WebMercatorQuad/5/0/0.png", "c/p/WebMercatorQuad/5/0/0.jpg",
    "c/none/WebMercatorQuad/{z}/{x}/{y}.png", "c/gone/WebMercatorQuad/{z}/{x}/{y}.png",
    "c/p/Elsewhere/{z}/{x}/{y}.png", "c/p/WebMercatorQuad/{z}/{x}/{y}.gif",
    "c/p/WebMercatorQuad/1/5/5.png", "c/p/WebMercatorQuad/99/0/0.png",
]  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES)
def test_both_ways_give_the_same_answer(client: Any, tile: Any, address: str) -> None:
    z, x, y = tile
    path = f"/tiles/{address.format(z=z, x=x, y=y)}"
    # A query of another kind sends the request the long way.
    direct, through = client.get(path), client.get(f"{path}?x=")
    assert direct.status_code == through.status_code
    assert direct.content == through.content
    assert dict(direct.headers) == dict(through.headers)


def test_wrong_credentials_are_refused_on_the_short_way(client: Any, tile: Any) -> None:
    z, x, y = tile
    answer = client.get(
        f"/tiles/c/p/WebMercatorQuad/{z}/{x}/{y}.png", headers={"Authorization": "Bearer wrong"}
    )
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"]


def test_a_tile_that_the_caller_has_is_not_sent_again(client: Any, tile: Any) -> None:
    path = "/tiles/c/p/WebMercatorQuad/{}/{}/{}.png".format(*tile)
    etag = client.get(path).headers["etag"]
    assert client.get(path, headers={"If-None-Match": etag}).status_code == 304


def test_an_unforeseen_error_is_told_without_its_trace(
    client: Any, tile: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise KeyError("secret")

    monkeypatch.setattr(policy_memory, "find_product", fail)
    answer = client.get("/tiles/c/p/WebMercatorQuad/{}/{}/{}.png".format(*tile))
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal_error"
    assert "secret" not in answer.text
