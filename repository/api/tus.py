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
from starlette.endpoints import HTTPEndpoint
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from repository import resumable, resumable_ending, resumable_files
from repository.api.principals import SAFE_METHODS, csrf_token_holds
from repository.api.tus_body import Body, receive_into
from repository.api.tus_headers import (
    BODY_TYPE,
    Checksum,
    Creation,
    capabilities,
    checksum_of,
    creation_of,
    full_headers,
    require_body_type,
    state_headers,
    whole_number,
)
from repository.api.tus_protocol import Protocol
from repository.asgi import ERROR_HANDLERS
from repository.authentication import request_principal
from repository.connections import borrowed_connection
from repository.errors import (
    Conflict,
    Forbidden,
    RastrumError,
    TooLarge,
    WrongChecksum,
)
from repository.models import ResumableUpload
from repository.policy import require_writer
from repository.principal import Principal
from repository.resumable_files import Appender, LockedFile, Mark
from repository.resumable_joining import begin_joined

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
        if asked.pieces:
            return await _join(request, asked)
        upload = await _with_database(
            request,
            lambda principal: resumable.begin(
                principal, length=asked.length, is_partial=asked.is_partial, **asked.about()
            ),
        )
        if request.headers.get("content-type", "") == BODY_TYPE:
            try:
                with LockedFile(upload.pk) as file:
                    upload = await _append(request, upload, file, checksum)
            except RastrumError:
                # The client does not know the address yet: nobody could go on with it.
                await _with_database(request, lambda _: resumable.terminate(upload))
                raise
        return _created(upload)


async def _join(request: Request, asked: Creation) -> Response:
    """A new upload of pieces that are here already (concatenation). What is not joined within
    some seconds is joined by the requests and sweeps that follow."""

    def work(principal: Principal) -> ResumableUpload:
        upload = begin_joined(principal, asked.pieces, **asked.about())
        with LockedFile(upload.pk) as file:
            return _finished(principal, resumable.find(principal, str(upload.pk)), file)

    return _created(await _with_database(request, work))


def _created(upload: ResumableUpload) -> Response:
    headers = {"Location": f"/api/uploads/{upload.pk}"} | state_headers(upload)
    return Response(status_code=201, headers=headers)


class Uploads(HTTPEndpoint):
    """`/api/uploads/{id}`."""

    async def options(self, request: Request) -> Response:
        """What this server can do."""
        return Response(status_code=204, headers=capabilities())

    async def head(self, request: Request) -> Response:
        """How far it is. A whole upload whose last answer was lost is finished now."""
        file, upload = await _locked(request)
        with file:
            if upload.is_whole or upload.made_of:
                upload = await _with_database(request, lambda p: _finished(p, upload, file))
            return Response(headers=full_headers(upload))

    async def patch(self, request: Request) -> Response:
        """The next bytes."""
        require_body_type(request.headers)
        offset = whole_number(request.headers, "upload-offset")
        checksum = checksum_of(request.headers)
        file, upload = await _locked(request)
        with file:
            if upload.made_of:
                raise Forbidden("This upload is joined from pieces and takes no bytes.",
                                code="final_upload")  # fmt: skip
            if offset != upload.received:
                raise Conflict(f"The next byte is number {upload.received}, not {offset}.",
                               code="wrong_offset", hint="Ask with HEAD.")  # fmt: skip
            upload = await _append(request, upload, file, checksum)
        return Response(status_code=204, headers=state_headers(upload))

    async def delete(self, request: Request) -> Response:
        """Forget it (termination)."""
        file, upload = await _locked(request)
        with file:
            await _with_database(request, lambda _: resumable.terminate(upload))
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
    if not upload.is_whole:
        return upload
    return await _with_database(request, lambda principal: _finished(principal, upload, file))


async def _receive(
    request: Request, upload: ResumableUpload, file: LockedFile, checksum: Checksum | None
) -> None:
    """Bytes to the disk, then the offset to the row, however the body ends."""
    room = upload.length - upload.received
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > room:
        raise TooLarge(f"{int(announced):,} bytes are announced, but only {room:,} are missing.")
    coming = int(announced) if announced.isdigit() else 0
    resumable_files.require_room(min(coming, 2 * upload.part_bytes) if upload.key else coming)
    appender = await run_in_threadpool(Appender, file, upload)
    before = upload.received

    def record(mark: Mark) -> None:
        with borrowed_connection():
            resumable.record(appender, mark, upload)

    try:
        await receive_into(
            appender, Body(request.receive), room=room, checksum=checksum, record=record
        )
    except WrongChecksum:
        appender.cut(before)
        raise
    except (RastrumError, ClientDisconnect):
        # The server SHOULD keep what came before a break (tus 1.0.0, PATCH). Unverified bytes
        # are no use to anybody: they are cut off by the next request.
        if checksum is None and appender.offset > before:
            with contextlib.suppress(RastrumError):
                await run_in_threadpool(record, appender.mark())
        raise
    await run_in_threadpool(record, appender.mark())
    appender.keep_digest()


def _finished(principal: Principal, upload: ResumableUpload, file: LockedFile) -> ResumableUpload:
    """The upload, with its job where it is whole and names a collection."""
    resumable_ending.finish(principal, upload, file)
    return upload


def _find(request: Request, principal: Principal) -> ResumableUpload:
    return resumable.find(principal, request.path_params["upload_id"])


async def _locked(request: Request) -> tuple[LockedFile, ResumableUpload]:
    """The lock on the request's upload, once it is known to be the caller's; and its row as it is
    under the lock."""

    def work(principal: Principal) -> tuple[LockedFile, ResumableUpload]:
        file = LockedFile(_find(request, principal).pk)
        try:
            return file, _find(request, principal)
        except BaseException:
            file.close()
            raise

    return await _with_database(request, work)


async def _with_database(request: Request, work: Callable[[Principal], Result]) -> Result:
    """The result of `work` for the request's caller, on a thread with a connection."""
    return await run_in_threadpool(_borrowing, request, work)


def _borrowing(request: Request, work: Callable[[Principal], Result]) -> Result:
    with borrowed_connection():
        return work(_caller(request))


def _caller(request: Request) -> Principal:
    """Who asks; looked up once a request, for a part is as many requests as a file has parts."""
    if not hasattr(request.state, "principal"):
        request.state.principal = _checked_caller(request)
    principal: Principal = request.state.principal
    return principal


def _checked_caller(request: Request) -> Principal:
    principal = request_principal(request.headers.get("authorization"), request.cookies)
    if request.method in SAFE_METHODS:
        if principal.is_anonymous:
            require_writer(principal)
        return principal
    if principal.by_session and not csrf_token_holds(ASGIRequest(request.scope, BytesIO())):
        raise Forbidden("The page is out of date.", code="csrf_failed", hint="Reload it.")
    require_writer(principal)
    return principal


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
