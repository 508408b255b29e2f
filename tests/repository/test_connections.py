"""What a failing database means to whoever borrowed a connection."""

from __future__ import annotations

import pytest
from django.db import DataError, InterfaceError, OperationalError

from repository import connections
from repository.connections import borrowed_connection
from repository.errors import BadRequest, Unavailable


@pytest.mark.parametrize(
    ("error", "told"),
    [(OperationalError, Unavailable), (InterfaceError, Unavailable), (DataError, BadRequest)],
)
def test_errors_of_the_database_become_ours(error: type[Exception], told: type[Exception]) -> None:
    with pytest.raises(told), borrowed_connection():
        raise error


def test_work_is_done_anew_until_the_database_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "POLL_SECONDS", 0)
    monkeypatch.setattr(connections.connection, "close", lambda: None)
    errors: list[Exception] = [OperationalError("starting"), InterfaceError("closed")]

    def work() -> str:
        if errors:
            raise errors.pop()
        return "done"

    assert connections.patiently(work, seconds=60) == "done"


def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections.connection, "close", lambda: None)

    def work() -> None:
        raise OperationalError("away")

    with pytest.raises(OperationalError):
        connections.patiently(work, seconds=-1)
