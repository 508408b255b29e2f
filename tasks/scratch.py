"""Work files on this machine's disk whose owner is gone."""

from __future__ import annotations

import itertools
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from django.conf import settings

from repository.failpoints import around
from repository.models import Job, Pyramid
from repository.models.job import RUNNING_STATES
from repository.models.pyramid import PyramidState

CLAIM_FOLDER = re.compile(r"(?P<work>[0-9a-f-]{36}|\d+)-(?P<token>\d+)")
"""Of a job in `jobs`, of a pyramid in `pyramids`: made by one claim."""


def clear_scratch(folder: Path, older_than: float, *, rehearse: bool = False) -> list[str]:
    """Remove the folders of claims without a worker, and half forms older than so many seconds;
    the names.

    Such a folder may go as soon as another worker has the lease: the one that wakes too late
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
    parts = (folder.glob(f"{part}/*") for part in ("jobs", "pyramids", "incoming"))
    for entry in sorted(itertools.chain(*parts)):
        with suppress(FileNotFoundError):
            age = now - entry.stat().st_mtime
            named = CLAIM_FOLDER.fullmatch(entry.name) if entry.parent.name != "incoming" else None
            if named is None:
                is_left = age >= older_than
            else:
                # Some patience for a worker that is just removing its own.
                patience = min(older_than, settings.LEASE_SECONDS)
                is_left = age >= patience and not _is_held(entry, named)
            if is_left:
                yield entry


def _is_held(entry: Path, named: re.Match[str]) -> bool:
    """Whether a worker has the work of this folder, by the claim that made the folder."""
    token = int(named["token"])
    if entry.parent.name == "pyramids":
        return Pyramid.objects.filter(
            pk=int(named["work"]), fencing_token=token, state=PyramidState.RENDERING
        ).exists()
    return Job.objects.filter(
        pk=uuid.UUID(named["work"]), fencing_token=token, state__in=RUNNING_STATES
    ).exists()


def _remove(entry: Path) -> None:
    with around("scratch.remove"):
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink()
