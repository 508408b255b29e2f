"""What holds for every answer: a known Host, CORS, nosniff, and no body beyond the limit."""

from __future__ import annotations

import json

from django.conf import settings
from django.http.request import split_domain_port, validate_host
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from config.bodies import FORM_OVERHEAD_BYTES

EXPOSED = (
    "ETag, Content-Range, Accept-Ranges, Repr-Digest, Location, Link, Retry-After, "
    "Content-Disposition, X-Assets, X-Assets-Cut, "
    "Tus-Resumable, Tus-Version, Tus-Extension, Tus-Max-Size, "
    "Tus-Checksum-Algorithm, Upload-Offset, Upload-Length, Upload-Metadata, Upload-Expires, "
    "Upload-Concat, Upload-Job"
)
ALLOWED = (
    "Authorization, Content-Type, Range, If-Range, If-None-Match, If-Match, Accept, "
    "Tus-Resumable, Upload-Length, Upload-Offset, Upload-Metadata, Upload-Checksum, "
    "Upload-Concat, X-HTTP-Method-Override, X-Requested-With"
)


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
        headers = Headers(scope=scope)
        host, _ = split_domain_port(headers.get("host", ""))
        if not host or not validate_host(host, settings.ALLOWED_HOSTS):
            await _problem(send, 400, "unknown_host", "This server does not answer to that name.")
            return
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > settings.MAX_UPLOAD_BYTES + FORM_OVERHEAD_BYTES:
            await _problem(
                send, 413, "too_large",
                f"The request has {int(length):,} bytes; "
                f"this server takes {settings.MAX_UPLOAD_BYTES:,} at most.",
            )  # fmt: skip
            return
        preflight = scope["method"] == "OPTIONS" and "access-control-request-method" in headers
        if preflight:
            await send({"type": "http.response.start", "status": 204, "headers": _preflight()})
            await send({"type": "http.response.body"})
            return
        await self.app(scope, receive, _with_headers(send))


def _preflight() -> list[tuple[bytes, bytes]]:
    return [
        (b"access-control-allow-origin", b"*"),
        (b"access-control-allow-methods", b"GET, HEAD, POST, PATCH, DELETE, OPTIONS"),
        (b"access-control-allow-headers", ALLOWED.encode()),
        (b"access-control-max-age", b"86400"),
    ]


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message.setdefault("headers", []))
            headers["access-control-allow-origin"] = "*"
            headers["access-control-expose-headers"] = EXPOSED
            headers["x-content-type-options"] = "nosniff"
        await send(message)

    return send_with_headers


async def _problem(send: Send, status: int, code: str, detail: str) -> None:
    body = json.dumps(
        {"type": "about:blank", "status": status, "title": detail, "detail": detail,
         "code": code, "hint": ""}
    ).encode()  # fmt: skip
    headers = [(b"content-type", b"application/problem+json"), *_preflight()[:1],
               (b"content-length", str(len(body)).encode()), (b"connection", b"close")]  # fmt: skip
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
