"""Overviews of collections: the bell for who builds them, and the task that hears it."""

from __future__ import annotations

import logging
import os
import threading

from celery import current_app, shared_task
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from kombu.exceptions import OperationalError as BrokerError

from repository import overviews
from repository.errors import RastrumError
from repository.failpoints import around
from repository.models import Job
from repository.models.job import JobState

log = logging.getLogger("rastrum.overviews")

TASK = "tasks.overviews"
NICENESS = 10
PATIENCE = 15
"""So many times OVERVIEW_SECONDS an overview may be late while uploads wait for a worker."""


def ring_for_late_ones() -> None:
    """Ring for each collection whose overview is late; uploads come first."""
    if not settings.OVERVIEW_SECONDS:
        return
    uploads_wait = Job.objects.filter(state=JobState.QUEUED).exists()
    after = settings.OVERVIEW_SECONDS * (PATIENCE if uploads_wait else 1)
    for collection_id in overviews.due(after_seconds=after):
        ring(collection_id)


def ring(collection_id: str) -> None:
    """Tell the workers. A dead broker is not an error: the sweeper rings again."""
    try:
        with around("broker.send"):
            current_app.send_task(TASK, [collection_id], ignore_result=True)
    except (BrokerError, OSError) as error:
        log.warning("overview of %s: the broker does not answer (%s)", collection_id, error)


@shared_task(name=TASK)
def build(collection_id: str) -> None:
    """Build what is late of a collection's overview, for some time at most, below everybody
    else's priority. Any number of deliveries of the same message do it once."""
    # A thread, because niceness is a thread's own on Linux and never goes down again.
    thread = threading.Thread(target=_build_nicely, args=[collection_id], name="overviews")
    thread.start()
    thread.join()


def _build_nicely(collection_id: str) -> None:
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
    try:
        if overviews.claim(collection_id) and not _build(collection_id):
            ring(collection_id)
    except (DatabaseError, InterfaceError, RastrumError, OSError) as error:
        log.warning("overview of %s: %s; the sweeper rings again", collection_id, error)
    except Exception:  # the thread's boundary: the log has the trace, the claim runs out
        log.exception("overview of %s", collection_id)
    finally:
        connection.close()


def _build(collection_id: str) -> bool:
    """Whether all is built that was late."""
    # Here, because renderers take 100 MB that workers without overviews need not have.
    from tasks.overview_building import Builder

    try:
        return Builder(collection_id).build()
    finally:
        overviews.release(collection_id)
