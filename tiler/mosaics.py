"""Whole collections as one layer: /tiles/{c}/{tms}/{z}/{x}/{y}.{ext} and what belongs to it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import JSONResponse

from repository.asgi import cache_control
from repository.errors import NotFound, Unavailable
from repository.links import links_for
from repository.rendering_style import RenderingStyle
from tiler import descriptions
from tiler.caching import etag_of, not_modified
from tiler.collection_members import Summary, Viewer, members_at, summary, viewer_of
from tiler.drawing import TILES, caller_of
from tiler.mosaic_drawing import FromOverview, Plan, Tile, plan_tile
from tiler.mosaic_requests import MosaicQuery, parse_query
from tiler.pixels.bounded_cache import BoundedCache
from tiler.pixels.legends import legend_data, legend_picture
from tiler.pixels.mosaics import Drawn, draw_values, encoded, strengthen
from tiler.pixels.rendering import MediaFormat, media_format
from tiler.pixels.tile_matrix_sets import TILE_SIZE, tile_matrix_set
from tiler.prepared_queries import reading
from tiler.products import Caller
from tiler.tms_convertor import register_convertor
from tiler.xyz import tile_number

register_convertor()
router = APIRouter(tags=["collections"])

KEPT_BYTES = 8 * 2**20
TRIES = 3
"""A stored picture is replaced between its row and its bytes once in a great while."""
VARY = {"Vary": "Authorization, Cookie"}

_bodies: BoundedCache[tuple[object, ...], bytes] = BoundedCache(KEPT_BYTES, len)
"""Encoded tiles of overviews, by picture and format: policy was asked before they are looked at."""


@router.get("/tiles/{c}/{tms:tms}/tilejson.json")
def tilejson(request: Request, c: str, tms: str, tile_format: str = "png") -> Response:
    """TileJSON of a collection's tiles, which keeps the parameters."""
    extension = media_format(tile_format).extension
    query = parse_query(request.query_params.multi_items())
    found = summary(caller_of(request), c, query)
    links = links_for(request.url.scheme, request.url.netloc)
    name = tile_matrix_set(tms).name
    template = links.collection_tiles(c, tms=name, extension=extension) + query.suffix
    legend = links.collection_resource(c, "legend.png") if found.style else ""
    legend = links.styled(legend, query.style or "default")
    document = descriptions.collection_tilejson(
        found.title, found.bounds_wgs84, found.max_zoom, template, legend,
        attribution=found.attribution,
    )  # fmt: skip
    return _described(request, found, JSONResponse(document), template)


@router.get("/tiles/{c}/legend.json")
def legend_json(request: Request, c: str) -> Response:
    """What the colours of a collection mean, where all its maps have the same."""
    found, style = _common_style(request, c)
    return _described(request, found, JSONResponse(legend_data(style, found.title)))


@router.get("/tiles/{c}/legend.png", response_class=Response)
def legend_png(request: Request, c: str) -> Response:
    """The same as a picture."""
    found, style = _common_style(request, c)
    picture = Response(legend_picture(style, found.title), media_type="image/png")
    return _described(request, found, picture)


@router.get("/tiles/{c}/{tms:tms}/{z}/{x}/{y}.{extension}", response_class=Response)
async def tile(
    request: Request, c: str, tms: str, z: str, x: str,
    y: Annotated[str, Path(description="Row, from the north; with `@2x` 512 by 512 pixels.")],
    extension: str,
) -> Response:  # fmt: skip
    """One tile of a whole collection; `datetime`, `q`, `bbox`, `properties.NAME` choose among its
    maps, `sortby` says which lies uppermost; `style` is one of the collection's."""
    row, doubled = y.removesuffix("@2x"), y.endswith("@2x")
    query = parse_query(request.query_params.multi_items())
    work = partial(draw, request.headers, caller_of(request), c, tms, (z, x, row), extension, query,
                   doubled=doubled)  # fmt: skip
    # Each for itself: what two callers may see differs.
    return await TILES.draw(object(), work, request.receive)


