"""Keeps a job's lease alive while its steps run, and stops them when it is lost."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from types import TracebackType

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from repository import jobs
from repository.errors import LeaseLost
from repository.jobs import Lease

log = logging.getLogger("rastrum.heartbeat")


class Heartbeat:
    """Context manager: a thread beats four times a lease; `stop` ends the guarded work."""

    def __init__(self, lease: Lease, stop: Callable[[], None]) -> None:
        self.lease, self.stop = lease, stop
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(settings.LEASE_SECONDS / 4):
            try:
                jobs.beat(self.lease)
            except LeaseLost:
                self.stop()
                break
            except (DatabaseError, InterfaceError) as error:
                # The database may be restarting; the lease tells in the end.
                log.warning("job %s: no heartbeat (%s)", self.lease.job_id, error)
                connection.close()
        connection.close()
