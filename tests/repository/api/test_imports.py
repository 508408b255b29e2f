from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client

from repository.models import Collection, Job, Product, Upload
from tests.repository.conftest import MakeCollection, Role

pytestmark = pytest.mark.django_db

URL = "https://data.example.org/maps/dem.tif?X-Signature=topsecret"


def permit(role: Role) -> Role:
    assert role.user is not None
    role.user.user_permissions.add(Permission.objects.get(codename="import_by_url"))
    return role


def post(api: Client, role: Role, **body: Any) -> Any:
    body = {"url": URL, "collection": "alps"} | body
    return api.post("/api/imports", body, content_type="application/json", headers=role.headers)


def test_an_import_is_a_job_before_its_bytes_are_here(
    api: Client, owner: Role, collection: Collection, rung: list[str]
) -> None:
    answer = post(api, permit(owner), title="Alps", sha256="A" * 64)
    assert answer.status_code == 202
    job = Job.objects.get()
    assert answer.headers["Location"] == f"/api/jobs/{job.pk}"
    assert (answer.json()["state"], answer.json()["file_name"]) == ("queued", "dem.tif")
    assert (job.upload.source, job.upload.files.count()) == (URL, 0)
    assert job.request["expected"] == {"sha256": "a" * 64}
    assert (job.slug, Product.objects.get().title) == ("dem", "Alps")


@pytest.mark.parametrize("name", ["owner", "colleague", "stranger"])
def test_without_the_permission_nobody_imports(
    api: Client, roles: dict[str, Role], collection: Collection, name: str
) -> None:
    answer = post(api, roles[name])
    assert (answer.status_code, answer.json()["code"]) == (403, "import_not_allowed")
    assert "operator" in answer.json()["hint"]
    assert not Job.objects.exists()


def test_the_public_does_not_import(api: Client, anonymous: Role, collection: Collection) -> None:
    assert post(api, anonymous).status_code == 401


def test_an_operator_imports(api: Client, operator: Role, collection: Collection) -> None:
    assert post(api, operator).status_code == 202


def test_a_group_may_hold_the_permission(api: Client, owner: Role, collection: Collection) -> None:
    group = Group.objects.create(name="importers")
    group.permissions.add(Permission.objects.get(codename="import_by_url"))
    assert owner.user is not None
    owner.user.groups.add(group)
    assert post(api, owner).status_code == 202


def test_the_permission_opens_no_collection(
    api: Client, stranger: Role, make_collection: MakeCollection
) -> None:
    make_collection("alps")
    make_collection("hidden", visibility="private")
    permit(stranger)
    assert post(api, stranger).json()["code"] == "forbidden"
    assert post(api, stranger, collection="hidden").status_code == 404
    assert post(api, stranger, collection="absent").status_code == 404


@pytest.mark.parametrize(
    "url",
    ["http://data.example.org/x.tif", "file:///etc/passwd", "https://127.0.0.1/x", "https://10.1/x",
     "https://[::1]/", "https://localhost/", "s3://bucket/key", "https://u:p@data.example.org/x",
     "https://data.example.org:8443/x", "", "/etc/passwd"],
)  # fmt: skip
def test_what_must_not_be_fetched_is_refused_at_once(
    api: Client, owner: Role, collection: Collection, url: str
) -> None:
    answer = post(api, permit(owner), url=url)
    assert (answer.status_code, answer.json()["code"]) == (400, "import_refused")
    assert not Upload.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"id": "No Id"}, "invalid_id"),
        ({"datetime": "yesterday"}, "invalid_datetime"),
        ({"sha256": "abc"}, "invalid_field"),
        ({"md5": "g" * 32}, "invalid_field"),
        ({"properties": {"a": {"b": {}}}, "unknown": 1}, "invalid_field"),
    ],
)
def test_a_wrong_request_is_refused_at_once(
    api: Client, owner: Role, collection: Collection, wrong: dict[str, Any], code: str
) -> None:
    answer = post(api, permit(owner), **wrong)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_a_taken_id_is_told(api: Client, owner: Role, product: Product) -> None:
    answer = post(api, permit(owner), id=product.slug)
    assert (answer.status_code, answer.json()["code"]) == (409, "duplicate_id")


def test_a_signature_is_shown_to_nobody(
    api: Client, owner: Role, operator: Role, stranger: Role, collection: Collection, caplog: Any
) -> None:
    where = post(api, permit(owner)).headers["Location"]
    for role in (owner, operator):
        shown = api.get(where, headers=role.headers)
        assert shown.json()["source"] == "https://data.example.org/maps/dem.tif?…"
        assert b"topsecret" not in shown.content
    assert api.get(where, headers=stranger.headers).status_code == 404
    assert "topsecret" not in caplog.text


def test_the_admin_shows_no_signature(
    api: Client, owner: Role, operator: Role, collection: Collection
) -> None:
    post(api, permit(owner))
    assert operator.user is not None
    api.force_login(operator.user)
    page = api.get(f"/admin/repository/upload/{Upload.objects.get().pk}/change/")
    assert b"data.example.org/maps/dem.tif" in page.content
    assert b"topsecret" not in page.content


def test_the_admin_offers_the_permission(api: Client, operator: Role, owner: Role) -> None:
    assert operator.user is not None
    assert owner.user is not None
    api.force_login(operator.user)
    page = api.get(f"/admin/repository/user/{owner.user.pk}/change/")
    assert "Can import files by their address" in page.content.decode()
