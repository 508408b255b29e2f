"""Pyramids from the plan to the tile, with real children, and whatever comes in between."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models.functions import Now

from repository import collections, editing, pyramid_queue, registration, uploads
from repository.errors import Gone, LeaseLost, NotFound, OutOfSpace
from repository.models import Collection, Job, Product, Pyramid
from repository.storage import object_store
from tasks import ingest as way_in
from tasks import prerendering
from tasks.prerendering import look_round, prerender, purge_retired
from tasks.reconciling import reconcile
from tasks.scratch import clear_scratch
from tests.rasters import gradient, write_raster
from tests.repository.conftest import Role
from tiler.drawing import tile_body
from tiler.pixels.asset_ref import AssetRef
from tiler.pixels.rendering import media_format
from tiler.pixels.tile_matrix_sets import WEB_MERCATOR_QUAD
from tiler.products import Caller, find_product
from tiler.stored_tiles import stored_tile

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]

Publish = Callable[..., Product]
PUBLIC = Caller(None, {})


@pytest.fixture(autouse=True)
def _at_once(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # One process that draws for all tests: to start it takes longer than to draw.
    monkeypatch.setattr(prerendering, "stop_drawing", lambda: None)
    settings.PRERENDER_SETTLE_SECONDS = 0
    settings.REMOVAL_GRACE_SECONDS = 0


@pytest.fixture
def publish(owner: Role, collection: Collection, tmp_path: Path) -> Publish:
    """A product by the ordinary way in; its collection draws ahead `always`, unless told."""

    def make(
        pixels: np.ndarray | None = None, prerender: str = "always", **request: Any
    ) -> Product:
        Collection.objects.update(prerender=prerender)
        path = tmp_path / "upload"
        write_raster(path, gradient("uint8", 400, 400, 3) if pixels is None else pixels)
        job = uploads.accept(
            owner.principal, collection, [uploads.ReceivedFile(path, "a.tif", is_ours=False)],
            uploads.ProductRequest(**request),
        )  # fmt: skip
        way_in.ingest(str(job.pk))
        product = Job.objects.get(pk=job.pk).product
        assert product is not None
        return product

    return make


def draw(product: Product) -> Pyramid:
    """One round of the scheduler, and of a worker; the product's newest pyramid."""
    look_round()
    prerender()
    return Pyramid.objects.filter(product=product).latest("pk")


def found(product: Product, caller: Caller = PUBLIC) -> AssetRef:
    return find_product(caller, product.collection_id, product.slug)


def one_tile(ref: AssetRef) -> tuple[bytes | None, bytes | None]:
    """(stored, drawn), in the middle of the product."""
    west, north, east, south = WEB_MERCATOR_QUAD.tiles_over(ref.bounds_wgs84, ref.max_zoom)
    extension = "webp" if ref.style.kind == "rgb" else "png"
    where = (
        ref, WEB_MERCATOR_QUAD, ref.max_zoom, (west + east) // 2, (north + south) // 2,
        media_format(extension), 256,
    )  # fmt: skip
    return stored_tile(*where), tile_body(*where)


def objects() -> list[str]:
    return [o.key for o in object_store().list("products/") if o.key.endswith(".pmtiles")]


@pytest.mark.parametrize("bands", [3, 1])
def test_a_published_product_gets_its_tiles_stored(publish: Publish, bands: int) -> None:
    product = publish(gradient("uint8", 400, 400, bands))
    before = found(product)
    assert one_tile(before)[0] is None
    row = draw(product)
    assert (row.state, row.progress, row.error, row.left_out) == ("ready", 1.0, "", 0)
    after = found(product)
    assert (after.revision, after.version) == (before.revision, before.version)
    stored, drawn = one_tile(after)
    assert stored
    assert stored == drawn
    path = object_store().local_path(row.key)
    assert path is not None
    assert row.size == path.stat().st_size
    assert draw(product).pk == row.pk  # nothing more to do


def test_a_collection_that_says_never_has_none(publish: Publish) -> None:
    product = publish(prerender="never")
    look_round()
    assert pyramid_queue.claim("w") is None
    Collection.objects.update(prerender="always")
    assert draw(product).state == "ready"
    Collection.objects.update(prerender="never")
    look_round()
    assert one_tile(found(product))[0] is None
    assert objects() == []


def test_auto_declines_what_costs_more_than_its_share(publish: Publish, settings: Any) -> None:
    settings.PRERENDER_PERCENT = 1
    product = publish(prerender="auto")
    row = draw(product)
    assert (row.state, row.size, row.key) == ("declined", 0, "")
    assert "room" in row.error
    Collection.objects.update(prerender="always")
    assert draw(product).state == "ready"
    assert one_tile(found(product))[0]
    Collection.objects.update(prerender="auto")
    assert draw(product).state == "declined"
    assert one_tile(found(product))[0] is None
    settings.PRERENDER_PERCENT = 10_000
    call_command("prerender", stdout=StringIO())
    assert draw(product).state == "ready"


