"""Named places before and after each external effect, where a fault test lets this process fail.

Nothing happens unless FAILPOINTS names a folder. A test arms a place by writing a file there,
named `store.put.before` and holding a fault: `kill`, `stop` (SIGSTOP), `sleep:SECONDS`, or
`raise:KIND` with a kind of ERRORS. Whoever reaches the place first takes the file and fails once;
after the effect a `raise` is an answer that was lost.
"""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from botocore.exceptions import EndpointConnectionError
from django.conf import settings
from django.db import OperationalError
from kombu.exceptions import OperationalError as BrokerError

ERRORS: dict[str, Callable[[], Exception]] = {
    "database": lambda: OperationalError("a fault test: the database's answer is lost"),
    "store": lambda: EndpointConnectionError(endpoint_url="a fault test"),
    "broker": lambda: BrokerError("a fault test: the broker's answer is lost"),
    "disk": lambda: OSError(errno.EIO, "a fault test: the disk's answer is lost"),
    "full": lambda: OSError(errno.ENOSPC, "a fault test: no space left"),
}
TAKEN = ".taken"


@contextmanager
def around(name: str) -> Iterator[None]:
    """Encloses one external effect: it can fail before it, or after it with the answer lost.

    Of a database transaction it must be the outer one, so that `after` comes after the commit.
    """
    if not settings.FAILPOINTS:
        yield
        return
    _reach(f"{name}.before")
    yield
    _reach(f"{name}.after")


def _reach(place: str) -> None:
    armed = Path(settings.FAILPOINTS) / place
    try:
        # Renaming is atomic: of many processes that come by, one fails.
        taken = armed.rename(f"{armed}{TAKEN}")
    except FileNotFoundError:
        return
    kind, _, value = taken.read_text().strip().partition(":")
    if kind == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif kind == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif kind == "sleep":
        time.sleep(float(value))
    elif kind == "raise":
        raise ERRORS[value]()
    else:
        raise ValueError(f"{place} is armed with {kind!r}, which is no fault.")
