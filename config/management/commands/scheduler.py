"""./manage.py scheduler: housekeeping every SWEEP_SECONDS, until it is stopped."""

from __future__ import annotations

import logging
import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import DatabaseError, InterfaceError, close_old_connections

from tasks.sweeping import sweep

log = logging.getLogger("rastrum.scheduler")


class Command(BaseCommand):
    """A loop rather than Celery's beat: it needs no broker, so it also heals a dead one."""

    help = "Runs the housekeeping on a schedule."

    def handle(self, *args: Any, **options: Any) -> None:
        stopped = threading.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stopped.set())
        while not stopped.is_set():
            close_old_connections()
            try:
                sweep()
            except (DatabaseError, InterfaceError, OSError) as error:
                log.warning("this round failed (%s); the next one tries again", error)
            except Exception:  # one bad row must not end the housekeeping for good
                log.exception("this round failed")
            stopped.wait(settings.SWEEP_SECONDS)
