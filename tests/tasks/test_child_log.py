from __future__ import annotations

import io
import logging

import pytest

from tasks.child_log import MOST_CHARACTERS, MOST_RECORDS, Brief, First


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def log(stream: io.StringIO) -> logging.Logger:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Brief("%(message)s"))
    handler.addFilter(First())
    logger = logging.Logger("brief")
    logger.addHandler(handler)
    return logger


def test_a_long_text_of_many_lines_becomes_a_short_line(
    log: logging.Logger, stream: io.StringIO
) -> None:
    log.warning("x\n" * 10_000)
    assert len(stream.getvalue()) == MOST_CHARACTERS + 1
    assert stream.getvalue().count("\n") == 1


def test_a_flood_ends(log: logging.Logger, stream: io.StringIO) -> None:
    for _ in range(10 * MOST_RECORDS):
        log.warning("again")
    assert stream.getvalue().count("again") == MOST_RECORDS


def test_an_error_of_ours_is_told_whole_after_a_flood(
    log: logging.Logger, stream: io.StringIO
) -> None:
    for _ in range(2 * MOST_RECORDS):
        log.warning("again")
    try:
        raise ValueError("a bug " * 200)
    except ValueError:
        log.exception("a pixel step failed")
    assert "a bug " * 200 in stream.getvalue()
