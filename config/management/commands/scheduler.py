"""./manage.py scheduler: housekeeping every SWEEP_SECONDS, until it is stopped."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import DatabaseError, InterfaceError, close_old_connections

from repository.errors import RastrumError
from tasks.reconciling import reconcile_when_due
from tasks.sweeping import sweep

log = logging.getLogger("rastrum.scheduler")


class Command(BaseCommand):
    """A loop rather than Celery's beat: it needs no broker, so it also heals a dead one."""

    help = "Runs the housekeeping on a schedule."

    def handle(self, *args: Any, **options: Any) -> None:
        stopped = threading.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stopped.set())
        # Beside the rounds: a large store takes minutes to list, and no dead worker's job may
        # wait for that.
        arguments = [reconcile_when_due, stopped]
        threading.Thread(target=_repeat, args=arguments, name="reconciler", daemon=True).start()
        _repeat(sweep, stopped)


def _repeat(work: Callable[[], object], stopped: threading.Event) -> None:
    while not stopped.is_set():
        close_old_connections()
        try:
            work()
        except (DatabaseError, InterfaceError, RastrumError, OSError) as error:
            log.warning("this round failed (%s); the next one tries again", error)
        except Exception:  # one bad row must not end the housekeeping for good
            log.exception("this round failed")
        stopped.wait(settings.SWEEP_SECONDS)
