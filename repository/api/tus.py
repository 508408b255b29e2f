"""/api/uploads/: resumable uploads by tus 1.0.0 (https://tus.io/protocols/resumable-upload).

Asynchronous, so that a slow upload costs no thread. Each request locks its upload, HEAD too:
two that overlap would lose bytes. An offset is answered after the bytes are on the disk and
the row says so; a connection that breaks keeps what came.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from io import BytesIO
from typing import Any, TypeVar

from django.core.handlers.asgi import ASGIRequest
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.endpoints import HTTPEndpoint
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from repository import resumable, resumable_files
from repository.api.principals import SAFE_METHODS, csrf_token_holds
from repository.api.tus_body import Body, WatchedReceive, drain, receive_into
from repository.api.tus_headers import (
    BODY_TYPE,
    VERSION,
    Checksum,
    capabilities,
    checksum_of,
    creation_of,
    full_headers,
    require_body_type,
    state_headers,
    whole_number,
)
from repository.asgi import ERROR_HANDLERS, problem
from repository.authentication import request_principal
from repository.connections import borrowed_connection
from repository.errors import (
    Conflict,
    Forbidden,
    RastrumError,
    TooLarge,
    WrongChecksum,
    WrongPrecondition,
)
from repository.models import ResumableUpload
from repository.policy import require_writer
from repository.principal import Principal
from repository.resumable_files import Appender, LockedFile

Result = TypeVar("Result")


class Creations(HTTPEndpoint):
    """`/api/uploads/`."""

    async def options(self, request: Request) -> Response:
        """What this server can do."""
        return Response(status_code=204, headers=capabilities())

    async def post(self, request: Request) -> Response:
        """A new upload, with its first bytes where the body has any (creation-with-upload)."""
        asked = creation_of(request.headers)
        checksum = checksum_of(request.headers)
        upload = await _with_database(
            request, lambda principal: resumable.begin(principal, **vars(asked))
        )
        headers = {"Location": f"/api/uploads/{upload.pk}"}
        if request.headers.get("content-type", "") == BODY_TYPE:
            try:
                with LockedFile(upload.pk) as file:
                    upload = await _append(request, upload, file, checksum)
            except RastrumError:
                # The client does not know the address yet: nobody could go on with it.
                await _with_database(request, lambda _: resumable.terminate(upload))
                raise
        return Response(status_code=201, headers=headers | state_headers(upload))


class Uploads(HTTPEndpoint):
    """`/api/uploads/{id}`."""

    async def options(self, request: Request) -> Response:
        """What this server can do."""
        return Response(status_code=204, headers=capabilities())

    async def head(self, request: Request) -> Response:
        """How far it is. A whole upload whose last answer was lost is finished now."""
        with await _locked(request):
            upload = await _with_database(request, lambda p: _finished(p, _find(request, p)))
            return Response(headers=full_headers(upload))

    async def patch(self, request: Request) -> Response:
        """The next bytes."""
        require_body_type(request.headers)
        offset = whole_number(request.headers, "upload-offset")
        checksum = checksum_of(request.headers)
        with await _locked(request) as file:
            upload = await _with_database(request, lambda p: _find(request, p))
            if offset != upload.received:
                raise Conflict(f"The next byte is number {upload.received}, not {offset}.",
                               code="wrong_offset", hint="Ask with HEAD.")  # fmt: skip
            upload = await _append(request, upload, file, checksum)
        return Response(status_code=204, headers=state_headers(upload))

    async def delete(self, request: Request) -> Response:
        """Forget it (termination)."""
        with await _locked(request) as file:
            await _with_database(request, lambda p: resumable.terminate(_find(request, p)))
            # Giving back the room of a large file takes a while.
            await run_in_threadpool(file.close)
        return Response(status_code=204)


async def _append(
    request: Request, upload: ResumableUpload, file: LockedFile, checksum: Checksum | None
) -> ResumableUpload:
    """The upload after the request's body; with its job where that was the last byte."""
    if not upload.is_whole:
        await _receive(request, upload, file, checksum)
    elif await Body(request.receive).block():
        raise TooLarge("This upload is whole already.")
    return await _with_database(
        request, lambda principal: _finished(principal, resumable.find(principal, str(upload.pk)))
    )


async def _receive(
    request: Request, upload: ResumableUpload, file: LockedFile, checksum: Checksum | None
) -> None:
    """Bytes to the disk, then the offset to the row, however the body ends."""
    room = upload.length - upload.received
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > room:
        raise TooLarge(f"{int(announced):,} bytes are announced, but only {room:,} are missing.")
    resumable_files.require_room(int(announced) if announced.isdigit() else 0)
    appender = await run_in_threadpool(Appender, file, upload.received)
    body = Body(request.receive)
    try:
        await receive_into(appender, body, room=room, checksum=checksum, record=_record)
    except WrongChecksum:
        appender.cut(upload.received)
        raise
    except (RastrumError, ClientDisconnect):
        # The server SHOULD keep what came before a break (tus 1.0.0, PATCH). Unverified bytes
        # are no use to anybody: they are cut off by the next request.
        if checksum is None and appender.offset > upload.received:
            with contextlib.suppress(RastrumError):
                await run_in_threadpool(_record, appender)
        raise
    await run_in_threadpool(_record, appender)
    appender.keep_digest()


def _record(appender: Appender) -> None:
    """Acknowledge what is written. Raises OutOfSpace where the disk is too full to go on."""
    offset = appender.offset
    appender.sync()
    with borrowed_connection():
        resumable.acknowledge(appender.upload_id, offset)
    resumable_files.require_room(0)


def _finished(principal: Principal, upload: ResumableUpload) -> ResumableUpload:
    """The upload, its job made where it is whole and none was made yet."""
    if upload.is_whole and upload.job_id is None:
        resumable.finish(principal, upload)
    return upload


def _find(request: Request, principal: Principal) -> ResumableUpload:
    return resumable.find(principal, request.path_params["upload_id"])


async def _locked(request: Request) -> LockedFile:
    """The lock on the request's upload, once it is known to be the caller's."""
    upload = await _with_database(request, lambda p: _find(request, p))
    return await run_in_threadpool(LockedFile, upload.pk)


async def _with_database(request: Request, work: Callable[[Principal], Result]) -> Result:
    """The result of `work` for the request's caller, on a thread with a connection."""
    return await run_in_threadpool(_borrowing, request, work)


def _borrowing(request: Request, work: Callable[[Principal], Result]) -> Result:
    with borrowed_connection():
        return work(_caller(request))


def _caller(request: Request) -> Principal:
    principal = request_principal(request.headers.get("authorization"), request.cookies)
    if request.method in SAFE_METHODS:
        if principal.is_anonymous:
            require_writer(principal)
        return principal
    if principal.by_session and not csrf_token_holds(ASGIRequest(request.scope, BytesIO())):
        raise Forbidden("The page is out of date.", code="csrf_failed", hint="Reload it.")
    require_writer(principal)
    return principal


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


async def _left(request: Request, error: Exception) -> Response:
    """Starlette exception handler for a client that is gone: nobody reads this answer."""
    return Response(status_code=400)


HANDLERS: dict[Any, Any] = {**ERROR_HANDLERS, ClientDisconnect: _left}

app = Starlette(
    routes=[
        Route("/api/uploads", Creations),
        Route("/api/uploads/", Creations),
        Route("/api/uploads/{upload_id}", Uploads),
    ],
    middleware=[Middleware(Protocol)],
    exception_handlers=HANDLERS,
)
