"""Short transactions: with failpoints around the commit, and not to be held open in sleep."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import InternalError, OperationalError, connection, transaction

from repository.failpoints import around

IDLE_TIMEOUT = "25P03"
"""idle_in_transaction_session_timeout (PostgreSQL, appendix A); psycopg files it under bugs."""


@contextmanager
def commit(name: str) -> Iterator[None]:
    """One transaction whose failpoints are `name`.before and `name`.after.

    PostgreSQL ends it when its process does nothing for a lease's time: a worker that was stopped
    in the middle would else hold its rows locked for ever, and with them whoever takes its job.
    The sleeper then gets an OperationalError, as from any other lost connection.
    """
    try:
        with around(name), transaction.atomic():
            _bound(max(1, int(settings.LEASE_SECONDS)))
            yield
    except InternalError as error:
        if getattr(error.__cause__, "sqlstate", "") != IDLE_TIMEOUT:
            raise
        raise OperationalError(str(error)) from error


def _bound(seconds: int) -> None:
    """Until the end of the transaction (SET LOCAL), in milliseconds as PostgreSQL counts."""
    names = ("idle_in_transaction_session_timeout", "lock_timeout")
    with connection.cursor() as cursor:
        cursor.execute(";".join(f"set local {name} = {seconds * 1000}" for name in names))
