"""The worker's first step for what was not sent to us: fetch it, check it, keep it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from repository import imports, jobs, uploads
from repository.fetching.download import Limits, download
from repository.jobs import Lease
from repository.models import Job
from tasks.heartbeat import Heartbeat

log = logging.getLogger("rastrum.imports")

FETCHED = 0.04
"""Share of a job's progress at which its files are here."""
TRIES = 5
"""Of one attempt of the job: a line that breaks is taken up again where it broke."""
MEGABYTE = 1_000_000


def ensure_fetched(lease: Lease, job: Job, folder: Path) -> None:
    """The upload's files are in the store: fetched now, unless they were sent or fetched before.

    Raises LeaseLost (also in the middle of a transfer), Rejected where the other server or the
    file is at fault, StepFailed or OutOfSpace where a later try may help.
    """
    if not job.upload.source or job.upload.files.exists():
        return
    folder.mkdir()
    # A lost lease is told to the next report.
    with Heartbeat(lambda: jobs.beat(lease), lambda: None):
        fetched = [
            download(source, folder / str(number), _limits(), _reporter(lease))
            for number, source in enumerate(imports.sources_of(job.upload))
        ]
        imports.verify(job, fetched)
        uploads.make_room_or_refuse(sum(file.size for file in fetched))
        imports.keep(lease, job, fetched)
    jobs.advance(lease, progress=FETCHED, step="Reading the file")
    log.info("job %s: fetched %d bytes", lease.job_id, job.upload.size)


def _limits() -> Limits:
    return Limits(
        settings.MAX_UPLOAD_BYTES, settings.MIN_FREE_BYTES, settings.IMPORT_SECONDS, TRIES
    )


def _reporter(lease: Lease) -> Callable[[int, int | None], None]:
    """A callback that tells how much has come; it raises LeaseLost in a job that was cancelled.

    A database that restarts is not told, and breaks no transfer off: the lease tells in the end.
    """

    def report(received: int, size: int | None) -> None:
        share = received / size if size else 0.0
        of = f" of {size / MEGABYTE:,.1f}" if size else ""
        step = f"Fetching the file: {received / MEGABYTE:,.1f}{of} MB"
        try:
            jobs.advance(lease, progress=min(share, 1.0) * FETCHED, step=step)
        except (OperationalError, InterfaceError) as error:
            log.warning("job %s: the progress is not told (%s)", lease.job_id, error)
            connection.close()

    return report