def draw(
    headers: Mapping[str, str], caller: Caller, c: str, tms: str, numbers: tuple[str, str, str],
    extension: str, query: MosaicQuery, *, doubled: bool,
) -> Response:  # fmt: skip
    """The answer to a tile's address, given in its parts. Raises RastrumError."""
    matrix_set, media = tile_matrix_set(tms), media_format(extension)
    z, x, y = (tile_number(text) for text in numbers)
    matrix_set.check(z, x, y)
    return mosaic_response(headers, caller, c, query, (z, x, y), media,
                           TILE_SIZE * 2 if doubled else TILE_SIZE)  # fmt: skip


def mosaic_response(
    headers: Mapping[str, str], caller: Caller, c: str, query: MosaicQuery, tile: Tile,
    media: MediaFormat, size: int = TILE_SIZE,
) -> Response:  # fmt: skip
    """The tile, or 304; where there is nothing a transparent picture, or 204 where a format has
    none. Raises NotFound where the collection is absent or not for this caller."""
    for last in range(TRIES):
        try:
            with reading():
                viewer = viewer_of(caller, c)
                if not media.is_picture:
                    return _values(viewer, query, tile, media, size)
                plan = plan_tile(viewer, query, tile, size)
            caching = _caching(viewer, plan, query, tile, size)
            if (unchanged := not_modified(headers, caching)) is not None:
                return unchanged
            body, drawn = _body(plan, media)
            return _answer(body, drawn, media, caching)
        except Unavailable:
            if last == TRIES - 1:
                raise
    raise AssertionError("unreachable")


def _body(plan: Plan, media: MediaFormat) -> tuple[bytes | None, Drawn]:
    key = (plan.piece.key, media.extension) if isinstance(plan, FromOverview) else None
    is_kept = isinstance(plan, FromOverview) and plan.is_whole
    if is_kept and key and (kept := _bodies.get(key)) is not None:
        return kept, Drawn()
    canvas, drawn = plan.draw()
    if drawn.has_small:
        strengthen(canvas)
    body = encoded(canvas, media)
    if is_kept and key and body is not None:
        _bodies.put(key, body)
    return body, drawn


def _values(
    viewer: Viewer, query: MosaicQuery, tile: Tile, media: MediaFormat, size: int
) -> Response:
    members = members_at(viewer, query, tile)
    body, drawn = draw_values(list(members.refs()), *tile, size, media)
    drawn.is_cut |= members.is_cut
    drawn.unfit = members.unfit
    return _answer(body, drawn, media, {"Cache-Control": cache_control(is_public=False)} | VARY)


def _answer(
    body: bytes | None, drawn: Drawn, media: MediaFormat, caching: dict[str, str]
) -> Response:
    headers = {**caching, "X-Assets": str(drawn.assets)}
    if drawn.is_cut or drawn.failed:
        headers["X-Assets-Cut"] = "1"
    if drawn.unfit:
        headers["X-Assets-Unfit"] = str(drawn.unfit)
    if drawn.failed:
        headers["Cache-Control"] = "no-store"
        headers.pop("ETag", None)
    if body is None:
        return Response(status_code=204, headers=headers)
    return Response(body, media_type=media.media_type, headers=headers)


def _caching(
    viewer: Viewer, plan: Plan, query: MosaicQuery, tile: Tile, size: int
) -> dict[str, str]:
    """As of products: public and for a minute for everybody, else for nobody."""
    headers = {"Cache-Control": cache_control(is_public=viewer.is_public)} | VARY
    if viewer.is_public:
        headers["ETag"] = etag_of(viewer.collection, query, tile, size, plan.stamp)
    return headers


def _common_style(request: Request, c: str) -> tuple[Summary, RenderingStyle]:
    style = request.query_params.get("style", "")
    found = summary(caller_of(request), c, parse_query([("style", style)]))
    if found.style is None:
        raise NotFound("The maps of this collection have different colours.", code="no_legend",
                       hint="Each map has a legend of its own.")  # fmt: skip
    return found, found.style


def _described(request: Request, found: Summary, answer: Response, *parts: object) -> Response:
    headers = {"Cache-Control": cache_control(is_public=found.is_public)} | VARY
    if found.is_public:
        headers["ETag"] = etag_of(found.stamp, *parts)
    answer.headers.update(headers)
    return not_modified(request.headers, headers) or answer
