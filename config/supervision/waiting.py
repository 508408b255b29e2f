"""Waiting for something to become true."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_for(ready: Callable[[], bool], seconds: float, complaint: str) -> None:
    """Ask again every 50 ms.

    Raises TimeoutError with the complaint after so many seconds.
    """
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{complaint} after {seconds:g} seconds.")
        time.sleep(0.05)
