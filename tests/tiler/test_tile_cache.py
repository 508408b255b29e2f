"""Kept tiles: bounded, and never somebody else's."""

from __future__ import annotations

from typing import Any

from tiler import drawing
from tiler.tile_cache import OVERHEAD, TileCache, TileKey


def key(x: int = 0, **other: Any) -> TileKey:
    return TileKey("uuid", 1, "style", "WebMercatorQuad", 9, x, 0, "png", 256)._replace(**other)


def test_the_longest_unused_goes_first() -> None:
    cache = TileCache(20 * (100 + OVERHEAD))
    for x in range(20):
        cache.put(key(x), b"x" * 100)
    assert cache.get(key(0)) is not None
    cache.put(key(20), b"x" * 100)
    assert [cache.get(key(x)) is None for x in (0, 1, 2, 20)] == [False, True, False, False]


def test_it_never_grows_beyond_its_bound() -> None:
    cache = TileCache(100_000)
    for x in range(1000):
        cache.put(key(x), bytes(x * 7))
        assert 0 <= cache.bytes <= 100_000


def test_a_bound_of_nothing_keeps_nothing() -> None:
    cache = TileCache(0)
    cache.put(key(), b"x")
    assert cache.get(key()) is None


def test_all_that_a_body_depends_on_is_in_the_key() -> None:
    cache = TileCache(10**6)
    cache.put(key(), b"x")
    others = {"uuid": "u", "version": 2, "style": "s", "tms": "t", "z": 8, "x": 1, "y": 1,
              "extension": "jpg", "size": 512}  # fmt: skip
    assert set(others) == set(TileKey._fields)
    for name, value in others.items():
        assert cache.get(key(**{name: value})) is None


def test_a_tile_is_drawn_once_and_then_kept(client: Any, tile: Any, monkeypatch: Any) -> None:
    drawn = []
    body = drawing.tile_body
    monkeypatch.setattr(drawing, "tile_body", lambda *a: drawn.append(a) or body(*a))
    path = "/tiles/c/p/WebMercatorQuad/{}/{}/{}.png".format(*tile)
    bodies = {client.get(path).content, client.get(path).content, client.get(f"{path}?x=").content}
    assert (len(bodies), len(drawn)) == (1, 1)


def test_a_kept_tile_of_a_private_map_is_only_for_those_who_may_see_it(
    client: Any, tile: Any, refs: Any, monkeypatch: Any
) -> None:
    """Policy is asked before the cache, which holds the body all the while."""
    path = "/tiles/c/private/WebMercatorQuad/{}/{}/{}.png".format(*tile)
    owner = {"Authorization": "Bearer owner"}
    assert client.get(path, headers=owner).status_code == 200
    kept = {found.uuid for found in drawing.CACHE._bodies}
    assert refs["private"].uuid in kept
    del refs["private"]  # what the door says to everybody else
    for headers in ({}, {"Authorization": "Bearer stranger"}, {"If-None-Match": "*"}):
        assert client.get(path, headers=headers).status_code == 404
        assert client.head(path, headers=headers).status_code == 404
