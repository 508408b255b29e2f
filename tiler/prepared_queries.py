"""Queries that the ORM makes once, with marks in place of what differs from call to call.

Making a query costs the ORM more than the database needs to answer it, and a tile asks two or
three. Policy is in the query, so it is asked each time; only its text is kept.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from repository.connections import borrowed_connection

_held = threading.local()
_WORD = secrets.token_hex(8)


@dataclass(frozen=True)
class Prepared:
    """SQL, its parameters, and where in them the marks stand."""

    sql: str
    parameters: tuple[Any, ...]
    places: tuple[tuple[int, str], ...]

    def rows(self, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The rows for these values of the marks."""
        given = list(self.parameters)
        for place, mark in self.places:
            given[place] = values[mark]
        with connection.cursor() as cursor:
            cursor.execute(self.sql, given)
            return list(cursor.fetchall())


def prepare(rows: QuerySet[Any, Any], marks: tuple[str, ...]) -> Prepared:
    """A `values_list` query whose parameters hold marks: texts that no value can be."""
    sql, parameters = rows.query.sql_with_params()
    places = tuple(
        (place, value) for place, value in enumerate(parameters)
        if isinstance(value, str) and value in marks
    )  # fmt: skip
    return Prepared(sql, tuple(parameters), places)


def mark(name: str) -> str:
    """A text that no value can be: filters hold what callers write, and nobody knows the word."""
    return f"\n {name} {_WORD} \n"


@contextmanager
def reading() -> Iterator[None]:
    """A connection for several reads in a row; within another `reading` it is that one's."""
    if getattr(_held, "is_open", False):
        yield
        return
    with borrowed_connection():
        _held.is_open = True
        try:
            yield
        finally:
            _held.is_open = False
