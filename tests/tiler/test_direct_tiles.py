"""The short way gives what the application gives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tiler import drawing, policy_memory
from tiler.render_gate import Busy

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


@pytest.mark.parametrize("query", ["", "?style=default", "?v=00", "?x="])
def test_an_address_that_does_not_say_what_it_shows_is_asked_for_again(
    client: Any, tile: Any, query: str
) -> None:
    path = "/tiles/c/p/WebMercatorQuad/{}/{}/{}.png".format(*tile)
    kept = client.get(path + query).headers["cache-control"]
    assert kept == "public, max-age=60, must-revalidate"


def test_what_a_stamped_address_shows_may_be_kept_for_ever(
    client: Any, tile: Any, refs: Any
) -> None:
    (template,) = client.get("/tiles/c/p/tilejson.json").json()["tiles"]
    z, x, y = tile
    address = template.format(z=z, x=x, y=y)
    answer = client.get(address)
    assert "max-age=31536000" in answer.headers["cache-control"]
    assert "immutable" in answer.headers["cache-control"]
    # Caches of many ask again soon: the map may have been made private.
    assert "s-maxage=60" in answer.headers["cache-control"]
    # An old address shows what there is now, and says so.
    style = replace(refs["p"].style, stretch=((0, 50),))
    refs["p"] = replace(refs["p"], style=style)
    later = client.get(address)
    assert later.headers["etag"] != answer.headers["etag"]
    assert "immutable" not in later.headers["cache-control"]


def test_addresses_of_a_private_map_carry_no_stamp(client: Any) -> None:
    (template,) = client.get("/tiles/c/private/tilejson.json").json()["tiles"]
    assert template.endswith(".png")


def test_a_change_of_words_leaves_the_tiles_as_they_are(client: Any, tile: Any, refs: Any) -> None:
    path = "/tiles/c/p/WebMercatorQuad/{}/{}/{}.png".format(*tile)
    etag = client.get(path).headers["etag"]
    refs["p"] = replace(refs["p"], title="Other", revision=2)
    assert client.get(path, headers={"If-None-Match": etag}).status_code == 304


def test_head_is_answered_on_the_short_way_too(client: Any, tile: Any) -> None:
    path = "/tiles/c/p/WebMercatorQuad/{}/{}/{}.png".format(*tile)
    got, head = client.get(path), client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert dict(head.headers) == dict(got.headers)


def test_a_busy_server_says_when_to_come_back(
    client: Any, tile: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: Any) -> None:
        raise Busy

    monkeypatch.setattr(drawing.TILES, "draw", refuse)
    monkeypatch.setattr(drawing.LARGE, "draw", refuse)
    z, x, y = tile
    monkeypatch.setattr(drawing.CACHE, "get", lambda key: None)
    for path in (
        f"/tiles/c/p/WebMercatorQuad/{z}/{x}/{y}.png",
        f"/tiles/c/p/WebMercatorQuad/{z}/{x}/{y}.png?x=",
        f"/wmts/1.0.0/c:p/default/WebMercatorQuad/{z}/{y}/{x}.png",
        "/tiles/c/p/preview.png?max_size=300", "/tiles/c/p/preview.png?width=2048&height=2048",
    ):  # fmt: skip
        answer = client.get(path)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert answer.headers["cache-control"] == "no-store"


def test_what_would_take_too_much_memory_is_refused_with_a_sentence(
    client: Any, tile: Any, refs: Any
) -> None:
    band = refs["p"].bands[0]
    refs["p"] = replace(refs["p"], bands=(band,) * 200)
    answer = client.get("/tiles/c/p/WebMercatorQuad/{}/{}/{}@2x.npy".format(*tile))
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_size")
    assert "200 bands" in answer.json()["detail"]
    assert answer.json()["hint"]


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
