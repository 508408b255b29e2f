from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import OperationalError
from django.db.models.functions import Now

from repository import registration
from repository.models import Asset, Product
from repository.storage import object_store
from tasks import sweeping
from tasks.sweeping import purge_removed
from tests.repository.conftest import MakeProduct

GRACE = timedelta(hours=1)
"""REMOVAL_GRACE_SECONDS, unless it is set."""


def remove(product: Product, *, ago: timedelta) -> list[str]:
    registration.remove(product)
    Product.objects.filter(pk=product.pk).update(removed=Now() - ago)
    return list(Asset.objects.values_list("key", flat=True))


@pytest.mark.django_db
def test_the_objects_of_a_removed_product_go_after_the_grace(make_product: MakeProduct) -> None:
    product = make_product()
    keys = remove(product, ago=GRACE + timedelta(seconds=1))
    assert purge_removed() == 2
    assert [key for key in keys if object_store().exists(key)] == []
    assert Product.objects.get().state == "removed"


@pytest.mark.django_db
def test_the_objects_of_a_removed_product_stay_within_the_grace(make_product: MakeProduct) -> None:
    keys = remove(make_product(), ago=GRACE - timedelta(minutes=1))
    assert purge_removed() == 0
    assert all(object_store().exists(key) for key in keys)


@pytest.mark.django_db
def test_a_published_product_keeps_its_objects(make_product: MakeProduct) -> None:
    make_product()
    assert purge_removed() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("error", [OperationalError("it restarts"), KeyError("a mistake of ours")])
def test_a_duty_that_fails_holds_up_no_other(
    make_product: MakeProduct, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail() -> int:
        raise error

    remove(make_product(), ago=GRACE + timedelta(seconds=1))
    monkeypatch.setattr("tasks.sweeping.lost_jobs.sweep", fail)
    sweeping.sweep()
    assert not Asset.objects.exists()
