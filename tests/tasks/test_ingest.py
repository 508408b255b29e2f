from __future__ import annotations

import threading
from collections import namedtuple
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from django.db.models.functions import Now

from repository import jobs, uploads
from repository.errors import StepFailed, Unavailable
from repository.models import Asset, BlockIndex, Collection, Job, Product
from repository.storage import object_store, sha256_of
from tasks import ingest as way_in
from tasks.reconciling import reconcile
from tests.rasters import gradient, write_raster
from tests.repository.conftest import Role
from tiler.pixels.block_index import unpack
from tiler.pixels.byte_sources import FileBytes
from tiler.pixels.cog_header import read_header

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]

Accept = Callable[..., Job]
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def accept(owner: Role, collection: Collection, tmp_path: Path) -> Accept:
    """Uploads a small raster, or the bytes that are given."""

    def upload(content: bytes | None = None, *, name: str = "dem.tif", crs: Any = "EPSG:32633",
               **request: Any) -> Job:  # fmt: skip
        path = tmp_path / "upload"
        if content is None:
            write_raster(path, gradient("int16"), crs=crs, nodata=-1)
        else:
            path.write_bytes(content)
        return uploads.accept(
            owner.principal, collection, [uploads.ReceivedFile(path, name, is_ours=False)],
            uploads.ProductRequest(**request),
        )  # fmt: skip

    return upload


def after(job: Job) -> Job:
    return Job.objects.select_related("product").get(pk=job.pk)


def scratch(settings: Any) -> list[Path]:
    return list((settings.WORK_DIR / "jobs").glob("*"))


def test_a_raster_is_published_with_its_facts(accept: Accept, settings: Any) -> None:
    job = accept(datetime="2024-08-24")
    way_in.ingest(str(job.pk))
    job = after(job)
    assert (job.state, job.progress, job.error) == ("published", 1.0, None)
    product = job.product
    assert product is not None
    assert (product.raster["width"], product.raster["height"]) == (50, 40)
    assert (product.raster["crs_epsg"], product.raster["bands"][0]["nodata"]) == (32633, -1)
    assert (product.datetime_source, str(product.start)[:10]) == ("given", "2024-08-24")
    assert product.style["kind"]
    assert scratch(settings) == []


def test_the_objects_of_a_product_have_the_checksums_that_it_names(accept: Accept) -> None:
    way_in.ingest(str(accept().pk))
    for asset in Asset.objects.all():
        path = object_store().local_path(asset.key)
        assert path is not None
        assert (sha256_of(path), path.stat().st_size) == (asset.sha256, asset.size)
    assert sorted(Asset.objects.values_list("role", flat=True)) == ["data", "original"]


def test_where_the_blocks_lie_is_kept_with_the_raster_alone(accept: Accept) -> None:
    way_in.ingest(str(accept().pk))
    kept = BlockIndex.objects.select_related("asset").get()
    path = object_store().local_path(kept.asset.key)
    assert kept.asset.role == "data"
    known, read = unpack(bytes(kept.packed)), read_header(FileBytes(str(path)))
    assert known is not None
    assert read is not None
    for theirs, ours in zip(read.levels, known.levels, strict=True):
        assert (theirs.offsets == ours.offsets).all()
        assert (theirs.sizes == ours.sizes).all()


def test_an_upload_that_is_served_as_it_is_has_its_blocks_known(
    accept: Accept, tmp_path: Path
) -> None:
    pixels = gradient("int16", 600, 700)
    write_raster(tmp_path / "cog.tif", pixels, driver="COG", compress="deflate", blocksize=256)
    way_in.ingest(str(accept((tmp_path / "cog.tif").read_bytes()).pk))
    kept = BlockIndex.objects.select_related("asset").get()
    assert kept.asset.key == Asset.objects.get(role="original").key
    assert unpack(bytes(kept.packed)) is not None


def test_a_product_without_a_time_takes_that_of_its_upload(accept: Accept) -> None:
    way_in.ingest(str(accept().pk))
    product = Product.objects.get()
    assert (product.start, product.datetime_source) == (product.created, "upload")


