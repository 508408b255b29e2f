"""One value that changes with whatever policy reads: only while it stays may an answer be kept.

It is a random word in a file of DATA_DIR that all processes of this host see. Whoever commits a
change to a watched table writes another word there before its own answer goes out, so that no
later request of this host is answered from memory of what was before. Everything else is told
by PostgreSQL's NOTIFY (migration 0012), which `listen` turns into the same: writers of other hosts,
SQL by hand, and a process that was killed between its commit and its word. While nobody
listens, nothing is current and nothing is kept.
"""

from __future__ import annotations

import logging
import mmap
import os
import re
import secrets
import select
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from repository.failpoints import around

log = logging.getLogger("rastrum.generation")

WATCHED = ("rastrum_collection", "rastrum_overview_tile", "rastrum_product", "rastrum_style")
"""Tables that say who may see what and which pixels are shown; migration 0012 has the same."""
CHANNEL = "rastrum_generation"
BEAT_SECONDS = 0.5
"""How often the listener proves that it would have heard."""
SILENT_SECONDS = 2.0
"""A listener that proved nothing for so long counts for nothing: the network may be cut."""
WORD = 8

_WRITE = re.compile(
    rf'\s*(?:INSERT INTO|UPDATE|DELETE FROM|TRUNCATE) "(?:{"|".join(WATCHED)})"', re.IGNORECASE
)


class _Word:
    """The file's word, mapped; None where it is not."""

    def __init__(self) -> None:
        self.view: memoryview | None = None
        self.inode = 0
        self.heard = float("-inf")
        """Every change that was committed before this time (monotonic) has been heard."""


_word = _Word()


def current() -> int | None:
    """The present generation; None while nothing may be remembered. Costs under a microsecond.

    Read it before asking the database, and keep the answer only under what was read.
    """
    view = _word.view
    if view is None or time.monotonic() - _word.heard > SILENT_SECONDS:
        return None
    return int(view[0])


def raise_generation() -> None:
    """Make every answer that was kept on this host worthless. Never fails: what it cannot say
    here PostgreSQL says a moment later."""
    try:
        descriptor = os.open(_path(), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            # Written, not mapped: a full disk is then an error and not a SIGBUS. Random, not
            # counted: two writers at once can never bring an earlier value back.
            os.pwrite(descriptor, secrets.token_bytes(WORD), 0)
        finally:
            os.close(descriptor)
    except OSError as error:
        log.warning("the generation could not be raised (%s); PostgreSQL's message will do", error)


def watch_writes(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Receiver of `connection_created`: from now on this connection's writes are seen."""
    if _seen not in connection.execute_wrappers:
        connection.execute_wrappers.append(_seen)


def _seen(
    execute: Callable[..., Any], sql: Any, parameters: Any, many: bool, context: dict[str, Any]
) -> Any:
    """Django's execute wrapper: the one place that all writers of all rooms come by."""
    result = execute(sql, parameters, many, context)
    if isinstance(sql, str) and _WRITE.match(sql):
        transaction.on_commit(_committed, using=context["connection"].alias, robust=True)
    return result


def _committed() -> None:
    with around("generation.raise"):
        raise_generation()


def listen() -> Callable[[], None]:
    """Start to listen, in a thread of this process; returns what ends it."""
    stop = threading.Event()
    thread = threading.Thread(
        target=_listen, args=(stop, _connect_parameters()), name="generation", daemon=True
    )
    thread.start()
    return partial(_stop, stop, thread)


def _stop(stop: threading.Event, thread: threading.Thread) -> None:
    stop.set()
    thread.join(2 * BEAT_SECONDS)
    _word.heard = float("-inf")


def _listen(stop: threading.Event, parameters: dict[str, Any]) -> None:
    while not stop.is_set():
        try:
            with psycopg.connect(**parameters, autocommit=True, connect_timeout=5) as line:
                _listen_on(line)
                raise_generation()  # for what was said while nobody listened
                while not stop.is_set():
                    _beat(line)
        except (psycopg.Error, OSError) as error:
            if _word.heard != float("-inf"):
                log.warning("no word of changes (%s); the database is asked each time", error)
            _word.heard = float("-inf")
            stop.wait(BEAT_SECONDS)


def _listen_on(line: psycopg.Connection[Any]) -> None:
    """Raises OSError where the database's messages do not come through, as behind a pooler that
    gives each transaction another connection."""
    heard: set[str] = set()

    def hear(notice: psycopg.Notify) -> None:
        heard.add(notice.payload)

    line.add_notify_handler(hear)
    line.execute(f"listen {CHANNEL}")
    mark = secrets.token_hex(8)
    line.execute("select pg_notify(%s, %s)", (CHANNEL, mark))
    line.execute("select 1")
    if mark not in heard:
        raise OSError("messages do not come through")
    line.remove_notify_handler(hear)
    line.add_notify_handler(lambda _: raise_generation())


def _beat(line: psycopg.Connection[Any]) -> None:
    """Ask for anything: with the answer comes the news of all that was committed before, and goes
    to the handler. Then wait until there is more to hear."""
    asked = time.monotonic()
    line.execute("select 1")
    _map()
    _word.heard = asked
    select.select([line], [], [], BEAT_SECONDS)


def _map() -> None:
    """Map the file, anew where another one has taken its place."""
    with suppress(FileNotFoundError):
        if _word.view is not None and os.stat(_path()).st_ino == _word.inode:
            return
    raise_generation()
    with open(_path(), "rb") as file:
        mapped = mmap.mmap(file.fileno(), WORD, access=mmap.ACCESS_READ)
        _word.inode = os.fstat(file.fileno()).st_ino
    _word.view = memoryview(mapped).cast("Q")


def _path() -> Path:
    return Path(settings.DATA_DIR) / "run" / "generation"


def _connect_parameters() -> dict[str, Any]:
    """Django's own, without what belongs to its cursors; a dead network is noticed in seconds."""
    given = connection.get_connection_params()
    wanted = {k: v for k, v in given.items() if k not in ("cursor_factory", "context")}
    return {"tcp_user_timeout": 2000, **wanted, "prepare_threshold": None}
