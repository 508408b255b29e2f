"""Database connections outside Django's request cycle: threads of the ASGI applications."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from django.db import (
    DataError,
    InterfaceError,
    OperationalError,
    close_old_connections,
    connection,
)

from repository.errors import BadRequest, Unavailable

log = logging.getLogger("rastrum.database")

Result = TypeVar("Result")
POLL_SECONDS = 0.5


@contextmanager
def borrowed_connection() -> Iterator[None]:
    """Use the ORM inside; the connection goes back to the pool at the end.

    Enter and leave it in ONE synchronous function: a dependency that yields may
    be left on another thread and leaks the connection of the first (measured).
    Raises Unavailable while the database is away, BadRequest for text that it cannot hold.
    """
    close_old_connections()
    try:
        yield
    except DataError as error:  # such as NUL in an address
        raise BadRequest("The address holds what cannot be text.", code="invalid_field") from error
    except (OperationalError, InterfaceError) as error:
        raise Unavailable("The database does not answer.") from error
    finally:
        connection.close()


def patiently(work: Callable[[], Result], *, seconds: float) -> Result:
    """The result of `work`, done anew while the database is away, for so long at most.

    For work that may be done twice: a commit whose answer was lost has happened.
    Raises OperationalError or InterfaceError in the end.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return work()
        except (OperationalError, InterfaceError) as error:
            if connection.in_atomic_block or time.monotonic() > deadline:
                raise
            log.warning("the database does not answer (%s); trying on", error)
            connection.close()
            time.sleep(POLL_SECONDS)
