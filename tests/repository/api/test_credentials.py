from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.test import Client
from starlette.testclient import TestClient

from repository import authentication
from repository.errors import WrongCredentials
from repository.models import ApiToken, Product
from tests.repository.conftest import PASSWORD, Role, basic, tif

pytestmark = pytest.mark.django_db

READS = [
    "/api/collections",
    "/api/collections/alps",
    "/api/collections/alps/products",
    "/api/products",
    "/api/products/alps/dem",
    "/api/jobs",
    "/api/tokens",
    "/api/openapi.json",
    "/livez",
    "/",
]
WRONG = {
    "wrong bearer": {"Authorization": "Bearer rst_wrong"},
    "empty bearer": {"Authorization": "Bearer "},
    "bearer without a space": {"Authorization": "Bearer"},
    "unknown scheme": {"Authorization": "Digest abc"},
    "not base64": {"Authorization": "Basic !!!"},
    "not ASCII": {"Authorization": "Basic \xe9\xe9"},
    "not UTF-8": {"Authorization": "Basic /////w=="},
    "no colon": {"Authorization": "Basic b3duZXI="},
    "wrong password": basic("owner", "wrong"),
    "unknown user": basic("nobody", "wrong"),
    "NUL in the user": basic("own\0er", "wrong"),
    "wrong token as password": basic("owner", "rst_wrong"),
}


@pytest.mark.parametrize("headers", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("address", READS)
def test_wrong_credentials_are_401_on_public_addresses_too(
    api: Client, product: Product, address: str, headers: dict[str, str]
) -> None:
    answer = api.get(address, headers=headers)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer.json()["code"] == "wrong_credentials"


@pytest.mark.parametrize("headers", WRONG.values(), ids=WRONG)
def test_wrong_credentials_are_401_for_downloads(
    files: TestClient, product: Product, headers: dict[str, str]
) -> None:
    sent = {name: value.encode("latin-1") for name, value in headers.items()}
    answer = files.get("/files/alps/dem/dem.tif", headers=sent)
    assert answer.status_code == 401
    assert answer.json()["code"] == "wrong_credentials"


def end_by_expiry(token: ApiToken) -> None:
    ApiToken.objects.filter(pk=token.pk).update(expires=Now() - timedelta(seconds=1))


def end_by_revoking(token: ApiToken) -> None:
    token.delete()


def end_by_deactivating(token: ApiToken) -> None:
    token.user.is_active = False
    token.user.save()


@pytest.mark.parametrize("end", [end_by_expiry, end_by_revoking, end_by_deactivating])
@pytest.mark.parametrize("as_password", [False, True])
def test_a_token_that_ended_is_401_at_once(
    api: Client, files: TestClient, product: Product, owner: Role, end: object, as_password: bool
) -> None:
    headers = basic("anything", owner.token) if as_password else owner.headers
    assert api.get("/api/products/alps/dem", headers=headers).status_code == 200
    end(ApiToken.objects.get(user=owner.user))
    assert api.get("/api/products/alps/dem", headers=headers).status_code == 401
    assert files.get("/files/alps/dem/dem.tif", headers=headers).status_code == 401


@pytest.mark.usefixtures("clean_cache")
def test_a_password_holds_for_reading_and_writing(api: Client, owner: Role) -> None:
    for collection_id in ("first", "second"):  # the second time from memory
        answer = api.post(
            "/api/collections",
            {"id": collection_id},
            "application/json",
            headers=basic("owner", PASSWORD),
        )
        assert answer.status_code == 201


@pytest.mark.usefixtures("clean_cache")
def test_a_changed_password_forgets_the_remembered_one(api: Client, owner: Role) -> None:
    assert api.get("/api/jobs", headers=basic("owner", PASSWORD)).status_code == 200
    owner.user.set_password("another")
    owner.user.save()
    assert api.get("/api/jobs", headers=basic("owner", PASSWORD)).status_code == 401


def test_a_password_holds_while_the_cache_is_away(
    api: Client, owner: Role, settings: object
) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
        }
    }
    assert api.get("/api/jobs", headers=basic("owner", PASSWORD)).status_code == 200


@pytest.fixture
def reader(owner: Role) -> Role:
    """The owner by a token that may only read."""
    from repository import tokens

    return Role("reader", owner.principal, owner.user, tokens.create(owner.user)[1])


