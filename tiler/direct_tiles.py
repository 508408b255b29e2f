"""Tiles by the shortest way: address, policy, pixels, answer.

A map asks for dozens of tiles at a time, and a framework's routing, validation and
dependencies cost more than drawing one. Plain addresses of tiles are answered here; every
other one, and whatever is wrong with a request, goes on to the application.
"""

from __future__ import annotations

import logging
import re

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from repository.errors import RastrumError
from tiler.drawing import caller_of
from tiler.errors import problem_response
from tiler.xyz import draw

log = logging.getLogger("rastrum.tiles")

_TILE = re.compile(
    r"/tiles/([a-z0-9][^/]*)/([a-z0-9][^/]*)/([A-Za-z]+)/(\d{1,2})/(\d{1,9})/(\d{1,9})(@2x)?"
    r"\.([a-z]{3,4})"
)


class DirectTiles:
    """ASGI middleware that answers GET of plain tile addresses."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match = None
        if scope["type"] == "http" and scope["method"] == "GET" and not scope["query_string"]:
            match = _TILE.fullmatch(scope["path"])
        if match is None:
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        response = await run_in_threadpool(_answer, request, match.groups())
        await response(scope, receive, send)


def _answer(request: Request, parts: tuple[str | None, ...]) -> Response:
    c, p, tms, z, x, y, doubled, extension = (part or "" for part in parts)
    try:
        return draw(
            request.headers, caller_of(request), c, p, tms, z, x, y, extension,
            doubled=bool(doubled),
        )  # fmt: skip
    except RastrumError as error:
        return problem_response(error)
    except Exception:  # the boundary of the request: the caller is told, the log has the trace
        log.exception("GET %s", request.url.path)
        failure = RastrumError("The server failed. It has been noted.", code="internal_error")
        return problem_response(failure)
