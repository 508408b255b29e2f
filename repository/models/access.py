"""People and the API tokens they hand to their programs."""

from __future__ import annotations

import hashlib
import secrets
import uuid

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

TOKEN_PREFIX = "rst_"


class User(AbstractUser):
    """A person; a model of our own so that it can grow without a change of key."""

    class Meta:
        db_table = "rastrum_user"


def hash_token(token: str) -> str:
    """SHA-256 in hex: tokens are 256 random bits, so a slow hash would add nothing."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_token() -> str:
    """A token to be shown once: prefix and 256 random bits."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


class ApiToken(models.Model):
    """A bearer token of one person, stored as a hash alone."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=200, blank=True)
    hash = models.CharField(max_length=64, unique=True)
    scopes = ArrayField(models.CharField(max_length=20), default=list)
    created = models.DateTimeField(db_default=Now(), editable=False)
    expires = models.DateTimeField(null=True, blank=True)
    last_used = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        db_table = "rastrum_api_token"
        ordering = ["-created"]

    def __str__(self) -> str:
        return self.name or str(self.id)
