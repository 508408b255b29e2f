"""A browser without scripts: Django's client, signed in where a test says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from repository.models import Job
from tests.repository.conftest import MakeJob, Role

SignedIn = Callable[[Role], Client]


@pytest.fixture(autouse=True)
def _unbuilt_front_end(settings: Any) -> None:
    """Pages are tested without the scripts and styles that npm builds."""
    storage = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = settings.STORAGES | {"staticfiles": storage}


@pytest.fixture
def signed_in() -> SignedIn:
    """Signs a role in."""

    def sign_in(role: Role) -> Client:
        client = Client()
        assert role.user is not None
        client.force_login(role.user)
        return client

    return sign_in


@pytest.fixture
def job(make_job: MakeJob) -> Job:
    """A queued job of the owner's."""
    return make_job()
