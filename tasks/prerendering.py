"""Draws pyramids that wait, one at a time on this machine, and puts them into the store."""

from __future__ import annotations

import logging
import os
import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from celery import shared_task
from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections

from repository import pyramid_queue, pyramids
from repository.connections import patiently
from repository.errors import (
    LeaseLost,
    OutOfSpace,
    RastrumError,
    Rejected,
    StepFailed,
    Unavailable,
)
from repository.models import Asset, Pyramid
from repository.models.asset import AssetRole
from repository.models.collection import Prerender
from repository.pyramid_queue import PRERENDER_TASK, PyramidLease, StoredPyramid
from repository.raster_info import RasterInfo
from repository.rendering_style import RenderingStyle
from repository.storage import checksums_of, object_key, object_store
from tasks.alone import first_come
from tasks.heartbeat import Heartbeat
from tasks.job_files import is_own_file, make_read_only
from tasks.pixel_children import start_drawing, stop_drawing
from tasks.pyramids import DrawnPyramid, PyramidOrder, order_to_json
from tasks.raster_source import HandedFile
from tasks.sandbox import PixelProcess
from tiler.pixels.renderer import RENDERER

log = logging.getLogger("rastrum.prerender")

OBJECT_NAME = "pyramid.pmtiles"
DATABASE_SECONDS = 120
ROUND_SECONDS = 600
"""After that a worker hears other bells first."""


class _GivesWay(Exception):
    """A job needs this worker."""


@shared_task(name=PRERENDER_TASK)
def prerender(pyramid_id: str = "") -> None:
    """Draw what waits, the oldest first, until nothing does, or a job needs the worker. The number
    is of the one for which the bell was rung; hearing it twice, or late, does no harm."""
    close_old_connections()
    until = time.monotonic() + ROUND_SECONDS
    worker = f"{socket.gethostname()}:{os.getpid()}"
    with first_come(Path(settings.WORK_DIR) / "prerender.lock") as is_ours:
        if not is_ours or not pyramid_queue.has_work():
            return
        try:
            start_drawing()  # before a lease runs
            while time.monotonic() < until:
                lease = pyramid_queue.claim(worker)
                if lease is None:
                    return
                _work(lease)
        finally:
            stop_drawing()


def look_round() -> None:
    """The scheduler's part: plan what should be there, ring for what waits, purge what is over."""
    pyramids.look_round(RENDERER, settled_seconds=settings.PRERENDER_SETTLE_SECONDS)
    waiting = pyramid_queue.next_waiting()
    if waiting is not None:
        pyramid_queue.ring(waiting)
    purge_retired()


def purge_retired() -> int:
    """Remove pyramids that nobody has needed for long enough; how many."""
    purged = 0
    for row in pyramids.to_purge():
        key = pyramids.forget(row)
        if key:
            object_store().delete(key)
        purged += 1
    return purged


def _work(lease: PyramidLease) -> None:
    folder = Path(settings.WORK_DIR) / "pyramids" / f"{lease.pyramid_id}-{lease.token}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _bring_about(lease, folder)
    except LeaseLost:
        log.info("pyramid %d: not wanted any more", lease.pyramid_id)
    except (_GivesWay, OutOfSpace, Unavailable) as reason:
        log.info("pyramid %d: waits: %s", lease.pyramid_id, reason)
        _tell(pyramid_queue.give_way, lease)
    except (OperationalError, InterfaceError):
        log.warning("pyramid %d: no database to tell; its lease will run out", lease.pyramid_id)
    except Rejected as error:
        log.info("pyramid %d: not drawn (%s)", lease.pyramid_id, error.detail)
        _tell(pyramid_queue.decline, lease, error.detail)
    except Exception as failure:  # the boundary of the worker: whatever failed, the row is told
        log.error("pyramid %d: a step failed", lease.pyramid_id, exc_info=failure)
        detail = failure.detail if isinstance(failure, RastrumError) else "A step failed."
        _tell(pyramid_queue.give_back, lease, detail)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _tell(write: Callable[..., object], lease: PyramidLease, *what: Any) -> None:
    """What happens to a lease that is lost, or a database that is away for long, is the next's."""
    try:
        patiently(lambda: write(lease, *what), seconds=DATABASE_SECONDS)
    except (LeaseLost, OperationalError, InterfaceError) as error:
        log.info("pyramid %d: %s", lease.pyramid_id, error)


