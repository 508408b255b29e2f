"""Tiles by the shortest way: address, policy, bytes, answer.

A map asks for dozens of tiles at a time, and a framework's routing, validation and
dependencies cost more than drawing one. Plain addresses of tiles are answered here; every
other one goes on to the application. What the public was shown a moment ago is answered
without a thread: 304, stored and kept tiles cost some microseconds.
"""

from __future__ import annotations

import logging
import re
from functools import lru_cache

from django.conf import settings
from starlette.concurrency import run_in_threadpool
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Receive, Scope, Send

from repository.asgi import matches
from repository.errors import RastrumError
from tiler.caching import Pairs, tile_headers
from tiler.drawing import drawn_tile
from tiler.errors import problem_response
from tiler.pixels.asset_ref import AssetRef
from tiler.pixels.rendering import media_format
from tiler.pixels.tile_matrix_sets import TILE_SIZE, tile_matrix_set
from tiler.policy_memory import Address, find_public, recall
from tiler.products import Caller, find_product
from tiler.render_gate import ClientLeft

log = logging.getLogger("rastrum.tiles")

_TILE = re.compile(
    r"/tiles/([a-z0-9][^/]*)/([a-z0-9][^/]*)/([A-Za-z]+)/(\d{1,2})/(\d{1,9})/(\d{1,9})(@2x)?"
    r"\.([a-z]{3,4})",
    re.ASCII,
)
_QUERY = re.compile(r"(?:style=([\w.-]{1,100}))?(?:&?v=([0-9a-f]{1,64}))?", re.ASCII)

Answer = tuple[int, list[tuple[bytes, bytes]], bytes]


class DirectTiles:
    """ASGI middleware that answers GET and HEAD of plain tile addresses."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self.app(scope, receive, send)
            return
        match = _TILE.fullmatch(scope["path"])
        query = match and _QUERY.fullmatch(scope["query_string"].decode("latin-1"))
        if match is None or query is None:
            await self.app(scope, receive, send)
            return
        try:
            status, headers, body = await _answer(match, query, scope, receive)
        except ClientLeft:
            return
        except RastrumError as error:
            await problem_response(error)(scope, receive, send)
            return
        except Exception:  # the boundary of the request: the caller is told, the log has the trace
            log.exception("GET %s", scope["path"])
            failure = RastrumError("The server failed. It has been noted.", code="internal_error")
            await problem_response(failure)(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": status, "headers": headers})
        body = b"" if scope["method"] == "HEAD" else body
        await send({"type": "http.response.body", "body": body})


async def _answer(
    address: re.Match[str], query: re.Match[str], scope: Scope, receive: Receive
) -> Answer:
    """Status, headers and body. Raises RastrumError, ClientLeft."""
    c, p, tms, *numbers, doubled, extension = address.groups()
    style, stamp = query.group(1) or "default", query.group(2) or ""
    matrix_set, media = tile_matrix_set(tms), media_format(extension)
    z, x, y = map(int, numbers)
    matrix_set.check(z, x, y)
    authorization, cookies, known = _asked(scope)
    if not authorization and settings.SESSION_COOKIE_NAME not in cookies:
        ref = await _public((c, p, style))
    else:
        caller = Caller(authorization, cookie_parser(cookies))
        ref = await run_in_threadpool(find_product, caller, c, p, style)
    caching = tile_headers(ref, stamp)
    if known and ref.is_public and matches({"if-none-match": known}, caching[1][1]):
        return 304, _head(caching, ""), b""
    size = TILE_SIZE * 2 if doubled else TILE_SIZE
    body = await drawn_tile(ref, matrix_set, z, x, y, media, size, receive)
    if not body:
        return 204, _head(caching, ""), b""
    length = (b"content-length", b"%d" % len(body))
    return 200, [length, *_head(caching, media.media_type)], body


async def _public(address: Address) -> AssetRef:
    ref = recall(address)
    return await run_in_threadpool(find_public, address) if ref is None else ref


def _asked(scope: Scope) -> tuple[str | None, str, str]:
    """The headers Authorization, Cookie and If-None-Match."""
    authorization, cookies, known = None, "", ""
    for name, value in scope["headers"]:
        if name == b"authorization":
            authorization = value.decode("latin-1")
        elif name == b"cookie":
            cookies = value.decode("latin-1")
        elif name == b"if-none-match":
            known = value.decode("latin-1")
    return authorization, cookies, known


@lru_cache(maxsize=4096)
def _head(caching: Pairs, media_type: str) -> list[tuple[bytes, bytes]]:
    """As they are sent; whoever adds to them makes a list of its own."""
    pairs = (*((("Content-Type", media_type),) if media_type else ()), *caching)
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in pairs]