WRITES = [
    ("post", "/api/collections", {"id": "new"}),
    ("patch", "/api/collections/alps", {"title": "x"}),
    ("delete", "/api/collections/alps", {}),
    ("patch", "/api/products/alps/dem", {"title": "x"}),
    ("delete", "/api/products/alps/dem", {}),
    ("post", "/api/tokens", {}),
]


@pytest.mark.parametrize(("method", "address", "body"), WRITES)
def test_a_read_only_token_cannot_write(
    api: Client, product: Product, reader: Role, method: str, address: str, body: dict[str, str]
) -> None:
    answer = getattr(api, method)(
        address, body, content_type="application/json", headers=reader.headers
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "read_only_token")


def test_a_read_only_token_cannot_upload(api: Client, product: Product, reader: Role) -> None:
    answer = api.post("/api/collections/alps/products", {"file": tif()}, headers=reader.headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "read_only_token")


@pytest.mark.parametrize("verb", ["cancel", "retry", "input"])
def test_a_read_only_token_cannot_steer_a_job(
    api: Client, make_job: object, reader: Role, verb: str
) -> None:
    answer = api.post(
        f"/api/jobs/{make_job().pk}/{verb}",
        {"crs": "EPSG:4326"},
        "application/json",
        headers=reader.headers,
    )
    assert answer.status_code == 403


def test_a_read_only_token_sees_what_its_user_sees(
    api: Client, make_product: object, reader: Role
) -> None:
    make_product(visibility="private")
    assert api.get("/api/products/alps/dem", headers=reader.headers).status_code == 200


