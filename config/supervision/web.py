"""The web processes on the listening socket that the supervisor bound.

`uvicorn --fd` takes any descriptor for a unix socket, and then knows no client address.
"""

from __future__ import annotations

import argparse
import socket

import uvicorn
from uvicorn.supervisors import Multiprocess

STOP_SECONDS = 4
"""An open event stream must not hold a stop up for longer."""


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--fd", type=int, required=True)
    arguments.add_argument("--processes", type=int, required=True)
    given = arguments.parse_args()
    config = uvicorn.Config(
        "config.asgi:application",
        workers=given.processes,
        lifespan="auto",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_SECONDS,
        # A busy machine may answer late; a process that hangs for a minute is replaced.
        timeout_worker_healthcheck=60,
    )
    listening = socket.socket(fileno=given.fd)
    Multiprocess(config, sockets=[listening]).run()


if __name__ == "__main__":
    main()
