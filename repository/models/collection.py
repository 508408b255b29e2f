"""Collections: what products are grouped, shared and listed by."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Now

from repository.names import ID_PATTERN

validate_id = RegexValidator(
    rf"\A{ID_PATTERN}\Z",
    "Use small letters, digits, '.', '_' and '-', starting with a letter or digit.",
)


MAX_DESCRIPTION = 20_000
"""Characters: lists repeat descriptions, ten thousand a page."""


class Visibility(models.TextChoices):
    """Who can see it."""

    PUBLIC = "public", "Public"
    PRIVATE = "private", "Private"


class Contributors(models.TextChoices):
    """Who may add products."""

    OWNER = "owner", "Its owner"
    MEMBERS = "members", "Everyone who is signed in"


class Prerender(models.TextChoices):
    """Whether tiles of its products are drawn ahead of time and stored."""

    AUTO = "auto", "Where it pays"
    NEVER = "never", "Never"
    ALWAYS = "always", "Always"


class Collection(models.Model):
    """A named set of products with defaults for what is added to it."""

    id = models.CharField(primary_key=True, max_length=100, validators=[validate_id])
    title = models.CharField(max_length=300)
    description = models.TextField(blank=True)
    visibility = models.CharField(
        max_length=10, choices=Visibility, default=Visibility.PUBLIC, db_default=Visibility.PUBLIC
    )
    contributors = models.CharField(
        max_length=10,
        choices=Contributors,
        default=Contributors.OWNER,
        db_default=Contributors.OWNER,
    )
    prerender = models.CharField(
        max_length=10, choices=Prerender, default=Prerender.AUTO, db_default=Prerender.AUTO
    )
    licence = models.CharField(max_length=200, blank=True)
    keywords = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="collections")
    created = models.DateTimeField(db_default=Now(), editable=False)
    updated = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "rastrum_collection"
        ordering = ["id"]

    def __str__(self) -> str:
        return self.title
