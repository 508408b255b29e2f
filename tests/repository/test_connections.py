"""What a failing database means to whoever borrowed a connection."""

from __future__ import annotations

import pytest
from django.db import DataError, InterfaceError, OperationalError

from repository.connections import borrowed_connection
from repository.errors import BadRequest, Unavailable


@pytest.mark.parametrize(
    ("error", "told"),
    [(OperationalError, Unavailable), (InterfaceError, Unavailable), (DataError, BadRequest)],
)
def test_errors_of_the_database_become_ours(error: type[Exception], told: type[Exception]) -> None:
    with pytest.raises(told), borrowed_connection():
        raise error
