"""What was seen in the drop box, so that each of its items becomes one job."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from repository.models.job import Job


class DroppedItem(models.Model):
    """One item of the drop box, from its first sight until it has been moved away."""

    place = models.CharField(max_length=900, unique=True)
    """`{collection}/{name}`, see repository.dropbox.box."""
    signature = models.CharField(max_length=64)
    """Of its files as they were seen last."""
    seen = models.DateTimeField(db_default=Now())
    """Since when it has this signature."""
    taken = models.BooleanField(default=False)
    """Whether it has become a job, written in the commit that made the job."""
    job = models.ForeignKey(Job, models.SET_NULL, null=True, related_name="+")

    class Meta:
        db_table = "rastrum_dropped_item"

    def __str__(self) -> str:
        return self.place
