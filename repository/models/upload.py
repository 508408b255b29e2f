"""Uploads: originals as they came in, stored and checksummed before they are acknowledged."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class Upload(models.Model):
    """What was handed in for one product: one file, or several that belong together."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="uploads")
    file_name = models.CharField(max_length=200)
    """The user's name for it, made fit to show; of several files the first one's."""
    size = models.BigIntegerField(default=0)
    """Bytes of all files."""
    source = models.CharField(max_length=2000, blank=True)
    """The address that it is fetched from; empty where the bytes were sent to us."""
    created = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "rastrum_upload"
        ordering = ["-created"]
        permissions = [("import_by_url", "Can import files by their address")]

    def __str__(self) -> str:
        return self.file_name


class UploadedFile(models.Model):
    """One file of an upload. Its object outlives the job that reads it."""

    upload = models.ForeignKey(Upload, models.CASCADE, related_name="files")
    position = models.PositiveSmallIntegerField()
    """Order in which the files were handed in, from 0."""
    file_name = models.CharField(max_length=200)
    """The user's name for it, made fit to show; never a path on this machine."""
    key = models.CharField(max_length=500)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    md5 = models.CharField(max_length=32)

    class Meta:
        db_table = "rastrum_uploaded_file"
        ordering = ["upload", "position"]
        constraints = [
            models.UniqueConstraint(fields=["upload", "position"], name="uploaded_file_position"),
        ]
        indexes = [models.Index(fields=["key"], name="uploaded_file_by_key")]

    def __str__(self) -> str:
        return self.file_name
