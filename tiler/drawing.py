"""One tile as an HTTP answer, for every address that serves tiles."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import Request, Response

from repository.errors import NotFound
from tiler.caching import not_modified, product_headers
from tiler.pixels.asset_ref import AssetRef
from tiler.pixels.pictures import draw
from tiler.pixels.rendering import MediaFormat
from tiler.pixels.tile_matrix_sets import TileMatrixSet
from tiler.products import Caller


def caller_of(request: Request) -> Caller:
    """The credentials that came with a request."""
    return Caller(request.headers.get("authorization"), request.cookies)


def check_style(name: str) -> None:
    """Raise NotFound `unknown_style` for any but the product's own."""
    if name != "default":
        raise NotFound(f"There is no style {name[:50]!r}.", code="unknown_style",
                       hint="Leave it out, or write default.")  # fmt: skip


def tile_response(
    headers: Mapping[str, str], ref: AssetRef, tms: TileMatrixSet, z: int, x: int, y: int,
    media: MediaFormat, size: int = 256,
) -> Response:  # fmt: skip
    """The tile, or 304; outside the data a transparent picture, or 204 where a format has none."""
    tms.check(z, x, y)
    caching = product_headers(ref)
    if (unchanged := not_modified(headers, caching)) is not None:
        return unchanged
    body = tile_body(ref, tms, z, x, y, media, size)
    if body is None:
        return Response(status_code=204, headers=caching)
    return Response(body, media_type=media.media_type, headers=caching)


def tile_body(
    ref: AssetRef, tms: TileMatrixSet, z: int, x: int, y: int, media: MediaFormat, size: int
) -> bytes | None:
    """The file of one tile; None outside the data in a format without transparency."""
    return draw(ref, tms.bounds(z, x, y), tms.crs, size, size, media)
