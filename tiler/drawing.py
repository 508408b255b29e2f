"""One tile as an HTTP answer, for every address that serves tiles."""

from __future__ import annotations

from functools import partial

import numpy as np
from django.conf import settings
from fastapi import Request, Response
from starlette.types import Receive

from repository.errors import BadRequest
from tiler.caching import not_modified, tile_headers
from tiler.pixels.asset_ref import AssetRef
from tiler.pixels.pictures import draw
from tiler.pixels.rendering import MediaFormat
from tiler.pixels.tile_matrix_sets import TileMatrixSet
from tiler.products import Caller
from tiler.render_gate import RenderGate
from tiler.stored_tiles import stored_tile
from tiler.tile_cache import TileCache, TileKey

SMALL_PIXELS = 512 * 512
SMALL_BYTES = 4 * 2**20
"""Of values: what needs more is drawn one at a time, by the gate of large ones."""
MOST_BYTES = 32 * 2**20
"""Of values in one answer: reading, sampling and encoding hold several times as much."""

CACHE = TileCache(settings.TILE_CACHE_MB * 2**20)
TILES = RenderGate(settings.RENDERS_AT_ONCE, queued=128, seconds=10)
LARGE = RenderGate(1, queued=8, seconds=10)


def caller_of(request: Request) -> Caller:
    """The credentials that came with a request."""
    return Caller(request.headers.get("authorization"), request.cookies)


async def tile_response(
    request: Request, ref: AssetRef, tms: TileMatrixSet, z: int, x: int, y: int,
    media: MediaFormat, size: int = 256, stamp: str = "",
) -> Response:  # fmt: skip
    """The tile, or 304; outside the data a transparent picture, or 204 where a format has none."""
    tms.check(z, x, y)
    caching = dict(tile_headers(ref, stamp))
    if (unchanged := not_modified(request.headers, caching)) is not None:
        return unchanged
    body = await drawn_tile(ref, tms, z, x, y, media, size, request.receive)
    if not body:
        return Response(status_code=204, headers=caching)
    return Response(body, media_type=media.media_type, headers=caching)


async def drawn_tile(
    ref: AssetRef, tms: TileMatrixSet, z: int, x: int, y: int, media: MediaFormat, size: int,
    receive: Receive,
) -> bytes:  # fmt: skip
    """The file of one tile, stored, kept or drawn; empty where there is nothing to send.

    Raises Busy, ClientLeft, BadRequest `invalid_size`.
    """
    body = ready_tile(ref, tms, z, x, y, media, size)
    if body is not None:
        return body
    key = _key(ref, tms, z, x, y, media, size)
    gate = gate_for(ref, size, size, 0 if not media.is_picture else len(ref.style.bands))
    return await gate.draw(key, partial(_draw, key, ref, tms, media), receive)


def ready_tile(
    ref: AssetRef, tms: TileMatrixSet, z: int, x: int, y: int, media: MediaFormat, size: int
) -> bytes | None:
    """The same if it is stored on this machine or kept: without waiting for anything but a disk."""
    # What is stored across the network is asked for by the thread that draws.
    here = not ref.gdal_environment
    if here and (stored := stored_tile(ref, tms, z, x, y, media, size)) is not None:
        return stored
    return CACHE.get(_key(ref, tms, z, x, y, media, size))


def _key(
    ref: AssetRef, tms: TileMatrixSet, z: int, x: int, y: int, media: MediaFormat, size: int
) -> TileKey:
    return TileKey(ref.uuid, ref.version, ref.style.digest, tms.name, z, x, y,
                   media.extension, size)  # fmt: skip


def gate_for(ref: AssetRef, width: int, height: int, bands: int = 0) -> RenderGate:
    """Where a picture of that size may be drawn; `bands` 0: all. Raises BadRequest `invalid_size`
    for one that would take more memory than a request may."""
    wanted = bands or len(ref.bands)
    size = width * height * wanted * max(np.dtype(band.dtype).itemsize for band in ref.bands)
    if size > MOST_BYTES:
        raise BadRequest(
            f"{width} x {height} pixels of {wanted} bands are {size / 2**20:,.0f} MB of values; "
            f"{MOST_BYTES / 2**20:.0f} MB are the most for one answer.",
            code="invalid_size", hint="Ask for a smaller part.",
        )  # fmt: skip
    small = size <= SMALL_BYTES and width * height <= SMALL_PIXELS
    return TILES if small else LARGE


def _draw(key: TileKey, ref: AssetRef, tms: TileMatrixSet, media: MediaFormat) -> bytes:
    body = None
    if ref.gdal_environment:
        body = stored_tile(ref, tms, key.z, key.x, key.y, media, key.size)
    if body is None:
        body = tile_body(ref, tms, key.z, key.x, key.y, media, key.size) or b""
    CACHE.put(key, body)
    return body


def tile_body(
    ref: AssetRef, tms: TileMatrixSet, z: int, x: int, y: int, media: MediaFormat, size: int
) -> bytes | None:
    """The file of one tile; None outside the data in a format without transparency."""
    return draw(ref, tms.bounds(z, x, y), tms.crs, size, size, media)
