"""Keeps a lease alive while its steps run, and stops them when it is lost."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from types import TracebackType

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from repository.errors import LeaseLost

log = logging.getLogger("rastrum.heartbeat")


class Heartbeat:
    """Context manager: a thread calls `beat` four times a lease; where that raises LeaseLost,
    `stop` ends the guarded work."""

    def __init__(self, beat: Callable[[], None], stop: Callable[[], None]) -> None:
        self._beat, self._stop = beat, stop
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
                self._beat()
            except LeaseLost:
                self._stop()
                break
            except (DatabaseError, InterfaceError) as error:
                # The database may be restarting; the lease tells in the end.
                log.warning("no heartbeat (%s)", error)
                connection.close()
        connection.close()