@pytest.mark.parametrize(("method", "address", "body"), WRITES)
def test_the_public_is_asked_to_sign_in_before_a_write(
    api: Client, product: Product, method: str, address: str, body: dict[str, str]
) -> None:
    answer = getattr(api, method)(address, body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (401, "sign_in_required")


@pytest.mark.parametrize(("method", "address", "body"), WRITES[1:5])
def test_a_stranger_may_see_but_not_change(
    api: Client, product: Product, stranger: Role, method: str, address: str, body: dict[str, str]
) -> None:
    answer = getattr(api, method)(
        address, body, content_type="application/json", headers=stranger.headers
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


@pytest.fixture
def csrf_token(api: Client, owner: Role) -> str:
    """The owner signed in by session; the token that pages carry."""
    api.force_login(owner.user)
    return api.get("/accounts/tokens/").cookies["csrftoken"].value


def test_a_session_reads_without_more(api: Client, make_product: object, owner: Role) -> None:
    make_product(visibility="private")
    api.force_login(owner.user)
    assert api.get("/api/products/alps/dem").status_code == 200


@pytest.mark.parametrize(("method", "address", "body"), WRITES)
def test_a_session_alone_cannot_write(
    api: Client, product: Product, owner: Role, method: str, address: str, body: dict[str, str]
) -> None:
    api.force_login(owner.user)
    answer = getattr(api, method)(address, body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")


def test_a_session_with_its_token_writes(api: Client, csrf_token: str) -> None:
    answer = api.post(
        "/api/collections", {"id": "new"}, "application/json", headers={"X-CSRFToken": csrf_token}
    )
    assert answer.status_code == 201


def test_a_session_with_another_token_does_not_write(api: Client, csrf_token: str) -> None:
    answer = api.post(
        "/api/collections", {"id": "new"}, "application/json", headers={"X-CSRFToken": "x" * 32}
    )
    assert answer.status_code == 403


def test_a_session_uploads_with_its_token_in_the_header(
    api: Client, csrf_token: str, collection: object
) -> None:
    answer = api.post(
        "/api/collections/alps/products", {"file": tif()}, headers={"X-CSRFToken": csrf_token}
    )
    assert answer.status_code == 202


def test_a_token_in_the_form_does_not_count_because_reading_it_reads_the_upload(
    api: Client, csrf_token: str, collection: object
) -> None:
    form = {"csrfmiddlewaretoken": csrf_token, "file": tif()}
    answer = api.post("/api/collections/alps/products", form)
    assert answer.status_code == 403


def test_a_bearer_request_ignores_the_cookie(
    api: Client, make_product: object, owner: Role, stranger: Role
) -> None:
    make_product(visibility="private")
    api.force_login(owner.user)
    assert api.get("/api/products/alps/dem", headers=stranger.headers).status_code == 404


def test_a_bearer_request_needs_no_csrf_token(api: Client, owner: Role) -> None:
    api.force_login(owner.user)
    answer = api.post("/api/collections", {"id": "new"}, "application/json", headers=owner.headers)
    assert answer.status_code == 201


def test_a_wrong_bearer_does_not_fall_back_to_the_session(api: Client, owner: Role) -> None:
    api.force_login(owner.user)
    answer = api.get("/api/collections", headers={"Authorization": "Bearer rst_wrong"})
    assert answer.status_code == 401


@pytest.mark.parametrize("cookie", ["nonsense-but-long-enough", '"abcdefgh\\000ijklmnop"', "x"])
def test_a_session_that_does_not_exist_is_the_public(
    api: Client, files: TestClient, product: Product, cookie: str
) -> None:
    sent = {"Cookie": f"sessionid={cookie}"}
    assert api.get("/api/products/alps/dem", headers=sent).status_code == 200
    assert files.get("/files/alps/dem/dem.tif", headers=sent).status_code == 200


def test_a_session_ends_with_its_password(api: Client, make_product: object, owner: Role) -> None:
    make_product(visibility="private")
    api.force_login(owner.user)
    owner.user.set_password("another")
    owner.user.save()
    assert api.get("/api/products/alps/dem").status_code == 404


def test_a_download_takes_the_session(
    api: Client, files: TestClient, make_product: object, owner: Role
) -> None:
    make_product(visibility="private")
    api.force_login(owner.user)
    sent = {"Cookie": f"sessionid={api.cookies['sessionid'].value}"}
    assert files.get("/files/alps/dem/dem.tif", headers=sent).status_code == 200


def test_a_token_is_shown_once_and_stored_as_a_hash(api: Client, owner: Role) -> None:
    made = api.post("/api/tokens", {"name": "qgis"}, "application/json", headers=owner.headers)
    secret = made.json()["token"]
    assert api.get("/api/jobs", headers={"Authorization": f"Bearer {secret}"}).status_code == 200
    listed = api.get("/api/tokens", headers=owner.headers).content.decode()
    assert secret not in listed
    assert not ApiToken.objects.filter(hash=secret).exists()


def test_a_token_reads_unless_more_is_asked_for(api: Client, owner: Role) -> None:
    made = api.post("/api/tokens", {}, "application/json", headers=owner.headers).json()
    assert made["scopes"] == ["read"]
    assert made["expires"] is not None


@pytest.mark.parametrize(
    "body",
    [
        {"scopes": []},
        {"scopes": ["all"]},
        {"days": 0},
        {"days": 10**30},
        {"name": "x\0"},
        {"name": "x" * 201},
        {"unknown": 1},
    ],
)
def test_a_token_that_cannot_be_made_is_400(api: Client, owner: Role, body: object) -> None:
    answer = api.post("/api/tokens", body, "application/json", headers=owner.headers)
    assert answer.status_code == 400


def test_a_revoked_token_is_401(api: Client, owner: Role) -> None:
    made = api.post("/api/tokens", {}, "application/json", headers=owner.headers).json()
    assert api.delete(f"/api/tokens/{made['id']}", headers=owner.headers).status_code == 204
    sent = {"Authorization": f"Bearer {made['token']}"}
    assert api.get("/api/collections", headers=sent).status_code == 401


@pytest.mark.parametrize("role", ["stranger", "operator"])
def test_nobody_sees_or_revokes_anothers_tokens(
    api: Client, roles: dict[str, Role], role: str
) -> None:
    token = ApiToken.objects.get(user=roles["owner"].user)
    listed = api.get("/api/tokens", headers=roles[role].headers).json()["items"]
    assert str(token.pk) not in [item["id"] for item in listed]
    answer = api.delete(f"/api/tokens/{token.pk}", headers=roles[role].headers)
    assert answer.status_code == 404


def test_a_wrong_password_costs_one_hash_a_minute(
    owner: Role, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []
    check = authentication.authenticate

    def counted(**given: str) -> object:
        hashed.append(given["username"])
        return check(**given)

    monkeypatch.setattr(authentication, "authenticate", counted)
    wrong = basic(owner.name, uuid.uuid4().hex)["Authorization"]
    for _ in range(3):
        with pytest.raises(WrongCredentials):
            authentication.principal_of(wrong, None)
    assert len(hashed) == 1
