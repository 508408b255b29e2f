"""A job from its first state to one in which it rests."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rastrum_client.server import Server

POLL_SECONDS = 1.0
RESTING = ("published", "rejected", "failed", "cancelled", "needs_input")


def follow(server: Server, job: str, say: Callable[[str], None]) -> dict[str, Any]:
    """The job as the API gives it, once it is in one of RESTING."""
    while True:
        found: dict[str, Any] = server.patiently("GET", job, say).json()
        if found["state"] in RESTING:
            return found
        say(f"{found['state']}, {int(found['progress'] * 100)} %")
        time.sleep(POLL_SECONDS)
