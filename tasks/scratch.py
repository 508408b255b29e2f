"""Work files on this machine's disk whose owner is gone."""

from __future__ import annotations

import re
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from django.conf import settings

from repository.failpoints import around
from repository.models import Job
from repository.models.job import RUNNING_STATES

JOB_FOLDER = re.compile(r"(?P<job>[0-9a-f-]{36})-(?P<token>\d+)")


def clear_scratch(folder: Path, older_than: float, *, rehearse: bool = False) -> list[str]:
    """Remove job folders without a worker, and half forms older than so many seconds; the names.

    A job's folder may go as soon as another worker has its lease: the one that wakes too late
    can publish nothing anyway, and its files may be many gigabytes.
    """
    removed = []
    for entry in _ownerless(folder, older_than):
        removed.append(str(entry.relative_to(folder)))
        if not rehearse:
            with suppress(FileNotFoundError):  # its owner was faster
                _remove(entry)
    return removed


def _ownerless(folder: Path, older_than: float) -> Iterator[Path]:
    now = time.time()
    for entry in sorted([*folder.glob("jobs/*"), *folder.glob("incoming/*")]):
        with suppress(FileNotFoundError):
            age = now - entry.stat().st_mtime
            named = JOB_FOLDER.fullmatch(entry.name) if entry.parent.name == "jobs" else None
            if named is None:
                is_left = age >= older_than
            else:
                # Some patience for a worker that is just removing its own.
                is_left = age >= min(older_than, settings.LEASE_SECONDS) and not _is_held(named)
            if is_left:
                yield entry


def _is_held(named: re.Match[str]) -> bool:
    """Whether a worker has the job of this folder, by the claim that made the folder."""
    return Job.objects.filter(
        pk=uuid.UUID(named["job"]), fencing_token=int(named["token"]), state__in=RUNNING_STATES
    ).exists()


def _remove(entry: Path) -> None:
    with around("scratch.remove"):
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink()
