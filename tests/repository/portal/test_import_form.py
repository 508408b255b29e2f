"""The form that has a file fetched from another server."""

from __future__ import annotations

from typing import Any

import pytest

from repository.models import Collection, Job
from tests.repository.conftest import Role
from tests.repository.portal.conftest import SignedIn

pytestmark = pytest.mark.services


def test_only_who_may_import_sees_the_form(
    signed_in: SignedIn, collection: Collection, owner: Role, operator: Role
) -> None:
    assert "From an address" in signed_in(operator).get("/upload").content.decode()
    assert "From an address" not in signed_in(owner).get("/upload").content.decode()


def test_an_address_becomes_a_job_that_shows_where_it_comes_from(
    signed_in: SignedIn, collection: Collection, operator: Role
) -> None:
    client = signed_in(operator)
    form = {"collection": "alps", "visibility": "private",
            "url": "https://example.org/dem.tif?signature=secret"}  # fmt: skip
    answer: Any = client.post("/upload/import", form)
    job = Job.objects.get()
    assert answer["Location"] == f"/jobs/{job.pk}"
    assert job.request["visibility"] == "private"
    page = client.get(f"/jobs/{job.pk}").content.decode()
    assert "https://example.org/dem.tif" in page
    assert "secret" not in page


def test_a_refused_address_stands_in_the_form_with_the_reason(
    signed_in: SignedIn, collection: Collection, operator: Role
) -> None:
    form = {"collection": "alps", "url": "ftp://example.org/dem.tif"}
    answer: Any = signed_in(operator).post("/upload/import", form)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'value="ftp://example.org/dem.tif"' in page
    assert not Job.objects.exists()


def test_who_may_not_import_is_refused(
    signed_in: SignedIn, collection: Collection, owner: Role
) -> None:
    form = {"collection": "alps", "url": "https://example.org/dem.tif"}
    assert signed_in(owner).post("/upload/import", form).status_code == 403
