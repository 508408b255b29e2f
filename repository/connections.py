"""Database connections outside Django's request cycle: threads of the ASGI applications."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import close_old_connections, connection


@contextmanager
def borrowed_connection() -> Iterator[None]:
    """Use the ORM inside; the connection goes back to the pool at the end.

    Enter and leave it in ONE synchronous function: a dependency that yields may
    be left on another thread and leaks the connection of the first (measured).
    """
    close_old_connections()
    try:
        yield
    finally:
        connection.close()
