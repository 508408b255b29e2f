"""Tiles of whole collections by the shortest way, as `direct_tiles` does it for products.

What the public was shown a moment ago is answered without a thread and without the database.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Hashable
from functools import partial
from urllib.parse import parse_qsl

from django.conf import settings
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from repository.errors import RastrumError
from tiler import mosaic_memory
from tiler.drawing import TILES, caller_of
from tiler.errors import problem_response
from tiler.mosaic_memory import Answer, Moment, RawHeaders
from tiler.mosaic_requests import parse_query
from tiler.mosaics import draw
from tiler.render_gate import ClientLeft

log = logging.getLogger("rastrum.tiles")

_TILE = re.compile(
    r"/tiles/([a-z0-9][^/]*)/([A-Z][A-Za-z0-9_]*)/(\d{1,2})/(\d{1,9})/(\d{1,9})(@2x)?\.([a-z]{3,4})"
)


class DirectMosaics:
    """ASGI middleware that answers GET of plain addresses of mosaics' tiles."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match = None
        if scope["type"] == "http" and scope["method"] == "GET":
            match = _TILE.fullmatch(scope["path"])
        if match is None:
            await self.app(scope, receive, send)
            return
        path, is_public, known = _asked(scope["path"], scope["query_string"], scope["headers"])
        if path and (kept := mosaic_memory.recall(path, known)) is not None:
            await _send(kept, send)
            return
        request, begun = Request(scope), mosaic_memory.now()
        work = partial(_kept_answer, request, match.groups(""), path, begun)
        key = _key(request, begun) if is_public else object()
        try:
            response = await TILES.draw(key, work, receive)
        except ClientLeft:
            return
        except RastrumError as error:  # Busy
            response = problem_response(error)
        await response(scope, receive, send)

    def at_once(self, path: str, query: str, headers: RawHeaders) -> Answer | None:
        """The answer to a GET if it was given a moment ago; else None."""
        address, _, known = _asked(path, query.encode("latin-1"), headers)
        return mosaic_memory.recall(address, known) if address else None


def _asked(path: str, query: bytes, headers: RawHeaders) -> tuple[str, bool, str]:
    """The path if its answer may be kept, whether nobody says who asks, and If-None-Match."""
    session, is_public, known = settings.SESSION_COOKIE_NAME.encode(), True, ""
    for name, value in headers:
        if name == b"if-none-match":
            known = value.decode("latin-1")
        elif name == b"authorization":
            is_public &= not value
        elif name == b"cookie":
            is_public &= session not in value
    return (path if is_public and not query else ""), is_public, known


def _key(request: Request, begun: Moment) -> Hashable:
    """What the public asks for at once is drawn once; not for those who ask after a change, whom
    policy may tell something else than those before."""
    if begun.generation is None:
        return object()
    known = request.headers.get("if-none-match")
    return request.url.path, request.url.query, known, begun.generation


async def _send(answer: Answer, send: Send) -> None:
    status, headers, body = answer
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _kept_answer(request: Request, parts: tuple[str, ...], path: str, begun: Moment) -> Response:
    """The answer, kept where that may be: `path` is empty where not."""
    response = _answer(request, parts)
    if path:
        mosaic_memory.keep(path, begun, response)
    return response


def _answer(request: Request, parts: tuple[str, ...]) -> Response:
    c, tms, z, x, y, doubled, extension = parts
    try:
        pairs = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
        return draw(
            request.headers, caller_of(request), c, tms, (z, x, y), extension, parse_query(pairs),
            doubled=bool(doubled),
        )  # fmt: skip
    except RastrumError as error:
        return problem_response(error)
    except Exception:  # the boundary of the request: the caller is told, the log has the trace
        log.exception("GET %s", request.url.path)
        failure = RastrumError("The server failed. It has been noted.", code="internal_error")
        return problem_response(failure)
