"""Uploads: originals as they came in, stored and checksummed before they are acknowledged."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class Upload(models.Model):
    """One received file. Its object outlives the job that reads it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="uploads")
    file_name = models.CharField(max_length=200)
    """The user's name for it, made fit to show; never a path on this machine."""
    key = models.CharField(max_length=500)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    md5 = models.CharField(max_length=32)
    created = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "rastrum_upload"
        ordering = ["-created"]

    def __str__(self) -> str:
        return self.file_name
