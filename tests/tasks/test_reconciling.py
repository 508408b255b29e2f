from __future__ import annotations

import logging
import os
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models.functions import Now

from repository import registration
from repository.listing import UnfinishedParts
from repository.models import (
    Asset,
    Collection,
    Job,
    Product,
    ResumableUpload,
    Upload,
    UploadedFile,
)
from repository.storage import LocalObjects, object_key, object_store, sha256_of
from tasks.reconciling import reconcile, reconcile_when_due
from tests.repository.conftest import MakeJob, MakeProduct, Role

pytestmark = pytest.mark.django_db
SHA = "ab" * 32


def put(tmp_path: Path, key: str) -> str:
    """An object that no row names."""
    path = tmp_path / "bytes"
    path.write_bytes(b"orphan")
    object_store().put(key, path, sha256_of(path), may_link=False)
    return key


def orphan(tmp_path: Path) -> str:
    return put(tmp_path, object_key(uuid.uuid4(), SHA, "data.tif"))


def test_an_object_without_a_row_is_removed(tmp_path: Path, product: Product) -> None:
    key = orphan(tmp_path)
    assert reconcile(older_than=0).objects == [key]
    assert not object_store().exists(key)


def test_objects_that_rows_name_stay(make_job: MakeJob, product: Product, tmp_path: Path) -> None:
    make_job("other")
    keys = [*Asset.objects.values_list("key", flat=True),
            *UploadedFile.objects.values_list("key", flat=True)]  # fmt: skip
    for _ in range(5):
        orphan(tmp_path)
    result = reconcile(older_than=0)
    assert (len(result.objects), result.missing, result.bytes) == (5, [], 30)
    assert len(keys) >= 3
    assert all(object_store().exists(key) for key in keys)


def test_a_young_object_is_left_alone(tmp_path: Path, product: Product) -> None:
    key = orphan(tmp_path)
    assert reconcile(older_than=60).objects == []
    assert object_store().exists(key)


def test_a_young_link_to_an_old_file_is_young(tmp_path: Path, product: Product) -> None:
    """An upload that took days is linked into the store with the file's own times."""
    source = tmp_path / "slow"
    source.write_bytes(b"slow")
    past = time.time() - 7 * 24 * 3600
    os.utime(source, (past, past))
    object_store().put(object_key(uuid.uuid4(), SHA, "original"), source, sha256_of(source))
    assert reconcile(older_than=60).objects == []


def test_a_rehearsal_only_tells(tmp_path: Path, product: Product) -> None:
    key = orphan(tmp_path)
    assert reconcile(older_than=0, rehearse=True).objects == [key]
    assert object_store().exists(key)


def test_a_put_that_never_ended_is_removed(tmp_path: Path, db: None) -> None:
    key = put(tmp_path, "staging/half")
    assert reconcile(older_than=0).staging == [key]
    assert not object_store().exists(key)


@pytest.fixture
def aborted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Keys of the parts that are given up, of those that a killed worker left in a bucket."""
    keys = ["staging/a", "products/b", "uploads/c/original", "uploads/d/original", "others/e"]
    left = [UnfinishedParts(key, "multipart", 100.0) for key in keys]
    given_up: list[str] = []
    monkeypatch.setattr(LocalObjects, "unfinished_parts", lambda _: iter(left))
    monkeypatch.setattr(LocalObjects, "abort", lambda _, parts: given_up.append(parts.key))
    return given_up


def test_parts_that_nobody_will_finish_are_given_up(aborted: list[str], owner: Role) -> None:
    ResumableUpload.objects.create(
        owner=owner.user, file_name="c.tif", length=10, expires=Now(),
        key="uploads/c/original", multipart="multipart",
    )  # fmt: skip
    keys = ["staging/a", "products/b", "uploads/d/original"]
    assert reconcile(older_than=0).parts == aborted == keys


def test_young_parts_are_left_alone(aborted: list[str], db: None) -> None:
    assert reconcile(older_than=101).parts == aborted == []


def test_a_rehearsal_gives_no_parts_up(aborted: list[str], db: None) -> None:
    assert len(reconcile(older_than=0, rehearse=True).parts) == 4
    assert aborted == []


def test_a_missing_object_is_told_loudly_and_its_row_stays(
    product: Product, caplog: pytest.LogCaptureFixture
) -> None:
    key = Asset.objects.filter(role="data").values_list("key", flat=True)[0]
    object_store().delete(key)
    with caplog.at_level(logging.ERROR, "rastrum.reconciler"):
        assert reconcile(older_than=0).missing == [key]
    assert key in caplog.text
    assert Asset.objects.count() == 2


def test_objects_that_a_removal_takes_are_not_missing(product: Product) -> None:
    registration.remove(product)
    for key in Asset.objects.values_list("key", flat=True):
        object_store().delete(key)
    assert reconcile(older_than=0).missing == []


def test_an_id_that_no_job_will_use_is_freed(owner: Role, collection: Collection) -> None:
    registration.reserve(collection, "ghost", owner_id=owner.user.pk, exact=True,
                         product_uuid=uuid.uuid4(), title="Ghost")  # fmt: skip
    assert reconcile(older_than=0).reserved == ["alps/ghost"]
    assert not Product.objects.exists()


def test_an_id_that_a_job_waits_for_stays(make_job: MakeJob) -> None:
    make_job()
    assert reconcile(older_than=0).reserved == []
    assert Product.objects.count() == 1


def test_an_upload_that_no_job_reads_goes_with_its_object(make_job: MakeJob) -> None:
    make_job()
    key = UploadedFile.objects.get().key
    Job.objects.all().delete()
    result = reconcile(older_than=0)
    assert (len(result.uploads), result.objects) == (1, [key])
    assert (Upload.objects.count(), object_store().exists(key)) == (0, False)


def test_the_scheduler_compares_once_in_a_while(settings: Any, db: None) -> None:
    settings.RECONCILE_SECONDS = 3600
    assert reconcile_when_due() is not None
    assert reconcile_when_due() is None


def test_the_command_prints_a_summary(tmp_path: Path, product: Product, capsys: Any) -> None:
    key = orphan(tmp_path)
    call_command("reconcile", "--older-than", "0", "--dry-run")
    told = capsys.readouterr().out
    assert "1 objects without a row, would be removed" in told
    assert key in told


def test_the_command_ends_badly_where_an_object_is_missing(make_product: MakeProduct) -> None:
    make_product()
    for key in Asset.objects.values_list("key", flat=True):
        object_store().delete(key)
    with pytest.raises(CommandError, match="2 objects are missing"):
        call_command("reconcile", "--older-than", "0")