def _bring_about(lease: PyramidLease, folder: Path) -> None:
    """Draw, store, and serve one pyramid. Raises what ends it early."""
    row = Pyramid.objects.select_related("product").filter(pk=lease.pyramid_id).first()
    if row is None or row.product.version != row.version:
        raise LeaseLost("The product is gone, or has another version.")
    files = Asset.objects.filter(product=row.product, version=row.version)
    data = files.filter(role=AssetRole.DATA).first()
    if data is None:
        raise LeaseLost("The product has no pixels.")
    order = _order(row, data)
    archive = folder / OBJECT_NAME
    with (
        PixelProcess(
            folder, seconds=settings.PRERENDER_SECONDS, draws_tiles=True,
            keep_free_bytes=settings.MIN_FREE_BYTES,
        ) as pixels,
        Heartbeat(lambda: pyramid_queue.beat(lease), pixels.kill),
    ):  # fmt: skip
        raster = folder / "data.tif"
        object_store().fetch(data.key, raster)
        make_read_only([HandedFile(str(raster), data.file_name)])
        drawn = DrawnPyramid(
            **pixels.prerender(order_to_json(order), raster, archive, _reporter(lease))
        )
        stored = _stored(row, order, drawn, archive)
    if stored is not None:
        _serve(lease, stored)


def _order(row: Pyramid, data: Asset) -> PyramidOrder:
    """What is to be drawn. Raises LeaseLost where the product has another style by now."""
    style = RenderingStyle.from_json(row.product.style or {})
    if style.digest != row.drawing:
        raise LeaseLost("The product has another style.")
    bounded = row.setting == Prerender.AUTO
    return PyramidOrder(
        info=RasterInfo.from_json(row.product.raster or {}), style=style, extension=row.format,
        max_bytes=max(1, data.size * settings.PRERENDER_PERCENT // 100) if bounded else 0,
        max_tiles=settings.PRERENDER_MAX_TILES, title=row.product.title,
    )  # fmt: skip


def _reporter(lease: PyramidLease) -> Callable[[float], None]:
    def report(share: float) -> None:
        pyramid_queue.advance(lease, share)
        if pyramid_queue.jobs_wait():
            raise _GivesWay("a job needs the worker")

    return report


def _stored(
    row: Pyramid, order: PyramidOrder, drawn: DrawnPyramid, archive: Path
) -> StoredPyramid | None:
    """The archive as an object under a key made of its content. Raises Rejected where it would
    cost too much, StepFailed where the child's word is not to be believed."""
    if not drawn.size:
        raise Rejected("Its tiles would take more room than they are worth.")
    if not is_own_file(archive, archive.parent) or archive.stat().st_size != drawn.size:
        raise StepFailed("The archive is not what the process that drew it says.")
    if order.max_bytes and drawn.size > order.max_bytes + 2**20:
        raise StepFailed("The archive is larger than was ordered.")
    sha256, _ = checksums_of(archive)
    key = object_key(row.product_id, sha256, OBJECT_NAME)
    object_store().put(key, archive, sha256)
    return StoredPyramid(
        key, drawn.size, sha256, drawn.min_zoom, drawn.max_zoom, drawn.tiles, drawn.left_out
    )


def _serve(lease: PyramidLease, stored: StoredPyramid) -> None:
    """Where the product has changed meanwhile, the object goes again."""
    try:
        patiently(lambda: pyramid_queue.finish(lease, stored), seconds=DATABASE_SECONDS)
    except LeaseLost:
        if not Pyramid.objects.filter(key=stored.key).exists():
            object_store().delete(stored.key)
        raise
    log.info("pyramid %d: ready (%d tiles, %d bytes)", lease.pyramid_id, stored.tiles, stored.size)
