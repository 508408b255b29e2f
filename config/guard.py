"""What holds for every answer: a known Host, CORS, nosniff, and no body beyond the limit."""

from __future__ import annotations

import json
from functools import lru_cache

from django.conf import settings
from django.http.request import split_domain_port, validate_host
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from config.bodies import FORM_OVERHEAD_BYTES

EXPOSED = (
    "ETag, Content-Range, Accept-Ranges, Repr-Digest, Location, Link, Retry-After, "
    "Content-Disposition, X-Assets, X-Assets-Cut, X-Assets-Unfit, "
    "Tus-Resumable, Tus-Version, Tus-Extension, Tus-Max-Size, "
    "Tus-Checksum-Algorithm, Upload-Offset, Upload-Length, Upload-Metadata, Upload-Expires, "
    "Upload-Concat, Upload-Job"
)
ALLOWED = (
    "Authorization, Content-Type, Range, If-Range, If-None-Match, If-Match, Accept, "
    "Tus-Resumable, Upload-Length, Upload-Offset, Upload-Metadata, Upload-Checksum, "
    "Upload-Concat, X-HTTP-Method-Override, X-Requested-With"
)


ADDED = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", EXPOSED.encode()),
    (b"x-content-type-options", b"nosniff"),
]
"""To every answer, instead of what the application may have said."""
_ADDED_NAMES = frozenset(name for name, _ in ADDED)
PREFLIGHT = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"GET, HEAD, POST, PATCH, DELETE, OPTIONS"),
    (b"access-control-allow-headers", ALLOWED.encode()),
    (b"access-control-max-age", b"86400"),
]


class Guard:
    """ASGI middleware around the whole product.

    CORS is open (Fetch standard, 3.2) because maps are embedded anywhere; no
    credentials are allowed with it, so a cookie never reaches another origin.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        host, length, preflight = _asked(scope)
        if not _is_ours(host, tuple(settings.ALLOWED_HOSTS)):
            await _problem(send, 400, "unknown_host", "This server does not answer to that name.")
            return
        if length.isdigit() and int(length) > settings.MAX_UPLOAD_BYTES + FORM_OVERHEAD_BYTES:
            await _problem(
                send, 413, "too_large",
                f"The request has {int(length):,} bytes; "
                f"this server takes {settings.MAX_UPLOAD_BYTES:,} at most.",
            )  # fmt: skip
            return
        if preflight:
            await send({"type": "http.response.start", "status": 204, "headers": PREFLIGHT})
            await send({"type": "http.response.body"})
            return
        await self.app(scope, receive, _with_headers(send))

    def at_once(
        self, target: bytes, headers: list[tuple[bytes, bytes]]
    ) -> tuple[int, list[tuple[bytes, bytes]], bytes] | None:
        """Status, headers and body of a GET that can be answered without waiting; else None.

        For config/supervision/short_answers.py; whatever is refused is refused the long way.
        """
        host, length, _ = _asked({"headers": headers, "method": "GET"})
        if length or b"%" in target or not _is_ours(host, tuple(settings.ALLOWED_HOSTS)):
            return None
        answer = getattr(self.app, "at_once", None)
        path, _, query = target.decode("latin-1").partition("?")
        found = answer(path, query, headers) if answer is not None else None
        if found is None:
            return None
        status, own, body = found
        return status, own + ADDED, body


def _asked(scope: Scope) -> tuple[bytes, bytes, bool]:
    """Host, Content-Length, and whether it is a preflight: in one walk, of every request."""
    host = length = b""
    asks_method = False
    for name, value in scope["headers"]:
        if name == b"host":
            host = host or value
        elif name == b"content-length":
            length = length or value
        elif name == b"access-control-request-method":
            asks_method = True
    return host, length, asks_method and scope["method"] == "OPTIONS"


@lru_cache(maxsize=1024)
def _is_ours(host: bytes, allowed: tuple[str, ...]) -> bool:
    name, _ = split_domain_port(host.decode("latin-1"))
    return bool(name) and validate_host(name, allowed)


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = [pair for pair in message.get("headers", ()) if pair[0] not in _ADDED_NAMES]
            message = {**message, "headers": own + ADDED}
        await send(message)

    return send_with_headers


async def _problem(send: Send, status: int, code: str, detail: str) -> None:
    body = json.dumps(
        {"type": "about:blank", "status": status, "title": detail, "detail": detail,
         "code": code, "hint": ""}
    ).encode()  # fmt: skip
    headers = [(b"content-type", b"application/problem+json"), *PREFLIGHT[:1],
               (b"content-length", str(len(body)).encode()), (b"connection", b"close")]  # fmt: skip
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