def test_five_deliveries_at_once_give_one_product(accept: Accept) -> None:
    job = accept()
    start = threading.Barrier(5)

    def deliver() -> None:
        start.wait()
        try:
            way_in.ingest(str(job.pk))
        finally:
            connection.close()

    threads = [threading.Thread(target=deliver) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert after(job).state == "published"
    assert (Product.objects.count(), Asset.objects.count(), after(job).attempts) == (1, 2, 1)


def test_a_late_delivery_changes_nothing(accept: Accept) -> None:
    job = accept()
    way_in.ingest(str(job.pk))
    before = Product.objects.values().get()
    way_in.ingest(str(job.pk))
    assert Product.objects.values().get() == before


def test_a_text_is_rejected_with_a_reason_and_frees_its_id(accept: Accept, settings: Any) -> None:
    job = accept(b"This is no raster at all.\n" * 100)
    way_in.ingest(str(job.pk))
    job = after(job)
    assert job.state == "rejected"
    assert job.error["code"]
    assert job.error["message"]
    assert job.error["retryable"] is False
    assert not Product.objects.exists()
    assert scratch(settings) == []


def test_a_raster_without_a_crs_waits_for_its_owner_and_goes_on(accept: Accept) -> None:
    job = accept(crs=None)
    way_in.ingest(str(job.pk))
    assert (after(job).state, after(job).error["code"]) == ("needs_input", "crs_missing")
    jobs.answer(after(job), {"crs": "EPSG:32633"})
    way_in.ingest(str(job.pk))
    job = after(job)
    assert job.state == "published"
    assert job.product.raster["crs_epsg"] == 32633


@pytest.fixture
def failing_store(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> None:
        raise StepFailed("The store does not take the file.", code="store_failed")

    monkeypatch.setattr(way_in, "store_data", fail)


@pytest.mark.usefixtures("failing_store")
def test_a_failure_of_ours_is_tried_three_times_and_told(
    accept: Accept, settings: LazySettings
) -> None:
    settings.RETRY_SECONDS = 0
    job = accept()
    states = []
    for _ in range(4):
        way_in.ingest(str(job.pk))
        states.append(after(job).state)
    assert states == ["queued", "queued", "failed", "failed"]
    assert after(job).error["code"] == "store_failed"


def test_an_unforeseen_error_does_not_end_the_worker(
    accept: Accept, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr(way_in, "store_data", fail)
    job = accept()
    way_in.ingest(str(job.pk))
    assert (after(job).state, after(job).error["code"]) == ("queued", "step_failed")


def test_a_worker_that_was_overtaken_publishes_nothing(
    accept: Accept, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = accept()
    store = way_in.store_data

    def store_late(*args: Any) -> Any:
        stored = store(*args)
        Job.objects.filter(pk=job.pk).update(lease_until=Now() - timedelta(seconds=1))
        assert jobs.claim(job.pk, "another") is not None
        return stored

    monkeypatch.setattr(way_in, "store_data", store_late)
    way_in.ingest(str(job.pk))
    assert (after(job).state, after(job).fencing_token) == ("inspecting", 2)
    assert Product.objects.get().state == "reserved"


def test_a_cancelled_job_stops_its_worker_and_publishes_nothing(
    accept: Accept, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = accept()
    store = way_in.store_data

    def store_late(*args: Any) -> Any:
        stored = store(*args)
        jobs.cancel(after(job))
        return stored

    monkeypatch.setattr(way_in, "store_data", store_late)
    way_in.ingest(str(job.pk))
    assert after(job).state == "cancelled"
    assert not Product.objects.exists()


def test_a_heartbeat_stops_the_work_of_a_lost_lease(accept: Accept, settings: Any) -> None:
    from tasks.heartbeat import Heartbeat

    settings.LEASE_SECONDS = 0.2
    job = accept()
    lease = jobs.claim(job.pk, "worker")
    assert lease is not None
    stopped = threading.Event()
    with Heartbeat(lambda: jobs.beat(lease), stopped.set):
        jobs.cancel(after(job))
        assert stopped.wait(10)


def test_a_job_without_room_waits_and_goes_on_when_there_is_some(
    accept: Accept, settings: Any
) -> None:
    settings.RETRY_SECONDS = 0
    job = accept()
    settings.MIN_FREE_BYTES = 10**18
    for _ in range(settings.MAX_ATTEMPTS + 1):
        way_in.ingest(str(job.pk))
    waiting = after(job)
    assert (waiting.state, waiting.attempts, waiting.step) == ("queued", 0, "No space left")
    assert waiting.error["code"] == "out_of_space"
    settings.MIN_FREE_BYTES = 1
    way_in.ingest(str(job.pk))
    assert (after(job).state, after(job).error) == ("published", None)


def test_a_job_that_no_disk_of_this_size_could_hold_is_refused(
    accept: Accept, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = accept()
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(total=1000, used=0, free=1000))
    way_in.ingest(str(job.pk))
    assert (after(job).state, after(job).error["code"]) == ("rejected", "too_large")


def test_a_step_that_fails_on_a_full_disk_is_no_failure_of_the_job(
    accept: Accept, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill_and_fail(*args: object) -> None:
        settings.MIN_FREE_BYTES = 10**18
        raise StepFailed("A pixel step failed; the log tells why.")

    monkeypatch.setattr(way_in, "store_data", fill_and_fail)
    job = accept()
    way_in.ingest(str(job.pk))
    assert (after(job).state, after(job).error["code"]) == ("queued", "out_of_space")
    assert after(job).attempts == 0


def test_a_store_that_is_away_costs_no_try(
    accept: Accept, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> None:
        raise Unavailable("The store does not answer.", code="store_unavailable")

    monkeypatch.setattr(way_in, "store_data", refuse)
    settings.RETRY_SECONDS = 0
    job = accept()
    for _ in range(settings.MAX_ATTEMPTS + 1):
        way_in.ingest(str(job.pk))
    assert (after(job).state, after(job).attempts) == ("queued", 0)


def test_the_same_bytes_under_another_id_are_a_product_of_their_own(accept: Accept) -> None:
    for name in ("one", "two"):
        way_in.ingest(str(accept(id=name).pk))
    keys = list(Asset.objects.values_list("key", flat=True))
    assert (Product.objects.count(), len(set(keys))) == (2, 4)
    assert len(set(Asset.objects.values_list("sha256", flat=True))) == 2


def test_a_job_that_is_started_over_while_its_old_worker_stores_leaves_one_product(
    accept: Accept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old worker's objects lie under the first product's uuid, and no row ever names them."""
    job = accept()
    store = way_in.store_data

    def store_late(*args: Any) -> Any:
        monkeypatch.setattr(way_in, "store_data", store)
        jobs.cancel(after(job))
        jobs.retry(after(job))
        way_in.ingest(str(job.pk))
        return store(*args)

    monkeypatch.setattr(way_in, "store_data", store_late)
    way_in.ingest(str(job.pk))
    assert after(job).state == "published"
    product = Product.objects.get()
    data = Asset.objects.get(role="data")
    assert (data.product, str(product.uuid) in data.key) == (product, True)
    left = reconcile(older_than=0)
    assert (len(left.objects), left.missing) == (1, [])
    assert str(product.uuid) not in left.objects[0]
