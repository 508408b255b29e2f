"""Resumable uploads: files that are still on their way in, and what has arrived of them."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from repository.models.job import Job


class ResumableUpload(models.Model):
    """One tus upload. Its bytes lie in a file of this name until its job takes them over."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="resumable_uploads"
    )
    collection = models.CharField(max_length=100, blank=True)
    """Where the product will be; empty: the upload waits to be used. No foreign key, because a
    half upload must not keep a collection from being removed."""
    file_name = models.CharField(max_length=200)
    metadata = models.TextField(blank=True)
    """`Upload-Metadata` as it was sent: HEAD must give it back (tus 1.0.0, creation)."""
    request = models.JSONField(default=dict)
    """What the uploader says of the product: fields of ProductRequest."""
    length = models.BigIntegerField()
    received = models.BigIntegerField(default=0)
    """The acknowledged offset: so many bytes are on the disk for sure. The file may hold more
    after a crash; it is cut back to this before a byte is added."""
    digest = models.BinaryField(default=b"")
    """State of the running digest (RunningDigest.state) of bytes that are acknowledged."""
    key = models.CharField(max_length=500, blank=True)
    """Where the store gets the bytes part by part; empty where it is a folder of this machine."""
    part_bytes = models.BigIntegerField(default=0)
    multipart = models.TextField(blank=True)
    """The store's name of the parts that are not one object yet."""
    etags = models.JSONField(default=list)
    """Of the parts that the store has confirmed, in order."""
    is_stored = models.BooleanField(default=False)
    """Whether the bytes are an object of the store, under `key`."""
    is_partial = models.BooleanField(default=False)
    """A piece that others are joined with (tus 1.0.0, concatenation)."""
    made_of = models.JSONField(default=list)
    """Ids of the pieces that this one is joined from, in order."""
    part_of = models.ForeignKey("self", models.CASCADE, null=True, related_name="pieces")
    """What a piece was joined into: it belongs to that alone."""
    expires = models.DateTimeField()
    job = models.ForeignKey(Job, models.CASCADE, null=True, related_name="resumable_uploads")
    created = models.DateTimeField(db_default=Now(), editable=False)
    updated = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "rastrum_resumable_upload"
        ordering = ["-created"]
        indexes = [
            models.Index(fields=["owner", "-created"], name="resumable_upload_by_owner"),
            models.Index(fields=["expires"], name="resumable_upload_by_expiry"),
        ]

    def __str__(self) -> str:
        return f"{self.file_name} {self.received}/{self.length}"

    @property
    def share(self) -> float:
        """How much has arrived, 0 to 1."""
        return self.received / self.length

    @property
    def is_whole(self) -> bool:
        """Whether every byte has arrived."""
        return self.received == self.length
