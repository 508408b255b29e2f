"""Who sees what: every read address for every role and visibility (SAFETY I5)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from starlette.testclient import TestClient

from repository.models import Collection, Product
from tests.repository.conftest import MakeCollection, MakeProduct, Role

pytestmark = pytest.mark.django_db

# Who sees a colleague's map in the owner's collection, by visibility of (collection, map).
SEES = {
    ("public", "public"): {"owner", "colleague", "stranger", "operator", "anonymous"},
    ("public", "private"): {"owner", "colleague", "operator"},
    ("private", "public"): {"owner", "colleague", "operator"},
    ("private", "private"): {"owner", "colleague", "operator"},
}
SEES_COLLECTION = {
    "public": {"owner", "colleague", "stranger", "operator", "anonymous"},
    "private": {"owner", "operator"},
}
ROLES = ("owner", "colleague", "stranger", "operator", "anonymous")
VISIBILITIES = sorted(SEES)

Scene = Callable[[str, str], Product]


@pytest.fixture
def scene(
    make_collection: MakeCollection, make_product: MakeProduct, roles: dict[str, Role]
) -> Scene:
    def make(of_collection: str, of_product: str) -> Product:
        collection = make_collection(visibility=of_collection, contributors="members")
        return make_product(
            collection=collection, by=roles["colleague"].user, visibility=of_product
        )

    return make


@pytest.mark.parametrize(("of_collection", "of_product"), VISIBILITIES)
def test_a_product_shows_to_those_who_may_see_it_and_is_absent_for_others(
    api: Client, scene: Scene, roles: dict[str, Role], of_collection: str, of_product: str
) -> None:
    scene(of_collection, of_product)
    seen = {
        name
        for name, role in roles.items()
        if api.get("/api/products/alps/dem", headers=role.headers).status_code == 200
    }
    assert seen == SEES[of_collection, of_product]


@pytest.mark.parametrize(
    "address", ["/api/products", "/api/products?q=dem", "/api/products?bbox=9,44,12,47"]
)
@pytest.mark.parametrize(("of_collection", "of_product"), VISIBILITIES)
def test_a_list_holds_what_the_caller_may_see(
    api: Client,
    scene: Scene,
    roles: dict[str, Role],
    of_collection: str,
    of_product: str,
    address: str,
) -> None:
    scene(of_collection, of_product)
    seen = {
        name
        for name, role in roles.items()
        if api.get(address, headers=role.headers).json()["items"]
    }
    assert seen == SEES[of_collection, of_product]


@pytest.mark.parametrize(("of_collection", "of_product"), VISIBILITIES)
def test_a_collections_list_shows_to_those_who_may_see_collection_and_product(
    api: Client, scene: Scene, roles: dict[str, Role], of_collection: str, of_product: str
) -> None:
    scene(of_collection, of_product)
    answers = {
        name: api.get("/api/collections/alps/products", headers=role.headers)
        for name, role in roles.items()
    }
    visible = SEES_COLLECTION[of_collection]
    assert {name for name, a in answers.items() if a.status_code == 200} == visible
    assert {name for name in visible if answers[name].json()["items"]} == (
        visible & SEES[of_collection, of_product]
    )


@pytest.mark.parametrize(("of_collection", "of_product"), VISIBILITIES)
@pytest.mark.parametrize("file_name", ["dem.cog.tif", "dem.tif"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_files_go_to_those_who_may_see_the_product(
    files: TestClient,
    scene: Scene,
    roles: dict[str, Role],
    of_collection: str,
    of_product: str,
    file_name: str,
    method: str,
) -> None:
    scene(of_collection, of_product)
    address = f"/files/alps/dem/{file_name}"
    answers = {
        name: files.request(method, address, headers=r.headers).status_code
        for name, r in roles.items()
    }
    seen = SEES[of_collection, of_product]
    assert answers == {name: 200 if name in seen else 404 for name in roles}


@pytest.mark.parametrize("visibility", ["public", "private"])
def test_a_collection_shows_to_its_owner_and_if_public_to_all(
    api: Client, make_collection: MakeCollection, roles: dict[str, Role], visibility: str
) -> None:
    make_collection(visibility=visibility)
    seen = {
        name
        for name, role in roles.items()
        if api.get("/api/collections/alps", headers=role.headers).status_code == 200
    }
    listed = {
        name
        for name, role in roles.items()
        if api.get("/api/collections", headers=role.headers).json()["items"]
    }
    assert seen == listed == SEES_COLLECTION[visibility]


@pytest.mark.parametrize("role", ["stranger", "anonymous"])
@pytest.mark.parametrize("suffix", ["", "/products"])
def test_a_private_collection_answers_like_an_absent_one(
    api: Client, make_collection: MakeCollection, roles: dict[str, Role], role: str, suffix: str
) -> None:
    make_collection(visibility="private")
    hidden = api.get(f"/api/collections/alps{suffix}", headers=roles[role].headers)
    absent = api.get(f"/api/collections/none{suffix}", headers=roles[role].headers)
    assert hidden.content.replace(b"alps", b"none") == absent.content
    assert hidden.headers == absent.headers


@pytest.mark.parametrize("role", ["stranger", "anonymous"])
def test_a_private_product_answers_like_an_absent_one(
    api: Client, make_product: MakeProduct, roles: dict[str, Role], role: str
) -> None:
    make_product(visibility="private")
    hidden = api.get("/api/products/alps/dem", headers=roles[role].headers)
    absent = api.get("/api/products/alps/xyz", headers=roles[role].headers)
    assert hidden.content.replace(b"dem", b"xyz") == absent.content


@pytest.mark.parametrize("method", ["patch", "delete"])
@pytest.mark.parametrize("role", ["stranger"])
def test_who_may_not_see_a_product_cannot_learn_of_it_by_changing_it(
    api: Client, make_product: MakeProduct, roles: dict[str, Role], role: str, method: str
) -> None:
    make_product(visibility="private")
    call = getattr(api, method)
    answer = call(
        "/api/products/alps/dem", "{}", content_type="application/json", headers=roles[role].headers
    )
    assert answer.status_code == 404


@pytest.mark.parametrize(("of_collection", "of_product"), VISIBILITIES)
def test_a_tombstone_is_410_to_who_could_see_the_product_and_404_to_others(
    api: Client,
    files: TestClient,
    scene: Scene,
    roles: dict[str, Role],
    of_collection: str,
    of_product: str,
) -> None:
    scene(of_collection, of_product)
    api.delete("/api/products/alps/dem", headers=roles["owner"].headers)
    seen = SEES[of_collection, of_product]
    expected = {name: 410 if name in seen else 404 for name in roles}
    products = {
        n: api.get("/api/products/alps/dem", headers=r.headers).status_code
        for n, r in roles.items()
    }
    downloads = {
        n: files.get("/files/alps/dem/dem.tif", headers=r.headers).status_code
        for n, r in roles.items()
    }
    assert products == downloads == expected


@pytest.mark.parametrize("role", ROLES)
def test_a_tombstone_is_in_no_list(
    api: Client, product: Product, roles: dict[str, Role], role: str
) -> None:
    api.delete("/api/products/alps/dem", headers=roles["owner"].headers)
    for address in ("/api/products", "/api/collections/alps/products"):
        assert api.get(address, headers=roles[role].headers).json()["items"] == []


@pytest.mark.parametrize("role", ROLES)
def test_a_product_that_is_on_its_way_shows_to_nobody(
    api: Client, make_job: Callable[..., object], roles: dict[str, Role], role: str
) -> None:
    make_job()
    assert api.get("/api/products/alps/dem", headers=roles[role].headers).status_code == 404
    assert api.get("/api/products", headers=roles[role].headers).json()["items"] == []


@pytest.mark.parametrize(
    ("role", "status"), [("owner", 200), ("operator", 200), ("stranger", 404), ("anonymous", 401)]
)
def test_a_job_shows_to_its_owner_alone(
    api: Client, make_job: Callable[..., object], roles: dict[str, Role], role: str, status: int
) -> None:
    job = make_job()
    assert api.get(f"/api/jobs/{job.pk}", headers=roles[role].headers).status_code == status


def test_the_list_of_jobs_holds_ones_own(
    api: Client, make_job: Callable[..., object], roles: dict[str, Role]
) -> None:
    make_job()
    counts = {
        name: len(api.get("/api/jobs", headers=roles[name].headers).json()["items"])
        for name in ("owner", "stranger", "operator")
    }
    assert counts == {"owner": 1, "stranger": 0, "operator": 0}


@pytest.mark.parametrize("verb", ["cancel", "retry", "input"])
def test_a_stranger_cannot_touch_a_job(
    api: Client, make_job: Callable[..., object], stranger: Role, verb: str
) -> None:
    job = make_job()
    answer = api.post(
        f"/api/jobs/{job.pk}/{verb}",
        '{"crs": "EPSG:4326"}',
        content_type="application/json",
        headers=stranger.headers,
    )
    assert answer.status_code == 404


def test_making_a_collection_private_hides_its_public_products(
    api: Client, product: Product, owner: Role, anonymous: Role
) -> None:
    api.patch(
        "/api/collections/alps",
        '{"visibility": "private"}',
        content_type="application/json",
        headers=owner.headers,
    )
    assert api.get("/api/products/alps/dem").status_code == 404
    assert api.get("/api/products").json()["items"] == []


def test_a_filter_cannot_ask_for_what_is_hidden(
    api: Client, make_product: MakeProduct, stranger: Role
) -> None:
    make_product(visibility="private", properties={"secret": 1})
    for query in ("properties.visibility=private", "properties.secret=1", "q=dem"):
        answer = api.get(f"/api/products?{query}", headers=stranger.headers)
        assert answer.json()["items"] == []


def test_a_model_without_a_rule_shows_nothing(operator: Role, collection: Collection) -> None:
    from repository.models import User
    from repository.policy import visible_to

    assert not visible_to(operator.principal, User.objects.all()).exists()
