"""Jobs: the queue of record. A row is the truth, a Celery message only a doorbell."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from repository.models.collection import Collection
from repository.models.product import Product
from repository.models.upload import Upload


class JobState(models.TextChoices):
    """What a job is doing; the labels are the portal's words."""

    QUEUED = "queued", "Waiting"
    INSPECTING = "inspecting", "Reading the file"
    CONVERTING = "converting", "Preparing the map"
    STORING = "storing", "Saving"
    NEEDS_INPUT = "needs_input", "Needs your answer"
    PUBLISHED = "published", "Published"
    REJECTED = "rejected", "Not published"
    FAILED = "failed", "Failed (our fault)"
    CANCELLED = "cancelled", "Cancelled"


RUNNING_STATES = (JobState.INSPECTING, JobState.CONVERTING, JobState.STORING)
FINAL_STATES = (JobState.PUBLISHED, JobState.REJECTED, JobState.FAILED, JobState.CANCELLED)


class Job(models.Model):
    """One upload on its way to a product."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="jobs")
    collection = models.ForeignKey(Collection, models.CASCADE, related_name="jobs")
    slug = models.CharField(max_length=100)
    product = models.ForeignKey(Product, models.SET_NULL, null=True, related_name="jobs")
    upload = models.ForeignKey(Upload, models.PROTECT, related_name="jobs")
    request = models.JSONField(default=dict)
    """What the uploader said: title, datetime, properties."""
    answers = models.JSONField(default=dict)
    """What the owner answered when the file said too little."""
    state = models.CharField(max_length=12, choices=JobState, default=JobState.QUEUED)
    step = models.CharField(max_length=200, blank=True)
    progress = models.FloatField(default=0.0)
    """0 to 1 over the whole job."""
    attempts = models.PositiveSmallIntegerField(default=0)
    fencing_token = models.PositiveIntegerField(default=0)
    """Grows with each claim; a write with an older one changes nothing."""
    lease_until = models.DateTimeField(null=True)
    heartbeat = models.DateTimeField(null=True)
    worker = models.CharField(max_length=200, blank=True)
    not_before = models.DateTimeField(null=True)
    """After a failure of ours the next try waits until then."""
    rung = models.DateTimeField(null=True)
    """When the doorbell was last rung."""
    error = models.JSONField(null=True)
    """{code, message, hint, retryable}; a question has `options` too, where there is a choice,
    and what waits for room or for the store says `since` when."""
    warnings = models.JSONField(default=list)
    found = models.JSONField(null=True)
    """Findings as far as inspection came: what the files say of themselves."""
    timeline = models.JSONField(default=list)
    """[state, RFC 3339 instant] pairs, in order."""
    created = models.DateTimeField(db_default=Now(), editable=False)
    updated = models.DateTimeField(db_default=Now(), editable=False)
    finished = models.DateTimeField(null=True, editable=False)

    class Meta:
        db_table = "rastrum_job"
        ordering = ["-created"]
        indexes = [
            models.Index(fields=["owner", "-created"], name="job_by_owner"),
            models.Index(
                fields=["lease_until"],
                name="job_unfinished",
                condition=~models.Q(state__in=FINAL_STATES),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.collection_id}/{self.slug} {self.state}"

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen by itself or by an answer."""
        return self.state in FINAL_STATES
