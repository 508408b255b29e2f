"""What the public was shown of a collection is kept for a moment, and forgotten by any change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from django.db import connection
from starlette.requests import Request

from config.supervision.waiting import wait_for
from repository import generation
from repository.models import Product
from tests.tiler.mosaic_world import GREEN, RED, MosaicWorld, classes
from tiler import direct_mosaics, mosaic_memory
from tiler.app import app
from tiler.mosaic_memory import Moment
from tiler.pixels.tile_matrix_sets import WEB_MERCATOR_QUAD as QUAD

pytestmark = pytest.mark.services
TILE, WORLD = (10, 550, 340), (0, 0, 0)


@pytest.fixture
def listening(mosaic_world: MosaicWorld) -> Iterator[None]:
    end = generation.listen()
    wait_for(lambda: generation.current() is not None, 10, "The listener does not listen")
    yield
    end()


@pytest.fixture
def world(mosaic_world: MosaicWorld, listening: None, monkeypatch: Any) -> MosaicWorld:
    """Of one public map, and in no haste: the machine may be busy."""
    monkeypatch.setattr(mosaic_memory, "SECONDS", 60.0)
    mosaic_world.add("open", RED, TILE)
    return mosaic_world


def path(tile: tuple[int, int, int], extension: str = "png") -> str:
    return f"/tiles/c/WebMercatorQuad/{'/'.join(map(str, tile))}.{extension}"


def at_once(address: str, *headers: tuple[bytes, bytes]) -> Any:
    where, _, query = address.partition("?")
    return app.at_once(where, query, list(headers))


def kept(world: MosaicWorld, tile: tuple[int, int, int]) -> Any:
    """The answer, once it is kept: word of earlier changes may still be on its way."""
    answers: list[Any] = []

    def is_kept() -> bool:
        answers.append(world.get(tile))
        return at_once(path(tile)) is not None

    wait_for(is_kept, 10, "It is not kept")
    return answers[-1]


@pytest.mark.parametrize("tile", [TILE, WORLD])
def test_what_was_shown_is_answered_without_the_database(
    world: MosaicWorld, tile: tuple[int, int, int]
) -> None:
    world.build()
    first = kept(world, tile)
    status, headers, body = at_once(path(tile))
    assert (status, body) == (200, first.content)
    assert {n.decode(): v.decode() for n, v in headers} == dict(first.headers)
    etag = first.headers["etag"].encode()
    status, headers, body = at_once(path(tile), (b"if-none-match", etag))
    assert (status, body) == (304, b"")
    assert [name for name, _ in headers] == [b"cache-control", b"vary", b"etag"]
    again = world.get(tile)
    assert (again.content, again.headers) == (first.content, first.headers)


CHANGES: dict[str, Any] = {
    "made private": lambda w, p: w.change(p, visibility="private"),
    "removed": lambda w, p: w.remove(p),
    "another style": lambda w, p: w.change(
        p, style={"kind": "ramp", "bands": [1], "stretch": [[0, 255]], "ramp": "gray"}
    ),
    "another map": lambda w, p: w.add("new", GREEN, TILE, day=3),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("tile", [TILE, WORLD])
def test_after_a_change_the_next_answer_is_another(
    world: MosaicWorld, tile: tuple[int, int, int], change: Any
) -> None:
    world.build()
    shown = kept(world, tile).content
    change(world, Product.objects.get(slug="open"))
    assert at_once(path(tile)) is None
    assert world.get(tile).content != shown


def test_a_collection_made_private_is_gone_at_once(world: MosaicWorld) -> None:
    kept(world, TILE)
    type(world.collection).objects.update(visibility="private")
    assert at_once(path(TILE)) is None
    assert world.get(TILE).status_code == 404


def test_a_new_picture_of_the_overview_counts_as_a_change(world: MosaicWorld) -> None:
    kept(world, WORLD)
    world.build()
    assert at_once(path(WORLD)) is None


def test_of_those_who_say_who_they_are_nothing_is_kept(world: MosaicWorld) -> None:
    world.get(TILE, user=world.owner)
    assert at_once(path(TILE)) is None
    kept(world, TILE)
    for credentials in ((b"authorization", b"Bearer x"), (b"cookie", b"sessionid=x")):
        assert at_once(path(TILE), credentials) is None
    assert at_once(f"{path(TILE)}?sortby=title") is None


def test_what_lacks_a_map_and_what_is_refused_is_not_kept(
    world: MosaicWorld, tmp_path: Any
) -> None:
    broken = world.add("broken", GREEN, TILE, day=2)
    for file in (tmp_path / "objects" / "products" / str(broken.pk)).rglob("*.tif"):
        file.unlink()
    assert world.get(TILE).headers["Cache-Control"] == "no-store"
    assert at_once(path(TILE)) is None
    one_band = np.full((1, 8, 8), 7, np.int16)
    world.publish("other", one_band, QUAD.bounds(*TILE), style=classes(_7=(9, 9, 9, 255)))
    assert world.get(TILE, extension="npy").status_code == 400
    assert at_once(path(TILE, "npy")) is None


def test_nothing_is_kept_while_nobody_listens(mosaic_world: MosaicWorld) -> None:
    mosaic_world.add("open", RED, TILE)
    mosaic_world.get(TILE)
    assert at_once(path(TILE)) is None


def test_it_ends_after_a_second(world: MosaicWorld, monkeypatch: Any) -> None:
    monkeypatch.setattr(mosaic_memory, "SECONDS", 0.0)
    world.get(TILE)
    assert at_once(path(TILE)) is None


def test_a_change_while_the_tile_is_drawn_is_not_missed(
    world: MosaicWorld, monkeypatch: Any
) -> None:
    drawn = direct_mosaics._answer

    def slowly(*given: Any) -> Any:
        answer = drawn(*given)
        with connection.cursor() as cursor:
            cursor.execute('update "rastrum_product" set title = title')
        return answer

    monkeypatch.setattr(direct_mosaics, "_answer", slowly)
    world.get(TILE)
    assert at_once(path(TILE)) is None


def test_only_the_public_and_of_one_generation_share_a_drawing() -> None:
    scope = {"type": "http", "method": "GET", "path": path(TILE), "query_string": b"q=a",
             "headers": [], "server": ("127.0.0.1", 80)}  # fmt: skip

    def key(generation: int | None) -> object:
        return direct_mosaics._key(Request(scope), Moment(generation, 0.0))

    assert key(1) == key(1)
    assert key(1) != key(2)
    assert key(None) != key(None)
