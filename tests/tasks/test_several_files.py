"""Products of several files, and new versions of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from repository import editing, jobs, registration, reprocessing, uploads
from repository.errors import Conflict, Forbidden, NotFound
from repository.models import Asset, Collection, Job, Product
from repository.storage import object_store
from tasks import ingest as way_in
from tasks.sweeping import purge_removed
from tests.rasters import gradient, write_raster
from tests.repository.conftest import Role

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]


def accept(owner: Role, collection: Collection, *paths: Path) -> Job:
    received = [uploads.ReceivedFile(path, path.name, is_ours=False) for path in paths]
    return uploads.accept(owner.principal, collection, received, uploads.ProductRequest(id="set"))


@pytest.fixture
def two(tmp_path: Path) -> list[Path]:
    return [
        write_raster(tmp_path / name, gradient("int16"), crs="EPSG:32633", nodata=-1, **options)
        for name, options in (("first.tif", {}), ("Second One.tif", {"compress": "lzw"}))
    ]


def test_each_raster_of_a_set_is_an_asset_and_the_first_is_drawn(
    owner: Role, collection: Collection, two: list[Path]
) -> None:
    way_in.ingest(str(accept(owner, collection, *two).pk))
    product = Product.objects.get()
    assert product.state == "published"
    names = {(a.role, a.position): a.file_name for a in product.assets.all()}
    assert names == {
        ("data", 0): "set.cog.tif", ("data", 1): "set-second-one-tif.cog.tif",
        ("original", 0): "first.tif", ("original", 1): "Second One.tif",
    }  # fmt: skip
    first = product.assets.get(role="data", position=0)
    assert first.raster == product.raster


def test_a_set_of_which_one_file_is_bad_leaves_nothing(
    owner: Role, collection: Collection, two: list[Path]
) -> None:
    two[1].write_bytes(b"no raster at all " * 20)
    job = accept(owner, collection, *two)
    way_in.ingest(str(job.pk))
    assert Job.objects.get().state == "rejected"
    assert not Asset.objects.exists()


def reprocess(owner: Role, answers: dict[str, Any]) -> Product:
    job = reprocessing.reprocess(owner.principal, Product.objects.get(), answers)
    way_in.ingest(str(job.pk))
    return Product.objects.get()


def test_nodata_set_afterwards_makes_a_new_version(
    owner: Role, collection: Collection, tmp_path: Path
) -> None:
    path = write_raster(tmp_path / "dem.tif", gradient("int16"), crs="EPSG:32633")
    way_in.ingest(str(accept(owner, collection, path).pk))
    before = Product.objects.get()
    value = int(gradient("int16")[0, 0, 0])
    after = reprocess(owner, {"nodata": value})
    assert (before.version, after.version, after.uuid) == (1, 2, before.uuid)
    assert after.published == before.published
    assert after.raster["bands"][0]["nodata"] == value
    valid = [p.raster["bands"][0]["statistics"]["valid_count"] for p in (before, after)]
    assert valid[1] < valid[0]
    assert after.assets.filter(version=2).count() == 2
    assert all(object_store().exists(key) for key in Asset.objects.values_list("key", flat=True))


def test_a_style_that_its_owner_chose_outlives_a_new_version(
    owner: Role, collection: Collection, two: list[Path]
) -> None:
    way_in.ingest(str(accept(owner, collection, two[0]).pk))
    product = Product.objects.get()
    Product.objects.update(style=product.style | {"ramp": "cividis"})
    assert reprocess(owner, {"nodata": 5}).style["ramp"] == "cividis"


def test_a_time_that_was_changed_after_an_answer_outlives_a_new_version(
    owner: Role, collection: Collection, two: list[Path]
) -> None:
    way_in.ingest(str(accept(owner, collection, two[0]).pk))
    reprocess(owner, {"datetime": "2020-01-01"})
    editing.change(owner.principal, Product.objects.get(), {"datetime": "2021-06-01"})
    after = reprocess(owner, {"nodata": 5})
    assert (after.version, str(after.start)[:10], str(after.end)[:10]) == (
        3, "2021-06-01", "2021-06-01",
    )  # fmt: skip


@pytest.fixture
def while_it_is_stored(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], None]:
    """Takes what is done when the next job has converted its rasters, and stores them."""

    def arrange(what: Callable[[], Any]) -> None:
        store = way_in.store_data

        def store_and_do(*args: Any) -> Any:
            monkeypatch.setattr(way_in, "store_data", store)
            what()
            return store(*args)

        monkeypatch.setattr(way_in, "store_data", store_and_do)

    return arrange


def test_a_change_during_the_making_of_a_new_version_is_not_lost(
    owner: Role, collection: Collection, two: list[Path], while_it_is_stored: Any
) -> None:
    way_in.ingest(str(accept(owner, collection, two[0]).pk))
    product = Product.objects.get()
    changes = {
        "datetime": "2021-06-01/2021-06-30",
        "style": product.style | {"ramp": "cividis"},
    }
    while_it_is_stored(lambda: editing.change(owner.principal, product, changes))
    after = reprocess(owner, {"nodata": 5})
    assert (after.version, after.style["ramp"]) == (2, "cividis")
    assert (str(after.start)[:10], str(after.end)[:10]) == ("2021-06-01", "2021-06-30")


def test_a_new_answer_wins_over_the_time_that_was_given(
    owner: Role, collection: Collection, two: list[Path]
) -> None:
    way_in.ingest(str(accept(owner, collection, two[0]).pk))
    editing.change(owner.principal, Product.objects.get(), {"datetime": "2021-06-01/2021-06-30"})
    after = reprocess(owner, {"datetime": "2020-01-01"})
    assert (str(after.start)[:10], after.end) == ("2020-01-01", after.start)


def test_a_new_version_of_a_map_that_was_removed_meanwhile_ends_with_a_sentence(
    owner: Role, collection: Collection, two: list[Path], while_it_is_stored: Any
) -> None:
    way_in.ingest(str(accept(owner, collection, two[0]).pk))
    while_it_is_stored(lambda: registration.remove(Product.objects.get()))
    after = reprocess(owner, {"nodata": 5})
    job = Job.objects.latest("created")
    assert (job.state, job.error["code"]) == ("rejected", "product_changed")
    assert job.error["message"]
    assert (after.version, after.assets.filter(version=2).exists()) == (1, False)


def test_a_job_that_was_purged_with_its_map_stops_its_worker(
    owner: Role, collection: Collection, two: list[Path], monkeypatch: pytest.MonkeyPatch,
    settings: Any,
) -> None:  # fmt: skip
    way_in.ingest(str(accept(owner, collection, two[0]).pk))
    settings.REMOVAL_GRACE_SECONDS = -60
    convert = way_in._convert_all

    def convert_and_purge(*args: Any) -> Any:
        converted = convert(*args)
        registration.remove(Product.objects.get())
        assert purge_removed() == 2
        return converted

    monkeypatch.setattr(way_in, "_convert_all", convert_and_purge)
    reprocess(owner, {"nodata": 5})
    assert not Job.objects.exists()


def cancelled_new_version(owner: Role) -> Job:
    job = reprocessing.reprocess(owner.principal, Product.objects.get(), {"nodata": 5})
    jobs.cancel(job)
    return job


def test_a_new_version_that_was_cancelled_can_be_tried_again(
    owner: Role, collection: Collection, two: list[Path]
) -> None:
    way_in.ingest(str(accept(owner, collection, two[0]).pk))
    job = cancelled_new_version(owner)
    jobs.retry(job)
    way_in.ingest(str(job.pk))
    assert Product.objects.get().version == 2


def test_a_new_version_of_another_than_the_present_is_not_tried_again(
    owner: Role, collection: Collection, two: list[Path]
) -> None:
    way_in.ingest(str(accept(owner, collection, two[0]).pk))
    old = cancelled_new_version(owner)
    assert reprocess(owner, {"nodata": 6}).version == 2
    with pytest.raises(Conflict) as refused:
        jobs.retry(old)
    assert refused.value.code == "job_cannot_be_retried"


def test_a_new_version_of_a_removed_map_is_not_tried_again(
    owner: Role, collection: Collection, two: list[Path]
) -> None:
    way_in.ingest(str(accept(owner, collection, two[0]).pk))
    old = cancelled_new_version(owner)
    registration.remove(Product.objects.get())
    with pytest.raises(Conflict) as refused:
        jobs.retry(old)
    assert refused.value.code == "job_cannot_be_retried"


def test_a_new_version_is_not_tried_again_beside_another(
    owner: Role, collection: Collection, two: list[Path]
) -> None:
    way_in.ingest(str(accept(owner, collection, two[0]).pk))
    old = cancelled_new_version(owner)
    reprocessing.reprocess(owner.principal, Product.objects.get(), {"nodata": 6})
    with pytest.raises(Conflict) as refused:
        jobs.retry(old)
    assert refused.value.code == "job_is_running"


def test_an_older_job_that_is_tried_again_counts_as_running(
    owner: Role, collection: Collection, two: list[Path]
) -> None:
    way_in.ingest(str(accept(owner, collection, two[0]).pk))
    old = cancelled_new_version(owner)
    cancelled_new_version(owner)
    jobs.retry(old)
    with pytest.raises(Conflict) as refused:
        reprocessing.reprocess(owner.principal, Product.objects.get(), {"nodata": 6})
    assert refused.value.code == "job_is_running"


def test_a_new_version_of_a_map_that_is_gone_is_not_found(
    owner: Role, collection: Collection, two: list[Path]
) -> None:
    way_in.ingest(str(accept(owner, collection, two[0]).pk))
    product = Product.objects.get()
    Asset.objects.all().delete(), Job.objects.all().delete(), Product.objects.all().delete()
    with pytest.raises(NotFound):
        reprocessing.reprocess(owner.principal, product, {"nodata": 6})


def test_two_new_versions_at_once_are_refused(
    owner: Role, collection: Collection, two: list[Path]
) -> None:
    way_in.ingest(str(accept(owner, collection, two[0]).pk))
    product = Product.objects.get()
    reprocessing.reprocess(owner.principal, product, {"nodata": 5})
    with pytest.raises(Conflict):
        reprocessing.reprocess(owner.principal, product, {"nodata": 6})


def test_a_new_version_that_is_rejected_leaves_the_old_one(
    owner: Role, collection: Collection, two: list[Path]
) -> None:
    way_in.ingest(str(accept(owner, collection, two[0]).pk))
    assert reprocess(owner, {"crs": "EPSG:4326"}).version == 1
    assert Product.objects.get().state == "published"


def test_a_stranger_makes_no_new_version(
    owner: Role, stranger: Role, collection: Collection, two: list[Path]
) -> None:
    way_in.ingest(str(accept(owner, collection, two[0]).pk))
    with pytest.raises(Forbidden):
        reprocessing.reprocess(stranger.principal, Product.objects.get(), {"nodata": 5})
