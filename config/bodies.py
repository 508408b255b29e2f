"""Request bodies on their way into Django: whole or an error, with or without a stated length."""

from __future__ import annotations

from django.conf import settings
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FORM_OVERHEAD_BYTES = 2**20
"""Boundaries and text fields around a file of the greatest size."""


class WholeBodies:
    """ASGI middleware around Django's WSGI bridge, which knows neither of these two.

    A client that leaves in the middle would look like the end of its body, and a
    form would lose its last fields (`visibility`). A chunked body (RFC 9112, 7.1)
    has no Content-Length, without which WSGI reads nothing.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope, receive = _with_length(scope), _whole(receive)
        await self.app(scope, receive, send)


def _with_length(scope: Scope) -> Scope:
    """A chunked request with the most that it may have as its length: reading ends before."""
    headers = Headers(scope=scope)
    if "chunked" not in headers.get("transfer-encoding", "") or "content-length" in headers:
        return scope
    is_form = headers.get("content-type", "").startswith("multipart/form-data")
    most = (
        settings.MAX_UPLOAD_BYTES + FORM_OVERHEAD_BYTES
        if is_form
        else settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    )
    length = (b"content-length", str(most).encode())
    return {**scope, "headers": [*scope["headers"], length]}


def _whole(receive: Receive) -> Receive:
    """Raises ConnectionResetError where the client leaves before the end of its body."""
    ended = False

    async def receive_whole() -> Message:
        nonlocal ended
        message = await receive()
        if message["type"] == "http.disconnect" and not ended:
            raise ConnectionResetError("The client left in the middle of its request.")
        ended = ended or not message.get("more_body", False)
        return message

    return receive_whole
