"""The way in: inspect -> convert -> store -> register, one job at a time, under a lease."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import socket
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from celery import shared_task
from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections

from repository import jobs, registration
from repository.connections import patiently
from repository.errors import (
    LeaseLost,
    NeedsInput,
    OutOfSpace,
    RastrumError,
    Rejected,
    StepFailed,
    Unavailable,
)
from repository.jobs import INGEST_TASK, Lease
from repository.models import Job, Product, Upload, UploadedFile
from repository.models.job import JobState
from repository.raster_info import RasterInfo
from repository.registration import StoredFile
from repository.rendering_style import RenderingStyle
from repository.storage import object_store
from repository.transactions import commit
from tasks.alone import alone
from tasks.heartbeat import Heartbeat
from tasks.imports import ensure_fetched
from tasks.memory import runs_alone
from tasks.raster_source import HandedFile, Inspection
from tasks.rendering_defaults import default_style
from tasks.sandbox import PixelProcess
from tasks.storing import (
    FileNames,
    original_as_data,
    originals,
    store_attachment,
    store_data,
)  # fmt: skip

log = logging.getLogger("rastrum.ingest")

INSPECTED, CONVERTED, STORED = 0.05, 0.85, 0.98
"""Shares of a job's progress at which its steps end."""
DATABASE_SECONDS = 120
"""How long a worker waits for a database that restarts; then its lease runs out."""


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
        _tell(jobs.finish, lease, JobState.NEEDS_INPUT, question)
        log.info("job %s: needs input (%s)", lease.job_id, question.code)
    except Rejected as error:
        _tell(jobs.finish, lease, JobState.REJECTED, error)
        log.info("job %s: rejected (%s) %s", lease.job_id, error.code, error.detail)
    except Exception as failure:  # the boundary of the worker: whatever failed, the job is told
        _hand_back(lease, failure)


def _tell(write: Callable[..., object], *what: Any, **values: Any) -> None:
    """A restart of the database costs no job a try. Done twice, a write finds its lease over."""
    patiently(lambda: write(*what, **values), seconds=DATABASE_SECONDS)


def _bring_in(lease: Lease, folder: Path) -> None:
    """The journey of one upload. Raises what ends it early."""
    rows = Job.objects.select_related("upload", "product", "collection")
    job = rows.filter(pk=lease.job_id).first()
    product = job.product if job else None
    if job is None or product is None:
        raise LeaseLost("The job's or the product's row is gone.")
    ensure_fetched(lease, job, folder / "fetched")
    with (
        PixelProcess(
            folder,
            seconds=settings.STEP_SECONDS,
            keep_free_bytes=settings.MIN_FREE_BYTES // 2,
        ) as pixels,
        Heartbeat(lambda: jobs.beat(lease), pixels.kill),
    ):
        _require_room(job.upload.size)
        handed = _fetch(job.upload, folder / "files")

        inspection = pixels.inspect(
            list(handed), job.answers, settings.MAX_DECODED_BYTES,
            lambda found: _tell(jobs.note_findings, lease, found),
        )  # fmt: skip
        _tell(jobs.advance, lease, progress=INSPECTED, state=JobState.CONVERTING)

        converted = _convert_all(lease, pixels, inspection, folder)
        _tell(jobs.advance, lease, progress=CONVERTED, state=JobState.STORING)

        files = _store_all(job, inspection, converted, handed)
        _tell(jobs.advance, lease, progress=STORED)

    info, style = converted[0].info, converted[0].style
    request = dict(job.request)
    if job.answers.get("datetime"):
        request |= {"datetime": job.answers["datetime"], "end_datetime": ""}
    _tell(_publish, lease, product.pk, info, style, files, request)


def _publish(
    lease: Lease, product_uuid: uuid.UUID, info: RasterInfo, style: RenderingStyle,
    files: list[StoredFile], request: dict[str, Any],
) -> None:  # fmt: skip
    """The one commit that ends the job and makes its product visible. Raises LeaseLost, Rejected.

    The product's row is locked before its style is read: what its owner changed until now stays.
    """
    with commit("jobs.publish"):
        jobs.mark_published(lease)
        style = _style_of(registration.lock(product_uuid), style)
        registration.publish(product_uuid, info, style, files, request=request)


@dataclass(frozen=True)
class Converted:
    """One raster, ready to be stored."""

    cog: Path
    info: RasterInfo
    """Of the COG, with statistics."""
    style: RenderingStyle
    block_index: bytes
    """Where the blocks of the COG lie; empty where only GDAL reads it."""


def _fetch(upload: Upload, folder: Path) -> dict[HandedFile, UploadedFile]:
    """Every file of the upload on this machine's disk, under names of ours, in order."""
    folder.mkdir()
    handed = {}
    for file in upload.files.all():
        path = folder / str(file.position)
        object_store().fetch(file.key, path)
        handed[HandedFile(str(path), file.file_name)] = file
    return handed


