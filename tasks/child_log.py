"""Bounds what a child writes to the log: a file could fill the disk with warnings about itself."""

from __future__ import annotations

import logging
import sys

MOST_RECORDS = 50
MOST_CHARACTERS = 500


class Brief(logging.Formatter):
    """One line a record, however long the text is that a file had in store."""

    def format(self, record: logging.LogRecord) -> str:
        """The line; the trace of an error of ours is kept whole."""
        text = super().format(record)
        return text if record.exc_info else text.replace("\n", " ")[:MOST_CHARACTERS]


class First(logging.Filter):
    """Lets the first records of a process pass, and errors of ours."""

    def __init__(self) -> None:
        super().__init__()
        self._passed = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written."""
        self._passed += 1
        return self._passed <= MOST_RECORDS or bool(record.exc_info)


def log_briefly() -> None:
    """Warnings to standard error, few and short."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Brief("%(levelname)s:%(name)s:%(message)s"))
    handler.addFilter(First())
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
