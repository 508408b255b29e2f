"""Tiles of whole collections by the shortest way, as `direct_tiles` does it for products."""

from __future__ import annotations

import logging
import re
from collections.abc import Hashable
from functools import partial
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from repository.errors import RastrumError
from tiler.drawing import TILES, caller_of
from tiler.errors import problem_response
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
        request = Request(scope)
        work = partial(_answer, request, match.groups(""))
        try:
            response = await TILES.draw(_key(request), work, receive)
        except ClientLeft:
            return
        except RastrumError as error:  # Busy
            response = problem_response(error)
        await response(scope, receive, send)


def _key(request: Request) -> Hashable:
    """What the public asks for at once is drawn once; what two others may see differs."""
    headers = request.headers
    if "authorization" in headers or "cookie" in headers:
        return object()
    return request.url.path, request.url.query, headers.get("if-none-match")


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
