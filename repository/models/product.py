"""Products: one raster each, with its place, time, owner and drawing style."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.gis.db.models import GeometryField
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Now

from repository.models.collection import Collection, Visibility, validate_id


class ProductState(models.TextChoices):
    """Reserved: its id is taken by an upload. Removed: a tombstone."""

    RESERVED = "reserved"
    PUBLISHED = "published"
    REMOVED = "removed"


class DatetimeSource(models.TextChoices):
    """Where the product's time was read."""

    GIVEN = "given"
    METADATA = "metadata"
    FILENAME = "filename"
    UPLOAD = "upload"


class Product(models.Model):
    """A published raster. Rows are written by `repository.registration` alone."""

    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    collection = models.ForeignKey(Collection, models.PROTECT, related_name="products")
    slug = models.CharField(max_length=100, validators=[validate_id])
    title = models.CharField(max_length=300)
    description = models.TextField(blank=True)
    start = models.DateTimeField(null=True)
    end = models.DateTimeField(null=True)
    """Equal to `start` for an instant."""
    datetime_source = models.CharField(max_length=10, choices=DatetimeSource, blank=True)
    footprint = GeometryField(srid=4326, null=True)
    bbox = ArrayField(models.FloatField(), size=4, null=True)
    """Longitude and latitude; left > right across the antimeridian."""
    properties = models.JSONField(default=dict, blank=True)
    licence = models.CharField(max_length=200, blank=True)
    keywords = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    visibility = models.CharField(max_length=10, choices=Visibility, default=Visibility.PUBLIC)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="products")
    state = models.CharField(max_length=10, choices=ProductState, default=ProductState.RESERVED)
    version = models.PositiveIntegerField(default=1)
    """Counts the pixels' versions."""
    revision = models.PositiveIntegerField(default=1)
    """Counts every change that a picture or a description can show."""
    raster = models.JSONField(null=True)
    """RasterInfo of the stored COG."""
    style = models.JSONField(null=True)
    """RenderingStyle that is drawn where none is asked for."""
    stored_pyramid = models.BigIntegerField(null=True, editable=False)
    """Number of the Pyramid that its tiles may be taken from; written by `repository.pyramids`.
    In this row, so that no request for a tile asks another table whether there is one."""
    created = models.DateTimeField(db_default=Now(), editable=False)
    updated = models.DateTimeField(db_default=Now(), editable=False)
    published = models.DateTimeField(null=True, editable=False)
    removed = models.DateTimeField(null=True, editable=False)
    removal_reason = models.TextField(blank=True)

    class Meta:
        db_table = "rastrum_product"
        ordering = ["-start", "uuid"]
        constraints = [
            models.UniqueConstraint(
                fields=["collection", "slug"], name="product_address_is_unique"
            ),
        ]
        indexes = [
            models.Index(fields=["-start", "uuid"], name="product_by_time"),
            models.Index(
                fields=["collection", "-start", "uuid"], name="product_by_collection_time"
            ),
            models.Index(fields=["-published", "uuid"], name="product_by_publication"),
            GinIndex(fields=["properties"], name="product_by_property"),
        ]

    def __str__(self) -> str:
        return self.address

    @property
    def address(self) -> str:
        """`{c}/{p}`."""
        return f"{self.collection_id}/{self.slug}"
