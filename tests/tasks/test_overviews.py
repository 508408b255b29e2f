"""Overviews of collections: what they show, when they are late, and what they never show."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from django.conf import LazySettings
from django.db import connection, transaction

from repository import overviews
from repository.models import OverviewTile, Product
from tasks import overviews as task
from tasks.overview_building import Builder
from tests.tiler.conftest import mosaic_world
from tests.tiler.mosaic_world import BLUE, RED, MosaicWorld, classes
from tiler.pixels import bounded_cache
from tiler.pixels.tile_matrix_sets import WEB_MERCATOR_QUAD as QUAD

pytestmark = pytest.mark.services
__all__ = ["mosaic_world"]  # a fixture

PLACE = (8, 130, 90)
"""One of many small products."""
WORLD = (0, 0, 0)


def grid(world: MosaicWorld, side: int, *, z: int = 9, start: tuple[int, int] = (264, 168)) -> None:
    """Three rows of `side` adjoining products of different colours."""
    for row in range(3):
        for column in range(side):
            colour = (40 + 20 * row, 40 + 20 * column, 100)
            tile = (z, start[0] + column, start[1] + row)
            world.add(f"g{row}-{column}", colour, tile, day=row + column, pixels=16)


def rows() -> dict[tuple[int, int, int], OverviewTile]:
    return {(row.z, row.x, row.y): row for row in OverviewTile.objects.all()}


@pytest.fixture
def world(mosaic_world: MosaicWorld) -> Iterator[MosaicWorld]:
    """18 products that adjoin one another, and nothing built yet."""
    grid(mosaic_world, 6)
    yield mosaic_world
    connection.close()


def test_a_collection_of_few_products_is_one_leaf(mosaic_world: MosaicWorld) -> None:
    mosaic_world.add("a", RED, PLACE)
    assert mosaic_world.build() == 1
    assert [row.is_leaf for row in rows().values()] == [True]
    assert overviews.due(after_seconds=0) == []


def test_a_tile_of_many_products_is_made_of_its_children(world: MosaicWorld) -> None:
    world.build()
    built = rows()
    assert not built[WORLD].is_leaf
    assert all(row.is_fresh for row in built.values())
    deepest = max(built)
    assert built[deepest].is_leaf
    assert all(overviews.children(tile)[0] in built for tile, row in built.items()
               if not row.is_leaf)  # fmt: skip


@pytest.mark.parametrize("z", [0, 2, 4, 6])
def test_with_and_without_an_overview_the_same_is_seen(world: MosaicWorld, z: int) -> None:
    column, row = 266 >> (9 - z), 170 >> (9 - z)
    live = world.picture((z, column, row))
    assert live[..., 3].any()
    world.build()
    stored = world.get((z, column, row))
    assert stored.headers["X-Assets"] == ("0" if (z, column, row) in rows() else "18")
    pictured = world.picture((z, column, row)).astype(int)
    assert np.array_equal(pictured[..., 3] > 0, live[..., 3] > 0)
    both = (pictured[..., 3] == 255) & (live[..., 3] == 255)
    assert np.abs(pictured - live)[both].max(initial=0) <= 2 + 6 * (z < 4)


def test_a_product_smaller_than_a_pixel_shows_on_the_map_of_the_world(
    mosaic_world: MosaicWorld,
) -> None:
    mosaic_world.add("tiny", RED, (14, 8800, 5500))
    for is_built in (False, True):
        if is_built:
            mosaic_world.build()
        seen = mosaic_world.picture(WORLD)
        assert (seen[..., 3] > 0).sum() == 1
        assert seen[seen[..., 3] > 0][0][:3].tolist() == list(RED)


def test_colours_of_classes_do_not_mix(mosaic_world: MosaicWorld) -> None:
    style = classes(_1=(255, 0, 0, 255), _2=(0, 0, 255, 255))
    codes = (np.indices((64, 64)).sum(axis=0) % 2 + 1).astype(np.uint8)[None]
    for column in range(20):
        bounds = QUAD.bounds(9, 264 + column, 168)
        mosaic_world.publish(f"c{column}", codes, bounds, style=style)
    mosaic_world.build()
    seen = mosaic_world.picture((3, 4, 2))
    colours = {tuple(c[:3]) for c in seen[seen[..., 3] > 0].tolist()}
    assert colours <= {(255, 0, 0), (0, 0, 255)}


def test_what_came_since_is_drawn_on_top(world: MosaicWorld) -> None:
    world.build()
    world.add("late", BLUE, (5, 25, 20), day=99)
    late = rows()[WORLD]
    assert late.may_be_shown
    assert not late.is_fresh
    answer = world.picture(WORLD)
    assert (answer[..., :3] == BLUE).all(axis=-1).any()
    assert (answer[..., 3] > 0).sum() > 64


@pytest.mark.parametrize("way", ["remove", "private", "style", "datetime"])
def test_what_went_is_seen_no_more_from_that_commit_on(world: MosaicWorld, way: str) -> None:
    world.add("mark", BLUE, (6, 50, 40), day=99)
    world.build()
    tile = (3, 6, 5)
    assert (world.picture(tile)[..., :3] == BLUE).all(axis=-1).any()
    product = Product.objects.get(slug="mark")
    if way == "remove":
        world.remove(product)
    elif way == "private":
        world.change(product, visibility="private")
    elif way == "style":
        world.change(product, style={"kind": "rgb", "bands": [3, 2, 1]})
    else:
        world.change(product, datetime="2020-01-01")
    assert not rows()[WORLD].may_be_shown
    assert (world.picture(tile)[..., :3] == BLUE).all(axis=-1).any() == (way == "datetime")
    assert (world.picture(WORLD)[..., 3] > 0).any()
    assert world.get(WORLD).headers.get("X-Assets-Cut") is None
    world.build()
    assert rows()[WORLD].is_fresh


def test_a_private_product_is_on_no_overview_and_on_top_of_its_owners(world: MosaicWorld) -> None:
    world.add("secret", BLUE, (5, 25, 20), day=99, visibility="private")
    world.build()
    for user, sees in ((None, False), (world.stranger, False), (world.owner, True)):
        blue = (world.picture(WORLD, user=user)[..., :3] == BLUE).all(axis=-1).any()
        assert blue == sees, user
    assert world.get(WORLD, user=world.owner).headers["Cache-Control"] == "private, no-store"


def test_a_filter_or_another_order_shows_the_right_products(world: MosaicWorld) -> None:
    world.add("mark", BLUE, (6, 50, 40), day=99)
    world.build()
    for query, sees in (("?datetime=../2024-02-01", False), ("?datetime=2024-04-01/..", True)):
        seen = world.picture(WORLD, query)
        assert (seen[..., :3] == BLUE).all(axis=-1).any() == sees
        assert (seen[..., 3] > 0).any()


def test_a_private_collection_has_no_overview_for_anybody(world: MosaicWorld) -> None:
    world.build()
    type(world.collection).objects.update(visibility="private")
    assert world.get(WORLD).status_code == 404
    own = world.get(WORLD, user=world.owner)
    assert own.headers["X-Assets"] == "18"


def test_a_change_while_it_is_built_makes_the_picture_late(
    world: MosaicWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = overviews.store
    changed: list[str] = []

    def late(begun: overviews.Beginning, *rest: object, **options: object) -> bool:
        if not changed:
            changed.append("g1-2")
            world.change(Product.objects.get(slug="g1-2"), visibility="private")
        return store(begun, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(overviews, "store", late)
    world.build()
    assert not rows()[WORLD].may_be_shown
    monkeypatch.undo()
    before = world.picture((6, 33, 21))
    world.build()
    assert rows()[WORLD].is_fresh
    assert np.array_equal(world.picture((6, 33, 21)), before)


def test_an_older_picture_never_replaces_a_later_one(world: MosaicWorld) -> None:
    slow = overviews.begin("c", WORLD)
    world.add("more", BLUE, PLACE)
    world.build()
    assert slow is not None
    assert not overviews.store(slow, b"old", is_leaf=True, by_mode=False)
    assert rows()[WORLD].is_fresh


def test_a_tile_that_is_added_sees_changes_that_are_on_their_way(world: MosaicWorld) -> None:
    """The change commits after the tile was looked for, and counts it nevertheless."""
    added = threading.Event()

    def add() -> None:
        overviews.branch("c", WORLD)
        added.set()
        connection.close()

    with transaction.atomic():
        overviews.mark("c", [[0, 0, 10, 10]], takes_away=True)
        thread = threading.Thread(target=add)
        thread.start()
        assert not added.wait(0.5)
    thread.join(10)
    assert added.is_set()


def test_what_ran_out_of_time_goes_on_where_it_was(world: MosaicWorld) -> None:
    builder = Builder("c", seconds=0.0)
    assert not builder.build()
    assert Builder("c").build()
    assert rows()[WORLD].is_fresh


def test_few_products_again_make_a_leaf_again(world: MosaicWorld) -> None:
    world.build()
    for product in Product.objects.exclude(slug__in=["g0-0", "g2-4"]):
        world.remove(product)
    world.build()
    assert list(rows()) == [WORLD]
    assert rows()[WORLD].is_leaf


def test_one_builds_at_a_time_and_a_dead_one_is_replaced(world: MosaicWorld) -> None:
    assert overviews.claim("c")
    assert not overviews.claim("c")
    assert overviews.due(after_seconds=0) == []
    OverviewTile.objects.update(claimed="2020-01-01T00:00:00Z")
    assert overviews.due(after_seconds=0) == ["c"]
    assert overviews.claim("c")


def test_the_task_builds_and_an_import_does_not_ring_each_time(
    world: MosaicWorld, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[str] = []
    monkeypatch.setattr(task, "ring", rung.append)
    task.ring_for_late_ones()
    assert rung == ["c"]
    task.build("c")
    assert rows()[WORLD].is_fresh
    world.add("next", BLUE, PLACE)
    task.ring_for_late_ones()
    assert rung == ["c"]
    settings.OVERVIEW_SECONDS = 1
    time.sleep(1.1)
    task.ring_for_late_ones()
    assert rung == ["c", "c"]


def test_products_from_before_there_were_overviews_get_one(world: MosaicWorld) -> None:
    OverviewTile.objects.all().delete()
    assert overviews.due(after_seconds=0) == ["c"]


def test_a_large_tile_is_put_together_from_stored_ones(world: MosaicWorld) -> None:
    world.build()
    large = world.picture("0/0/0@2x")
    assert np.array_equal(large[:256, 256:], world.picture((1, 1, 0)))


def test_what_is_kept_is_bounded() -> None:
    cache: bounded_cache.BoundedCache[int, bytes] = bounded_cache.BoundedCache(10, len)
    for number in range(5):
        cache.put(number, b"1234")
    assert [cache.get(number) for number in range(5)] == [None, None, None, b"1234", b"1234"]
