"""Housekeeping on a schedule: rings for jobs that nobody hears, and clears what nobody needs."""

from __future__ import annotations

import logging
import shutil
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db.models.functions import Now

from repository import jobs, resumable_sweeping
from repository.models import Asset, Job, Upload
from repository.models.product import ProductState
from repository.storage import object_store
from tasks import dropbox

log = logging.getLogger("rastrum.sweeper")

REMOVAL_GRACE = timedelta(hours=1)
"""Longer than any download of a removed product can still be running on a short link."""
SCRATCH_SECONDS = 24 * 3600


def sweep() -> None:
    """One round."""
    rung = jobs.sweep()
    if rung:
        log.info("rang again for %d jobs", rung)
    purge_removed()
    resumable_sweeping.sweep()
    clear_scratch(Path(settings.WORK_DIR))
    dropbox.look_round()


def purge_removed() -> int:
    """Delete the objects of products that were removed long enough ago; how many."""
    due = Asset.objects.filter(
        product__state=ProductState.REMOVED, product__removed__lt=Now() - REMOVAL_GRACE
    )
    purged = 0
    for asset in due[:1000]:
        try:
            object_store().delete(asset.key)
        except Exception:  # whatever the store's library raises: the others go all the same
            log.exception("the object %s cannot be deleted; the next round tries again", asset.key)
            continue
        # A retry would need the original: jobs of a removed product are over.
        Job.objects.filter(upload__files__key=asset.key).delete()
        Upload.objects.filter(files__key=asset.key).delete()
        asset.delete()
        purged += 1
    return purged


def clear_scratch(folder: Path) -> None:
    """Remove work folders and half uploads that were left by processes long gone."""
    oldest = time.time() - SCRATCH_SECONDS
    for entry in [*folder.glob("jobs/*"), *folder.glob("incoming/*")]:
        with suppress(FileNotFoundError):  # its owner was faster
            if entry.stat().st_mtime >= oldest:
                continue
            if entry.is_dir():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink()
