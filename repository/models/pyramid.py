"""Pyramids: the tiles of a product as finished files, in one object; a row is also its own job."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from repository.models.collection import Prerender
from repository.models.product import Product


class PyramidState(models.TextChoices):
    """Where a pyramid stands; the last three are final."""

    WAITING = "waiting", "Waiting"
    RENDERING = "rendering", "Being drawn"
    READY = "ready", "Ready"
    DECLINED = "declined", "Does not pay"
    FAILED = "failed", "Failed (our fault)"


class Pyramid(models.Model):
    """What is, or will be, stored for one version of a product in one style.

    Rows are written by `repository.pyramids` alone.
    """

    product = models.ForeignKey(Product, models.CASCADE, related_name="pyramids")
    version = models.PositiveIntegerField()
    revision = models.PositiveIntegerField()
    """Of the product when it was looked at last: a change is looked at once."""
    drawing = models.CharField(max_length=64)
    """RenderingStyle.digest of what is drawn."""
    renderer = models.CharField(max_length=20)
    """tiler.pixels.renderer.RENDERER that drew it: another one draws other bytes."""
    setting = models.CharField(max_length=10, choices=Prerender)
    """The collection's, which bounds what it may cost."""
    format = models.CharField(max_length=10)
    """webp or png: the extension of the tiles that are in it."""
    key = models.CharField(max_length=500, blank=True)
    size = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    min_zoom = models.PositiveSmallIntegerField(default=0)
    max_zoom = models.PositiveSmallIntegerField(default=0)
    tiles = models.BigIntegerField(default=0)
    """How many are not empty."""
    left_out = models.PositiveSmallIntegerField(default=0)
    """Zooms of the product that are not in it: they would have cost too much."""
    state = models.CharField(max_length=10, choices=PyramidState, default=PyramidState.WAITING)
    progress = models.FloatField(default=0.0)
    attempts = models.PositiveSmallIntegerField(default=0)
    fencing_token = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True)
    worker = models.CharField(max_length=200, blank=True)
    error = models.TextField(blank=True)
    """Why it is not there, in a sentence."""
    created = models.DateTimeField(db_default=Now(), editable=False)
    updated = models.DateTimeField(db_default=Now(), editable=False)
    retired = models.DateTimeField(null=True)
    """Since when nobody should read it; its object goes after REMOVAL_GRACE_SECONDS."""

    class Meta:
        db_table = "rastrum_pyramid"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["product", "version", "drawing", "renderer", "setting"],
                name="pyramid_of_one_drawing_is_unique",
            ),
        ]
        indexes = [
            models.Index(
                fields=["created"],
                name="pyramid_unfinished",
                condition=models.Q(state__in=[PyramidState.WAITING, PyramidState.RENDERING]),
            ),
            models.Index(fields=["key"], name="pyramid_by_key"),
        ]

    def __str__(self) -> str:
        return f"{self.product} {self.version} {self.state}"
