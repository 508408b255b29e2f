"""The listening socket: the supervisor holds it, so a restart of the web refuses nobody."""

from __future__ import annotations

import errno
import socket


class CannotListen(Exception):
    """The address cannot be listened on."""


def listen(bind: str, port: int) -> socket.socket:
    """A socket that listens on the address.

    Raises CannotListen with a sentence that says what to do.
    """
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    try:
        return socket.create_server((bind, port), family=family, backlog=2048)
    except OSError as error:
        raise CannotListen(_sentence(error, bind, port)) from None


def local_url(bind: str, port: int) -> str:
    """The address under which a browser on this machine finds the server."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(bind, f"[{bind}]" if ":" in bind else bind)
    return f"http://{host}:{port}"


def _sentence(error: OSError, bind: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} on {bind} is taken by another program. "
            f"Choose another one, for example: PORT={port + 1} make serve "
            f"(or for good: echo PORT={port + 1} >>.env)"
        )
    if error.errno == errno.EACCES:
        return (
            f"This account may not listen on port {port}. "
            "Choose one above 1023, for example: PORT=8000 make serve"
        )
    return f"Cannot listen on {bind}, port {port} (BIND and PORT): {error.strerror or error}."
