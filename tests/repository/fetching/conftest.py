"""Servers on loopback to fetch from, and one that must hear nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from repository.fetching.addresses import Rules
from tests.services.web_server import Canary, WebServer, make_certificate, web_server


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Of localhost."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def _running_server(certificate: tuple[Path, Path]) -> Iterator[WebServer]:
    with web_server(certificate) as running:
        yield running


@pytest.fixture
def server(_running_server: WebServer) -> WebServer:
    """An https server called localhost, without pages."""
    _running_server.pages.clear()
    _running_server.asked.clear()
    return _running_server


@pytest.fixture
def rules(server: WebServer, certificate: tuple[Path, Path]) -> Rules:
    """The operator allows that server, and trusts its certificate."""
    return Rules(frozenset({("localhost", server.port)}), str(certificate[0]))


@pytest.fixture
def canary() -> Iterator[Canary]:
    """Counts connections."""
    listening = Canary()
    yield listening
    listening.close()
