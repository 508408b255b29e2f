"""One running product and the callers that its journeys need."""

from __future__ import annotations

import pytest

from tests.journeys.client import Client
from tests.journeys.roles import client_of
from tests.services.product import Product


@pytest.fixture(scope="session")
def owner(live_product: Product) -> Client:
    return client_of(live_product, "olga")


@pytest.fixture(scope="session")
def stranger(live_product: Product) -> Client:
    return client_of(live_product, "stanislav")


@pytest.fixture(scope="session")
def public(live_product: Product) -> Client:
    return Client(live_product.url)
