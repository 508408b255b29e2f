"""What holds for every request of tus 1.0.0: the version, and bodies that nobody reads."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from repository.api.tus_body import WatchedReceive, drain
from repository.api.tus_headers import VERSION
from repository.asgi import problem
from repository.errors import RastrumError, WrongPrecondition


class Protocol:
    """ASGI middleware: the version on both sides, the method's other name, unread bodies."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if scope["method"] == "POST" and "x-http-method-override" in headers:
            scope = {**scope, "method": headers["x-http-method-override"].upper()}
        receive = WatchedReceive(receive)
        send = _with_version(send, headers, receive)
        if scope["method"] != "OPTIONS" and headers.get("tus-resumable") != VERSION:
            answer = await problem(Request(scope), _wrong_version())
            answer.headers["Tus-Version"] = VERSION
            await answer(scope, receive, send)
            return
        await self.app(scope, receive, send)


def _wrong_version() -> RastrumError:
    return WrongPrecondition(f"This address speaks tus {VERSION}.",
                             hint=f"Send Tus-Resumable: {VERSION}.")  # fmt: skip


def _with_version(send: Send, asked: Headers, receive: WatchedReceive) -> Send:
    async def send_with_version(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message.setdefault("headers", []))
            headers["Tus-Resumable"] = VERSION
            headers["Cache-Control"] = "no-store"
            if message["status"] >= 400 and _has_body(asked):
                await drain(receive)
                headers["Connection"] = "close"
        await send(message)

    return send_with_version


def _has_body(headers: Headers) -> bool:
    """Whether a body may still be on its way; one that waits for our leave never is."""
    if "expect" in headers:
        return False
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
