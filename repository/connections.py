"""Database connections outside Django's request cycle: threads of the ASGI applications."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import (
    DataError,
    InterfaceError,
    OperationalError,
    close_old_connections,
    connection,
)

from repository.errors import BadRequest, Unavailable


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
