"""The child's half of the canary: tries all that it must not be able to do, and tells."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

SECONDS = 2
"""Of waiting for an answer that must not come."""


def probe(request: dict[str, Any]) -> dict[str, Any]:
    """Returns `reached`: attempt -> whether it succeeded, and `works`: that of an honest one.

    `request` names the bait: `file` outside the own folder, the `vrt` inside it that reads the
    file, a TCP `port` of loopback, a unix `socket`, the process `parent`.
    """
    attempts: dict[str, Callable[[], object]] = {
        "file": lambda: Path(request["file"]).read_bytes(),
        "write": lambda: Path(request["file"]).with_suffix(".written").touch(),
        "vrt": lambda: _read_raster(request["vrt"]),
        "vsicurl": lambda: _read_raster(f"/vsicurl/http://127.0.0.1:{request['port']}/x.tif"),
        "network": lambda: _connect(socket.AF_INET, ("127.0.0.1", request["port"])),
        "socket": lambda: _connect(socket.AF_UNIX, request["socket"]),
        "signal": lambda: os.kill(request["parent"], 0),
        "program": lambda: _run_program(),
    }
    return {
        "reached": {name: _succeeds(attempt) for name, attempt in attempts.items()},
        "works": _succeeds(_use_own_folder),
    }


def _succeeds(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except Exception:  # whatever stops it
        return False
    return True


def _use_own_folder() -> None:
    Path("canary").write_text("own")
    Path("canary").read_text()


def _read_raster(name: str) -> object:
    import rasterio

    with rasterio.open(name) as dataset:
        return dataset.read()


def _connect(family: socket.AddressFamily, address: Any) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.settimeout(SECONDS)
        connection.connect(address)


def _run_program() -> None:
    """Raises OSError where no process can be made."""
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
