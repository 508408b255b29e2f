"""The way in: inspect -> convert -> store -> register, one job at a time, under a lease."""

from __future__ import annotations

import logging
import os
import shutil
import socket
import uuid
from collections.abc import Callable
from pathlib import Path

from celery import shared_task
from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections, transaction

from repository import jobs, registration
from repository.errors import LeaseLost, NeedsInput, OutOfSpace, RastrumError, Rejected, StepFailed
from repository.jobs import INGEST_TASK, Lease
from repository.models import Job
from repository.models.job import JobState
from repository.raster_info import RasterInfo
from repository.storage import object_store
from tasks.heartbeat import Heartbeat
from tasks.sandbox import PixelProcess
from tasks.storing import store_data, stored_original

log = logging.getLogger("rastrum.ingest")

INSPECTED, CONVERTED, STORED = 0.05, 0.85, 0.98
"""Shares of a job's progress at which its steps end."""


@shared_task(name=INGEST_TASK)
def ingest(job_id: str) -> None:
    """Work on a job if it waits; any number of deliveries of the same message do it once."""
    close_old_connections()
    lease = jobs.claim(uuid.UUID(job_id), f"{socket.gethostname()}:{os.getpid()}")
    if lease is None:
        return
    folder = settings.WORK_DIR / "jobs" / f"{job_id}-{lease.token}"
    try:
        _work(lease, folder)
    except LeaseLost:
        log.info("job %s: stopped, it was cancelled or has another worker", job_id)
    except (OperationalError, InterfaceError):
        log.warning("job %s: no database to tell; its lease will run out", job_id)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _work(lease: Lease, folder: Path) -> None:
    """Bring the file in, and tell the job how it ended. Raises LeaseLost and database errors."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _bring_in(lease, folder)
    except LeaseLost:
        raise
    except NeedsInput as question:
        jobs.finish(lease, JobState.NEEDS_INPUT, question)
        log.info("job %s: needs input (%s)", lease.job_id, question.code)
    except Rejected as error:
        jobs.finish(lease, JobState.REJECTED, error)
        log.info("job %s: rejected (%s) %s", lease.job_id, error.code, error.detail)
    except Exception as error:  # the boundary of the worker: whatever failed, the job is told
        _hand_back(lease, error)


def _bring_in(lease: Lease, folder: Path) -> None:
    """The journey of one file. Raises what ends it early."""
    job = Job.objects.select_related("upload", "product", "collection").get(pk=lease.job_id)
    if job.product is None:
        raise LeaseLost("The product's row is gone.")
    source, cog = folder / "source", folder / "data.tif"
    with (
        PixelProcess(folder, seconds=settings.STEP_SECONDS) as pixels,
        Heartbeat(lease, pixels.kill),
    ):
        object_store().fetch(job.upload.key, source)

        info = pixels.inspect(source, job.upload.file_name, job.answers, settings.MAX_DECODED_BYTES)
        jobs.note_findings(lease, info.to_json(), _as_json(info))
        jobs.advance(lease, progress=INSPECTED, state=JobState.CONVERTING)

        info, style = pixels.convert(source, cog, info, _reporter(lease))
        jobs.note_findings(lease, info.to_json(), _as_json(info))
        jobs.advance(lease, progress=CONVERTED, state=JobState.STORING)

        files = [store_data(job.product, cog, info), stored_original(job.upload, job.product)]
        jobs.advance(lease, progress=STORED)

    request = dict(job.request)
    if job.answers.get("datetime"):
        request |= {"datetime": job.answers["datetime"], "end_datetime": ""}
    with transaction.atomic():
        jobs.mark_published(lease)
        registration.publish(job.product.pk, info, style, files, request=request)


def _reporter(lease: Lease) -> Callable[[float], None]:
    """A callback that turns a share of the conversion into the job's progress."""

    def report(share: float) -> None:
        jobs.advance(lease, progress=INSPECTED + share * (CONVERTED - INSPECTED))

    return report


def _as_json(info: RasterInfo) -> list[dict[str, str]]:
    return [{"code": code, "message": text} for code, text in info.warnings]


def _hand_back(lease: Lease, error: Exception) -> None:
    """Our fault: the job waits for its next try, or fails after the last one."""
    log.exception("job %s: a step failed", lease.job_id)
    if not isinstance(error, RastrumError):
        error = StepFailed("A step failed unexpectedly; the operator's log tells why.",
                           hint="It is tried again by itself, three times at most.")  # fmt: skip
    if isinstance(error, OutOfSpace):
        error.hint = error.hint or "Try again when the operator has made room."
    jobs.give_back(lease, error)
