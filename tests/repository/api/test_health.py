from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from repository.api.health import LiveAtOnce


def test_livez_needs_nothing_but_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = Client().get("/livez")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert answer["Cache-Control"] == "no-store"


def test_livez_is_answered_without_a_thread_unless_there_are_credentials_to_check() -> None:
    handed_on = TestClient(LiveAtOnce(PlainTextResponse("handed on")))
    at_once = handed_on.get("/livez")
    assert (at_once.status_code, at_once.json()) == (200, {"status": "ok"})
    assert at_once.headers["cache-control"] == "no-store"
    assert handed_on.get("/livez", headers={"Authorization": "Bearer x"}).text == "handed on"


@pytest.mark.django_db
def test_readyz_names_what_answers(api: Client) -> None:
    answer = api.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    assert set(answer.json()["checks"].values()) == {"ok"}


def fail(*args: Any, **options: Any) -> None:
    raise OperationalError("gone")


@pytest.mark.django_db
def test_readyz_is_503_without_the_database(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("repository.api.health.connection.cursor", fail)
    answer = api.get("/readyz")
    assert (answer.status_code, answer.json()["checks"]["database"]) == (503, "does not answer")


@pytest.mark.django_db
def test_readyz_is_503_without_the_cache(api: Client, settings: Any) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
        }
    }
    answer = api.get("/readyz")
    assert (answer.status_code, answer.json()["checks"]["cache"]) == (503, "does not answer")


@pytest.mark.django_db
def test_readyz_is_503_when_the_store_is_nearly_full(api: Client, settings: Any) -> None:
    settings.MIN_FREE_BYTES = 10**18
    answer = api.get("/readyz")
    assert (answer.status_code, answer.json()["checks"]["store"]) == (503, "nearly full")


@pytest.mark.django_db
def test_the_api_is_503_while_the_database_is_away(
    api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("repository.api.collections.search_collections", fail)
    answer = api.get("/api/collections")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer["Retry-After"]


@pytest.mark.django_db
def test_credentials_are_503_and_not_401_while_the_database_is_away(
    api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("repository.api.principals.principal_of", fail)
    assert api.get("/api/collections", headers={"Authorization": "Bearer x"}).status_code == 503


@pytest.mark.django_db
def test_a_bug_is_a_500_problem_without_its_text(
    api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bug(*args: Any, **options: Any) -> None:
        raise KeyError("a secret detail")

    monkeypatch.setattr("repository.api.collections.search_collections", bug)
    answer = api.get("/api/collections")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert b"secret" not in answer.content
