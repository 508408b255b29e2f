from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.db.models.functions import Now

from repository import registration
from repository.models import Asset, Product
from repository.storage import object_store
from tasks.sweeping import REMOVAL_GRACE, SCRATCH_SECONDS, clear_scratch, purge_removed
from tests.repository.conftest import MakeProduct


def remove(product: Product, *, ago: timedelta) -> list[str]:
    registration.remove(product)
    Product.objects.filter(pk=product.pk).update(removed=Now() - ago)
    return list(Asset.objects.values_list("key", flat=True))


@pytest.mark.django_db
def test_the_objects_of_a_removed_product_go_after_the_grace(make_product: MakeProduct) -> None:
    product = make_product()
    keys = remove(product, ago=REMOVAL_GRACE + timedelta(seconds=1))
    assert purge_removed() == 2
    assert [key for key in keys if object_store().exists(key)] == []
    assert Product.objects.get().state == "removed"


@pytest.mark.django_db
def test_the_objects_of_a_removed_product_stay_within_the_grace(make_product: MakeProduct) -> None:
    keys = remove(make_product(), ago=REMOVAL_GRACE - timedelta(minutes=1))
    assert purge_removed() == 0
    assert all(object_store().exists(key) for key in keys)


@pytest.mark.django_db
def test_a_published_product_keeps_its_objects(make_product: MakeProduct) -> None:
    make_product()
    assert purge_removed() == 0


def test_old_scratch_is_cleared_and_new_is_left(tmp_path: Path) -> None:
    old, new = tmp_path / "jobs" / "old", tmp_path / "incoming" / "new"
    for path in (old / "file", new):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"x")
    past = time.time() - SCRATCH_SECONDS - 60
    os.utime(old, (past, past))
    clear_scratch(tmp_path)
    assert (old.exists(), new.exists()) == (False, True)


def test_a_file_that_goes_away_meanwhile_does_not_end_the_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "incoming").mkdir()
    (tmp_path / "incoming" / "dangling").symlink_to(tmp_path / "nowhere")
    clear_scratch(tmp_path)