def _convert_all(
    lease: Lease, pixels: PixelProcess, inspection: Inspection, folder: Path
) -> list[Converted]:
    """Each raster as a COG in `folder`; a raster's share of the progress is that of its pixels."""
    sizes = [found.info.decoded_bytes for found in inspection.rasters]
    converted: list[Converted] = []
    for number, found in enumerate(inspection.rasters):
        start, end = (
            INSPECTED + (CONVERTED - INSPECTED) * sum(sizes[:upto]) / sum(sizes)
            for upto in (number, number + 1)
        )
        cog = folder / f"data-{number}.tif"
        with _its_turn(lease, found.info):
            info, style, index = pixels.convert(found, cog, _reporter(lease, start, end))
        converted.append(Converted(cog, info, style, index))
    return converted


def _its_turn(lease: Lease, info: RasterInfo) -> AbstractContextManager[None]:
    """Rasters that need much memory are converted one at a time on this machine."""
    if not runs_alone(info):
        return nullcontext()
    return alone(Path(settings.WORK_DIR) / "large-block.lock", lambda: jobs.beat(lease))


def _reporter(lease: Lease, start: float, end: float) -> Callable[[float], None]:
    """A callback that turns a share of one conversion into the job's progress."""

    def report(share: float) -> None:
        progress = start + share * (end - start)
        _tell(jobs.advance, lease, progress=progress)

    return report


def _store_all(
    job: Job, inspection: Inspection, converted: list[Converted],
    handed: dict[HandedFile, UploadedFile],
) -> list[StoredFile]:  # fmt: skip
    """All files of the product as objects: rasters, originals, and what lay beside them."""
    product = job.product
    assert product is not None, "_bring_in has seen it"
    names, files = FileNames(product), []
    uploaded = {file.path: row for file, row in handed.items()}
    for position, (found, result) in enumerate(zip(inspection.rasters, converted, strict=True)):
        name = names.of_data(found.source.name, position)
        original = uploaded.get(found.source.path) if found.take_as_it_is else None
        if original is not None:
            stored = original_as_data(original, result.info, name, position)
        else:
            stored = store_data(product, result.cog, result.info, name, position)
        files.append(replace(stored, block_index=result.block_index))
    files += originals(job.upload, names)
    for attachment in inspection.attachments:
        if attachment.path not in uploaded:  # else it is among the originals
            name = names.of_file(attachment.name, "attachment")
            files.append(store_attachment(product, attachment, name))
    return files


def _style_of(product: Product, default: RenderingStyle) -> RenderingStyle:
    """The default of the new pixels, or the style that the owner gave to the version before."""
    if product.style and product.raster:
        present = RenderingStyle.from_json(product.style)
        if present != default_style(RasterInfo.from_json(product.raster)):
            return present
    return default


def _require_room(size: int) -> None:
    """Raise OutOfSpace where the files of a job do not fit on this machine's disk now, Rejected
    `too_large` where they never will."""
    disk = shutil.disk_usage(settings.WORK_DIR)
    free = disk.free
    if size > disk.total:
        raise Rejected(f"The files have {size:,} bytes, more than the worker's whole disk.",
                       code="too_large", hint="Send it in smaller pieces.")  # fmt: skip
    if free - size < settings.MIN_FREE_BYTES:
        raise OutOfSpace(f"The worker has {free:,} bytes left, too few for {size:,} more.")


def _hand_back(lease: Lease, failure: Exception) -> None:
    """Not the file's fault. Where something that we need is away or full the job waits for it;
    else it waits for its next try, or fails after the last one."""
    error = _as_our_error(failure)
    if isinstance(error, OutOfSpace):
        error.hint = "It goes on by itself when the operator has made room."
    if isinstance(error, (OutOfSpace, Unavailable)):
        log.warning("job %s: waits: %s", lease.job_id, error.detail)
        _tell(jobs.put_off, lease, error)
        return
    log.error("job %s: a step failed", lease.job_id, exc_info=failure)
    _tell(jobs.give_back, lease, error)


def _as_our_error(failure: Exception) -> RastrumError:
    """What a failure is called; on a full disk all kinds of steps fail in all kinds of ways."""
    if isinstance(failure, (OutOfSpace, Unavailable)):
        return failure
    with contextlib.suppress(OSError):
        if shutil.disk_usage(settings.WORK_DIR).free < settings.MIN_FREE_BYTES:
            return OutOfSpace("The worker's disk is full.")
    if isinstance(failure, (OperationalError, InterfaceError)):
        return Unavailable("The database did not answer.")
    if isinstance(failure, RastrumError):
        return failure
    return StepFailed("A step failed unexpectedly; the operator's log tells why.",
                      hint="It is tried again by itself, three times at most.")  # fmt: skip
