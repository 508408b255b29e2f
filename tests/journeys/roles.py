"""Who calls: the owner of what the journeys publish, a stranger, and the public."""

from __future__ import annotations

from tests.journeys.client import Client
from tests.services.product import Product

MAKE_USER = "from repository.models import User; User.objects.get_or_create(username={name!r})"


def client_of(product: Product, user: str) -> Client:
    """A client with a token of the user, who is made when there is none."""
    if user != product.admin_user:
        product.manage("shell", "-c", MAKE_USER.format(name=user))
    return Client(product.url, product.token(user))
