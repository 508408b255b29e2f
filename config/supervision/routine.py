"""What the engines say at every start and stop: worth a line in their file, not in the terminal."""

from __future__ import annotations

import re

ROUTINE = {
    "redis": re.compile(
        r"# (oO0OoO0OoO0Oo|Redis version=|Configuration loaded|Server initialized"
        # A Linux setting that matters to a Redis of many gigabytes; ours holds doorbells.
        r"|WARNING Memory overcommit|User requested shutdown|Redis is now ready to exit)"
        r"|Received SIGTERM scheduling shutdown"
    ),
    "postgres": re.compile(
        r"^LOG:  (starting PostgreSQL|listening on Unix socket|received fast shutdown request"
        r"|database system (was shut down at|is ready to accept|is shut down)|shutting down"
        r"|aborting any active transactions|background worker \"logical replication launcher\")"
        # The answer to our own question, many times a second while it repairs itself.
        r"|^FATAL:  the database system is starting up"
    ),
    "worker": re.compile(r"^worker: Warm shutdown"),
}
"""Name of a process -> the lines of it that are no news. PostgreSQL has no level that tells them
from a crash recovery, and Redis logs them as warnings."""


def is_routine(name: str, text: str) -> bool:
    """Whether the line of the process belongs to every start and stop."""
    pattern = ROUTINE.get(name)
    return pattern is not None and pattern.search(text) is not None
