"""Tiles by the shortest way: address, policy, bytes, answer.

A map asks for dozens of tiles at a time, and a framework's routing, validation and
dependencies cost more than drawing one. Plain addresses of tiles are answered here; every
other one goes on to the application. What the public was shown a moment ago is answered
without a thread: 304, stored and kept tiles cost some microseconds.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings
from starlette.concurrency import run_in_threadpool
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Receive, Scope, Send

from repository.asgi import matches
from repository.errors import RastrumError
from tiler.caching import Pairs, tile_headers
from tiler.drawing import drawn_tile, ready_tile
from tiler.errors import problem_response
from tiler.pixels.asset_ref import AssetRef
from tiler.pixels.rendering import MediaFormat, media_format
from tiler.pixels.tile_matrix_sets import TILE_SIZE, TileMatrixSet, tile_matrix_set
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

RawHeaders = list[tuple[bytes, bytes]]
Answer = tuple[int, RawHeaders, bytes]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What an address asks for."""

    product: Address
    stamp: str
    tile: tuple[TileMatrixSet, int, int, int, MediaFormat, int]
    """As `drawn_tile` takes it."""


class DirectTiles:
    """ASGI middleware that answers GET and HEAD of plain tile addresses."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = None
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD"):
            found = _matched(scope["path"], scope["query_string"].decode("latin-1"))
        if found is None:
            await self.app(scope, receive, send)
            return
        try:
            status, headers, body = await _answer(*found, scope["headers"], receive)
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

    def at_once(self, path: str, query: str, headers: RawHeaders) -> Answer | None:
        """The answer to a GET if nothing has to be asked or drawn for it; else None."""
        found = _matched(path, query)
        if found is None:
            next_one = getattr(self.app, "at_once", None)
            return next_one(path, query, headers) if next_one is not None else None
        authorization, cookies, known = _asked(headers)
        if not _is_public(authorization, cookies):
            return None
        try:
            wanted = _wanted(*found)
            ref = recall(wanted.product)
            return None if ref is None else _ready(ref, wanted, known)
        except Exception:  # the long way meets it again, and tells the caller and the log
            return None


def _matched(path: str, query: str) -> tuple[re.Match[str], re.Match[str]] | None:
    address, parameters = _TILE.fullmatch(path), _QUERY.fullmatch(query)
    return (address, parameters) if address is not None and parameters is not None else None


def _wanted(address: re.Match[str], query: re.Match[str]) -> _Wanted:
    """Raises NotFound, BadRequest."""
    c, p, tms, z, x, y, doubled, extension = address.groups()
    style, stamp = query.groups()
    matrix_set, media = tile_matrix_set(tms), media_format(extension)
    numbers = int(z), int(x), int(y)
    matrix_set.check(*numbers)
    size = TILE_SIZE * 2 if doubled else TILE_SIZE
    return _Wanted((c, p, style or "default"), stamp or "", (matrix_set, *numbers, media, size))


async def _answer(
    address: re.Match[str], query: re.Match[str], headers: RawHeaders, receive: Receive
) -> Answer:
    """Status, headers and body. Raises RastrumError, ClientLeft."""
    wanted = _wanted(address, query)
    authorization, cookies, known = _asked(headers)
    if _is_public(authorization, cookies):
        ref = await _public(wanted.product)
    else:
        caller = Caller(authorization, cookie_parser(cookies))
        ref = await run_in_threadpool(find_product, caller, *wanted.product)
    ready = _ready(ref, wanted, known)
    if ready is not None:
        return ready
    return _found(ref, wanted, await drawn_tile(ref, *wanted.tile, receive))


async def _public(address: Address) -> AssetRef:
    ref = recall(address)
    return await run_in_threadpool(find_public, address) if ref is None else ref


def _ready(ref: AssetRef, wanted: _Wanted, known: str) -> Answer | None:
    """304, or a tile that lies ready."""
    caching = tile_headers(ref, wanted.stamp)
    if known and ref.is_public and matches({"if-none-match": known}, caching[1][1]):
        return 304, _head(caching, ""), b""
    body = ready_tile(ref, *wanted.tile)
    return None if body is None else _found(ref, wanted, body)


def _found(ref: AssetRef, wanted: _Wanted, body: bytes) -> Answer:
    caching = tile_headers(ref, wanted.stamp)
    if not body:
        return 204, _head(caching, ""), b""
    length = (b"content-length", b"%d" % len(body))
    return 200, [length, *_head(caching, wanted.tile[4].media_type)], body


def _is_public(authorization: str | None, cookies: str) -> bool:
    """Whether nobody says who asks."""
    return not authorization and settings.SESSION_COOKIE_NAME not in cookies


def _asked(headers: RawHeaders) -> tuple[str | None, str, str]:
    """The headers Authorization, Cookie and If-None-Match."""
    authorization, cookies, known = None, "", ""
    for name, value in headers:
        if name == b"authorization":
            authorization = value.decode("latin-1")
        elif name == b"cookie":
            cookies = value.decode("latin-1")
        elif name == b"if-none-match":
            known = value.decode("latin-1")
    return authorization, cookies, known


@lru_cache(maxsize=4096)
def _head(caching: Pairs, media_type: str) -> RawHeaders:
    """As they are sent; whoever adds to them makes a list of its own."""
    pairs = (*((("Content-Type", media_type),) if media_type else ()), *caching)
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in pairs]
