"""/api/tokens: the caller's own tokens."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest
from ninja import Router

from repository import tokens
from repository.api import schemas
from repository.api.presenting import token_json
from repository.api.principals import caller
from repository.errors import NotFound
from repository.models import ApiToken, User
from repository.policy import require_writer, visible_to

router = Router(tags=["tokens"])


@router.get("", response=schemas.TokenPage)
def list_tokens(request: HttpRequest) -> Any:
    """The caller's tokens, without their secrets."""
    require_writer(caller(request))
    rows = visible_to(caller(request), ApiToken.objects.all())
    return {"items": [token_json(row) for row in rows[:1000]], "next": None}


@router.post("", response={201: schemas.TokenOutput})
def create_token(request: HttpRequest, payload: schemas.TokenInput) -> Any:
    """A new token; the answer shows its secret this once."""
    require_writer(caller(request))
    user = User.objects.get(username=caller(request).username)
    token, secret = tokens.create(user, name=payload.name, scopes=payload.scopes, days=payload.days)
    return 201, token_json(token, secret=secret)


@router.delete("/{token_id}", response={204: None})
def revoke_token(request: HttpRequest, token_id: uuid.UUID) -> Any:
    """Revoke a token; what uses it gets 401 from now on."""
    require_writer(caller(request))
    deleted, _ = visible_to(caller(request), ApiToken.objects.filter(pk=token_id)).delete()
    if not deleted:
        raise NotFound("There is no such token, or it is not yours.")
    return 204, None
