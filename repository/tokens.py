"""Making and revoking API tokens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.db.models.functions import Now

from repository.errors import BadRequest
from repository.models import ApiToken, User
from repository.models.access import hash_token, new_token
from repository.principal import ALL_SCOPES

MAX_DAYS = 3650


def create(
    user: User, *, name: str = "", scopes: Sequence[str] = ("read",), days: int | None = 365
) -> tuple[ApiToken, str]:
    """A token's row and its secret, which is shown this once. `days` None: does not expire."""
    unknown = set(scopes) - ALL_SCOPES
    if unknown or not scopes:
        raise BadRequest("Scopes are read and write.", code="invalid_scope")
    if days is not None and not 1 <= days <= MAX_DAYS:
        raise BadRequest(f"A token lives 1 to {MAX_DAYS} days.", code="invalid_days")
    secret = new_token()
    token = ApiToken.objects.create(
        user=user,
        name=name,
        hash=hash_token(secret),
        scopes=sorted({"read", *scopes}),
        expires=Now() + timedelta(days=days) if days is not None else None,
    )
    token.refresh_from_db()
    return token, secret
