"""Products of several files, and new versions of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from repository import reprocessing, uploads
from repository.errors import Conflict, Forbidden
from repository.models import Asset, Collection, Job, Product
from repository.storage import object_store
from tasks import ingest as way_in
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
