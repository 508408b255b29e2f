"""The drop box that the settings name."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from repository.dropbox.box import Box
from repository.dropbox.bucket import BucketBox
from repository.dropbox.folder import FolderBox
from repository.fetching.buckets import Bucket

SOURCE = "dropbox:"
"""Begins Upload.source of what lies in it; a place follows."""


def configured_box() -> Box | None:
    """The box; None where the operator turned it off."""
    if settings.DROPBOX is None:
        return None
    if "bucket" in settings.DROPBOX:
        return BucketBox(Bucket(**settings.DROPBOX["bucket"]))
    return FolderBox(Path(settings.DROPBOX["folder"]))
