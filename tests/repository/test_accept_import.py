"""The domain's door to imports, which the API and the portal's form share."""

from __future__ import annotations

import pytest

from repository import imports
from repository.errors import Forbidden, NotFound
from repository.fetching.addresses import AddressRefused
from repository.models import Collection, Job
from repository.uploads import ProductRequest
from tests.repository.api.test_imports import URL, permit
from tests.repository.conftest import Role

pytestmark = pytest.mark.django_db


def test_the_permission_is_asked_for(owner: Role, collection: Collection) -> None:
    with pytest.raises(Forbidden) as refused:
        imports.accept_import(owner.principal, collection, URL, ProductRequest())
    assert refused.value.code == "import_not_allowed"
    assert not Job.objects.exists()


def test_the_right_to_add_to_the_collection_is_asked_for(
    stranger: Role, collection: Collection
) -> None:
    with pytest.raises(Forbidden) as refused:
        imports.accept_import(permit(stranger).principal, collection, URL, ProductRequest())
    assert refused.value.code == "forbidden"


def test_nothing_is_kept_of_a_refused_request(owner: Role, collection: Collection) -> None:
    permit(owner)
    with pytest.raises(AddressRefused):
        imports.accept_import(owner.principal, collection, "https://10.0.0.1/", ProductRequest())
    assert not Job.objects.exists()


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_a_collection_that_was_deleted_meanwhile_is_not_found(
    owner: Role, collection: Collection
) -> None:
    permit(owner)
    Collection.objects.filter(pk=collection.pk).delete()
    with pytest.raises(NotFound):
        imports.accept_import(owner.principal, collection, URL, ProductRequest())
    assert not Job.objects.exists()
