"""Named styles: other ways to draw a product, or every product of a collection."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from repository.models.collection import Collection, validate_id
from repository.models.product import Product


class Style(models.Model):
    """One stored style. Rows are written by `repository.styles` alone."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100, validators=[validate_id])
    """What `?style=` says; unique within its product, its collection or its owner's library."""
    title = models.CharField(max_length=300, blank=True)
    product = models.ForeignKey(Product, models.CASCADE, null=True, related_name="styles")
    collection = models.ForeignKey(Collection, models.CASCADE, null=True, related_name="styles")
    """Of every product there that has the bands; null for a product's and for an owner's own."""
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="styles")
    definition = models.JSONField()
    """RenderingStyle under this name."""
    bands_needed = models.PositiveIntegerField()
    """The highest band number of the definition."""
    revision = models.PositiveIntegerField(default=1)
    """Counts the changes."""
    created = models.DateTimeField(db_default=Now(), editable=False)
    updated = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "rastrum_style"
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["product", "name"], name="style_of_product"),
            models.UniqueConstraint(fields=["collection", "name"], name="style_of_collection"),
            models.UniqueConstraint(
                fields=["owner", "name"], name="style_of_owner",
                condition=models.Q(product=None, collection=None),
            ),
            models.CheckConstraint(
                condition=models.Q(product=None) | models.Q(collection=None),
                name="style_belongs_to_one",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.name