def test_what_is_stored_serves_until_that_of_another_setting_is_there(publish: Publish) -> None:
    product = publish()
    draw(product)
    Collection.objects.update(prerender="auto")
    look_round()
    assert Pyramid.objects.filter(retired=None).count() == 2
    assert one_tile(found(product))[0]
    prerender()
    assert Pyramid.objects.filter(retired=None).count() == 1


def test_a_full_disk_uses_up_no_try(publish: Publish, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(*_: Any) -> None:
        raise OutOfSpace

    publish()
    look_round()
    monkeypatch.setattr(prerendering, "checksums_of", no_room)
    prerender()
    row = Pyramid.objects.get()
    assert (row.state, row.attempts) == ("waiting", 0)


def test_a_new_style_is_drawn_anew_and_the_old_one_goes(publish: Publish, owner: Role) -> None:
    product = publish()
    first = draw(product)
    style = {**product.style, "bands": [3, 2, 1]}
    editing.change(owner.principal, product, {"style": style})
    assert one_tile(found(product))[0] is None
    second = draw(product)
    assert second.pk != first.pk
    stored, drawn = one_tile(found(product))
    assert stored == drawn
    assert objects() == [second.key]


def test_a_title_is_no_new_style(publish: Publish, owner: Role) -> None:
    product = publish()
    first = draw(product)
    editing.change(owner.principal, product, {"title": "Another"})
    assert draw(product).pk == first.pk
    assert one_tile(found(product))[0]


def test_a_new_version_is_drawn_anew(publish: Publish) -> None:
    product = publish()
    first = draw(product)
    Product.objects.filter(pk=product.pk).update(version=2, revision=2)
    look_round()
    assert Pyramid.objects.filter(pk=first.pk).count() == 0
    assert Product.objects.get().stored_pyramid is None


def test_the_result_for_a_product_that_changed_meanwhile_is_dropped(
    publish: Publish, monkeypatch: pytest.MonkeyPatch, owner: Role
) -> None:
    product = publish()
    finish = pyramid_queue.finish

    def change_first(*arguments: Any) -> None:
        registration.remove(Product.objects.get(pk=product.pk))
        finish(*arguments)

    monkeypatch.setattr(pyramid_queue, "finish", change_first)
    draw(product)
    assert objects() == []
    assert Product.objects.get().stored_pyramid is None


def test_the_pyramid_of_a_removed_product_goes_after_the_grace(
    publish: Publish, settings: Any
) -> None:
    product = publish()
    draw(product)
    settings.REMOVAL_GRACE_SECONDS = 3600
    registration.remove(product)
    look_round()
    assert len(objects()) == 1
    with pytest.raises(Gone):
        found(product)
    settings.REMOVAL_GRACE_SECONDS = 0
    assert purge_retired() == 1
    assert (objects(), Pyramid.objects.count()) == ([], 0)


def test_a_private_products_pyramid_is_its_owners(publish: Publish, owner: Role) -> None:
    product = publish(visibility="private")
    draw(product)
    with pytest.raises(NotFound):
        found(product)
    assert one_tile(found(product, Caller(owner.headers["Authorization"], {})))[0]


def test_reconciling_keeps_a_pyramid_and_draws_a_lost_one_again(publish: Publish) -> None:
    product = publish()
    row = draw(product)
    assert reconcile(older_than=0).objects == []
    object_store().delete(row.key)
    result = reconcile(older_than=0)
    assert (result.missing, Pyramid.objects.count()) == ([], 0)
    assert one_tile(found(product))[0] is None
    assert draw(product).state == "ready"
    assert one_tile(found(product))[0]


def test_an_object_without_a_row_is_removed(publish: Publish) -> None:
    product = publish()
    row = draw(product)
    Product.objects.update(stored_pyramid=None)
    Pyramid.objects.all().delete()
    assert reconcile(older_than=0).objects == [row.key]


def test_a_removed_collection_takes_its_pyramids_along(publish: Publish, owner: Role) -> None:
    product = publish()
    draw(product)
    registration.remove(product)
    collections.delete(owner.principal, product.collection)
    assert objects() == []


def test_a_killed_worker_leaves_nothing_and_the_next_one_does_it(
    publish: Publish, settings: Any
) -> None:
    product = publish()
    look_round()
    child = os.fork()
    if child == 0:
        work_and_die()
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    row = Pyramid.objects.get()
    assert (row.state, row.attempts, objects()) == ("rendering", 1, [])
    Pyramid.objects.update(lease_until=Now() - timedelta(seconds=1))
    assert draw(product).state == "ready"
    settings.LEASE_SECONDS = 0
    clear_scratch(Path(settings.WORK_DIR), 0)
    assert list((settings.WORK_DIR / "pyramids").glob("*")) == []


def work_and_die() -> None:
    """The worker: it dies when it hears of the first tile. Its parent's connection stays open."""
    ours, connection.connection = connection.connection, None
    try:
        prerendering._reporter = lambda lease: lambda share: os.kill(os.getpid(), 9)  # type: ignore[assignment,return-value]
        prerender()
    finally:
        os._exit(0 if ours else 1)


def test_a_conversion_that_finds_no_worker_comes_first(
    publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = publish()
    look_round()
    waits = iter([False])
    monkeypatch.setattr(pyramid_queue, "jobs_wait", lambda: next(waits, True))
    prerender()
    row = Pyramid.objects.get()
    assert (row.state, row.attempts, row.product_id) == ("waiting", 0, product.pk)
    assert objects() == []


def test_a_job_counts_as_waiting_after_a_moment(publish: Publish, make_job: Any) -> None:
    job = make_job("waits")
    assert not pyramid_queue.jobs_wait()
    Job.objects.filter(pk=job.pk).update(updated=Now() - timedelta(seconds=10))
    assert pyramid_queue.jobs_wait()
    assert pyramid_queue.claim("w") is None


def test_one_at_a_time_on_a_machine(publish: Publish, settings: Any) -> None:
    publish()
    look_round()
    with prerendering.first_come(settings.WORK_DIR / "prerender.lock") as ours:
        assert ours
        prerender()
    assert Pyramid.objects.get().state == "waiting"


def test_a_worker_that_wakes_too_late_changes_nothing(publish: Publish) -> None:
    publish()
    look_round()
    late = pyramid_queue.claim("late")
    assert late is not None
    Pyramid.objects.update(lease_until=Now() - timedelta(seconds=1))
    assert pyramid_queue.claim("next") is not None
    with pytest.raises(LeaseLost):
        pyramid_queue.beat(late)


def test_a_pyramid_that_kills_its_workers_is_given_up(publish: Publish, settings: Any) -> None:
    product = publish()
    look_round()
    for _ in range(settings.MAX_ATTEMPTS):
        assert pyramid_queue.claim("w") is not None
        Pyramid.objects.update(lease_until=Now() - timedelta(seconds=1))
    look_round()
    assert Pyramid.objects.get().state == "failed"
    registration.amend(Product.objects.get(pk=product.pk), {"title": "Another"})
    look_round()
    assert Pyramid.objects.get().state == "waiting"


def test_an_unsettled_product_waits(publish: Publish, settings: Any) -> None:
    settings.PRERENDER_SETTLE_SECONDS = 60
    publish()
    look_round()
    assert not Pyramid.objects.exists()


def test_the_bell_rings_for_what_waits(publish: Publish, rung: list[str]) -> None:
    publish()
    rung.clear()
    look_round()
    assert rung == [str(Pyramid.objects.get().pk)]


def test_another_renderer_draws_anew(publish: Publish, monkeypatch: pytest.MonkeyPatch) -> None:
    product = publish()
    first = draw(product)
    monkeypatch.setattr("tiler.products.RENDERER", "next")
    monkeypatch.setattr(
        "tiler.products._known", type(__import__("tiler.products").products._known)()
    )
    assert found(product).pyramid is None
    monkeypatch.setattr("tasks.prerendering.RENDERER", "next")
    assert draw(product).pk != first.pk
    assert one_tile(found(product))[0]


def test_the_cost_is_told(publish: Publish, api: Any, owner: Role, stranger: Role) -> None:
    product = publish()
    assert api.get("/api/products/alps/a").json()["prerendered"]["state"] == "none"
    row = draw(product)
    stored = api.get("/api/products/alps/a").json()["prerendered"]
    assert stored == {
        "state": "ready", "format": "webp", "size": row.size, "left_out": 0, "reason": "",
        "zooms": [row.min_zoom, row.max_zoom],
    }  # fmt: skip
    total = {"products": 1, "size": row.size, "unfinished": 0}
    assert api.get("/api/collections/alps").json()["prerendered"] == total
    assert api.get("/api/collections").json()["items"][0]["prerendered"] == total
    Product.objects.update(visibility="private")
    nothing = {"products": 0, "size": 0, "unfinished": 0}
    for headers, told in ((stranger.headers, nothing), (owner.headers, total)):
        answer = api.get("/api/collections/alps", headers=headers).json()
        assert answer["prerendered"] == told


def test_a_collection_is_told_what_to_do(publish: Publish, api: Any, owner: Role) -> None:
    publish(prerender="auto")
    address, headers = "/api/collections/alps", owner.headers
    assert api.get(address).json()["prerender"] == "auto"
    for setting, status in (("never", 200), ("sometimes", 400)):
        answer = api.patch(
            address, {"prerender": setting}, content_type="application/json", headers=headers
        )
        assert answer.status_code == status
    assert Collection.objects.get().prerender == "never"


def test_the_command_tells_and_plans(publish: Publish, settings: Any, rung: list[str]) -> None:
    settings.PRERENDER_SETTLE_SECONDS = 1000
    publish()
    rung.clear()
    told = StringIO()
    call_command("prerender", "--status", stdout=told)
    assert rung == []
    call_command("prerender", stdout=told)
    assert rung == [str(Pyramid.objects.get().pk)]
    prerender()
    call_command("prerender", "--status", "--collection", "alps", stdout=told)
    assert "ready" in told.getvalue().splitlines()[-1]
    with pytest.raises(CommandError, match="no collection"):
        call_command("prerender", "--collection", "none")
