"""/files/{c}/{p}/{filename}: whole files and byte ranges, resumable, straight from the store."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from email.utils import format_datetime
from urllib.parse import quote

import anyio
from starlette.applications import Starlette
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from repository.asgi import ERROR_HANDLERS, cache_control, matches
from repository.authentication import request_principal
from repository.catalogue import find_asset
from repository.connections import borrowed_connection
from repository.errors import Unavailable
from repository.models.collection import Visibility
from repository.storage import object_store


@dataclass(frozen=True)
class Download:
    """An asset that the caller may have."""

    key: str
    file_name: str
    media_type: str
    size: int
    sha256: str
    last_modified: str
    is_public: bool

    @property
    def etag(self) -> str:
        """Strong: the content's own hash."""
        return f'"{self.sha256}"'


@dataclass(frozen=True)
class ByteRange:
    """First byte and number of bytes."""

    start: int
    length: int


async def download(request: Request) -> Response:
    """GET and HEAD with Range, If-Range, If-None-Match (RFC 9110) and Repr-Digest (RFC 9530)."""
    found = await run_in_threadpool(_find, request)
    headers = _headers(found)
    if matches(request.headers, found.etag):
        return Response(status_code=304, headers=_not_modified(headers))
    try:
        part = _wanted_range(request, found)
    except ValueError:
        refused = {"Content-Range": f"bytes */{found.size}", "Cache-Control": "no-store"}
        return Response(status_code=416, headers=refused)
    span = part or ByteRange(0, found.size)
    headers["Content-Length"] = str(span.length)
    status = 200
    if part is not None:
        status = 206
        headers["Content-Range"] = f"bytes {part.start}-{part.start + part.length - 1}/{found.size}"
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=found.media_type)
    body = await run_in_threadpool(_open, found, span)
    return StreamingResponse(body, status, headers=headers, media_type=found.media_type)


def _find(request: Request) -> Download:
    path = request.path_params
    with borrowed_connection():
        principal = request_principal(request.headers.get("authorization"), request.cookies)
        asset = find_asset(principal, path["c"], path["p"], path["name"])
        product = asset.product
        public = Visibility.PUBLIC
        return Download(
            key=asset.key,
            file_name=asset.file_name,
            media_type=asset.media_type,
            size=asset.size,
            sha256=asset.sha256,
            last_modified=format_datetime(asset.created, usegmt=True),
            is_public=product.visibility == public and product.collection.visibility == public,
        )


def _headers(found: Download) -> dict[str, str]:
    digest = base64.b64encode(bytes.fromhex(found.sha256)).decode()
    encoded = quote(found.file_name, safe="")
    plain = re.sub(r"[^A-Za-z0-9 ._()-]", "_", found.file_name)
    return {
        "ETag": found.etag,
        "Accept-Ranges": "bytes",
        "Last-Modified": found.last_modified,
        "Repr-Digest": f"sha-256=:{digest}:",
        # RFC 6266: a plain name for old clients, the real one in UTF-8.
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}",
        "Cache-Control": cache_control(is_public=found.is_public),
        "Vary": "Authorization, Cookie",
        "Content-Security-Policy": "sandbox",
    }


def _not_modified(headers: dict[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in ("ETag", "Cache-Control", "Vary", "Last-Modified")}


def _wanted_range(request: Request, found: Download) -> ByteRange | None:
    """The one range asked for; None for the whole file. ValueError where none of it exists.

    Several ranges, or a Range that is not understood, may be ignored, and that of any
    method but GET must be (RFC 9110, 14.2).
    """
    if request.method != "GET":
        return None
    wanted = re.fullmatch(r"\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*", request.headers.get("range", ""))
    if wanted is None or not any(wanted.groups()):
        return None
    condition = request.headers.get("if-range")
    if condition and condition not in (found.etag, found.last_modified):
        return None
    first, last = wanted.groups()
    if not first:
        length = min(int(last), found.size)
        start = found.size - length
    else:
        start = int(first)
        length = min(int(last) if last else found.size - 1, found.size - 1) - start + 1
        if last and int(last) < start:
            return None
    if length <= 0 or start >= found.size:
        raise ValueError
    return ByteRange(start, length)


def _open(found: Download, span: ByteRange) -> AsyncIterator[bytes]:
    """The bytes; the first chunk is read at once, so that a store that is away is a 503."""
    chunks: Iterator[bytes] = object_store().read_range(found.key, span.start, span.length)
    try:
        first = next(chunks, b"")
    except Exception as error:  # whatever the store's client library raises
        raise Unavailable("The store does not answer.") from error
    return _chained(first, chunks)


async def _chained(first: bytes, rest: Iterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    try:
        async for chunk in iterate_in_threadpool(rest):
            yield chunk
    finally:
        with anyio.CancelScope(shield=True):
            close = getattr(rest, "close", None)
            if close:
                await run_in_threadpool(close)


app = Starlette(
    routes=[Route("/files/{c}/{p}/{name}", download, methods=["GET", "HEAD"])],
    exception_handlers=dict(ERROR_HANDLERS),
)
