from __future__ import annotations

import pytest
from django.test import Client

from repository.models import Asset, Collection, Job, Product, Upload
from repository.names import RESERVED
from repository.storage import object_store
from tests.repository.conftest import MakeCollection, MakeJob, MakeProduct, Role

pytestmark = pytest.mark.django_db
JSON = "application/json"


def test_a_made_collection_is_201_with_its_address(api: Client, owner: Role) -> None:
    body = {"id": "alps", "title": "Alps", "description": "High", "visibility": "private"}
    answer = api.post("/api/collections", body, JSON, headers=owner.headers)
    assert answer.status_code == 201
    assert answer["Location"].endswith("/api/collections/alps")
    assert body.items() <= answer.json().items()


def test_a_collection_is_public_and_named_like_its_id_unless_told_otherwise(
    api: Client, owner: Role
) -> None:
    made = api.post("/api/collections", {"id": "alps"}, JSON, headers=owner.headers).json()
    assert (made["title"], made["visibility"], made["contributors"]) == ("alps", "public", "owner")


def test_an_existing_id_is_409(api: Client, collection: Collection, stranger: Role) -> None:
    answer = api.post("/api/collections", {"id": "alps"}, JSON, headers=stranger.headers)
    assert (answer.status_code, answer.json()["code"]) == (409, "collection_exists")


@pytest.mark.parametrize("word", [*sorted(RESERVED), "A", "", "a b", "a/b", "-a", "a" * 101, "a\0"])
def test_an_id_that_breaks_addresses_is_400(api: Client, owner: Role, word: str) -> None:
    answer = api.post("/api/collections", {"id": word}, JSON, headers=owner.headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_id")


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "1",
        '"x"',
        "null",
        '{"id": 5}',
        '{"id": null}',
        "{}",
        '{"id": "a", "x": 1}',
        '{"id": "a", "title": "\\u0000"}',
        '{"id": "a", "title": "\\ud800"}',
        '{"id": "a", "visibility": "x"}',
        '{"id": "a", "title": "' + "x" * 301 + '"}',
        '{"id": "a", "keywords": ["' + "x" * 101 + '"]}',
        '{"id": "a", "keywords": [' + ",".join(['"k"'] * 51) + "]}",
        "[" * 100_000,
        b"\xff\xfe",
        '{"id": "a", "description": NaN}',
    ],
)
def test_a_body_that_cannot_be_used_is_400_with_a_code(
    api: Client, owner: Role, body: str | bytes
) -> None:
    answer = api.post("/api/collections", body, JSON, headers=owner.headers)
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] in {"invalid_field", "unreadable_body"}


def test_a_body_beyond_the_limit_is_refused(api: Client, owner: Role, settings: object) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    body = {"id": "alps", "title": "x" * 200}
    answer = api.post("/api/collections", body, JSON, headers=owner.headers)
    assert answer.status_code in (400, 413)


def test_a_change_keeps_what_it_does_not_name(
    api: Client, make_collection: MakeCollection, owner: Role
) -> None:
    make_collection(title="Alps", description="High")
    changed = api.patch("/api/collections/alps", {"title": "The Alps"}, JSON, headers=owner.headers)
    assert (changed.json()["title"], changed.json()["description"]) == ("The Alps", "High")


@pytest.mark.parametrize("body", [{"title": ""}, {"title": None, "id": "x"}, {"owner": "me"}])
def test_a_change_that_cannot_be_is_400(
    api: Client, collection: Collection, owner: Role, body: object
) -> None:
    answer = api.patch("/api/collections/alps", body, JSON, headers=owner.headers)
    assert answer.status_code == 400


def test_an_empty_collection_is_removed(api: Client, collection: Collection, owner: Role) -> None:
    assert api.delete("/api/collections/alps", headers=owner.headers).status_code == 204
    assert api.get("/api/collections/alps").status_code == 404


def test_a_collection_with_products_is_409(api: Client, product: Product, owner: Role) -> None:
    answer = api.delete("/api/collections/alps", headers=owner.headers)
    assert (answer.status_code, answer.json()["code"]) == (409, "collection_not_empty")


def test_a_collection_with_an_upload_on_its_way_is_409(
    api: Client, make_job: MakeJob, owner: Role
) -> None:
    make_job()
    assert api.delete("/api/collections/alps", headers=owner.headers).status_code == 409


def test_what_a_removed_collection_leaves_is_removed_from_the_store_too(
    api: Client,
    make_product: MakeProduct,
    make_job: MakeJob,
    owner: Role,
    django_capture_on_commit_callbacks: object,
) -> None:
    from repository import jobs

    make_product("removed")
    cancelled = make_job("cancelled")
    jobs.cancel(cancelled)
    keys = [*Asset.objects.values_list("key", flat=True), cancelled.upload.files.get().key]
    api.delete("/api/products/alps/removed", headers=owner.headers)
    with django_capture_on_commit_callbacks(execute=True):
        assert api.delete("/api/collections/alps", headers=owner.headers).status_code == 204
    assert [key for key in keys if object_store().exists(key)] == []
    assert not any(model.objects.exists() for model in (Job, Upload, Product))


def test_lists_of_collections_are_paged_by_id(api: Client, make_collection: MakeCollection) -> None:
    for name in "dbca":
        make_collection(name)
    first = api.get("/api/collections?limit=3").json()
    second = api.get(first["next"]).json()
    assert [c["id"] for c in first["items"] + second["items"]] == list("abcd")
    assert second["next"] is None


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=-1", "limit=x", "limit=1001", f"limit={10**40}", "limit=1.5"]
)
@pytest.mark.parametrize("address", ["/api/collections", "/api/products", "/api/jobs"])
def test_a_limit_that_is_none_is_400(api: Client, owner: Role, address: str, query: str) -> None:
    answer = api.get(f"{address}?{query}", headers=owner.headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_field")


@pytest.mark.parametrize(
    "address",
    [
        "/api/collections/%00",
        "/api/collections/a%00b/products",
        "/api/products/a/%00",
        "/api/products/%00/b",
        "/api/jobs/%00",
        "/api/jobs/no-uuid",
        "/api/collections/none",
        "/api/products/none/none",
        "/api/collections/%F0%9F%98%80",
        "/api/nonsense",
        "/api/collections/none/products",
        "/api/collections/" + "a" * 5000,
        "/api/collections/a/b/c",
    ],
)
def test_what_is_not_there_is_a_404_problem(api: Client, owner: Role, address: str) -> None:
    answer = api.get(address, headers=owner.headers)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer["Content-Type"] == "application/problem+json"


def test_a_wrong_method_is_a_405_problem(api: Client, owner: Role) -> None:
    answer = api.put("/api/collections", {}, JSON, headers=owner.headers)
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert "POST" in answer["Allow"]


@pytest.mark.parametrize("query", ["cursor=%00", "cursor=%FF"])
@pytest.mark.parametrize("address", ["/api/collections", "/api/products", "/api/jobs"])
def test_an_odd_cursor_is_no_fault_of_the_server(
    api: Client, owner: Role, address: str, query: str
) -> None:
    assert api.get(f"{address}?{query}", headers=owner.headers).status_code in (200, 400)
