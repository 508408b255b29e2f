"""A whole collection as one picture, put together from its tiles: /tiles/{c}/preview.{ext}."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from repository.asgi import cache_control
from repository.errors import BadRequest
from repository.raster_info import Bounds
from tiler.caching import etag_of, not_modified
from tiler.collection_members import summary, viewer_of
from tiler.drawing import LARGE, caller_of
from tiler.mosaic_drawing import Plan, plan_tile
from tiler.mosaic_requests import parse_query
from tiler.pixels.canvas import Canvas
from tiler.pixels.mosaics import encoded_part, strengthen
from tiler.pixels.rendering import media_format
from tiler.pixels.small_pictures import Box, pixel_boxes
from tiler.pixels.tile_matrix_sets import TILE_SIZE
from tiler.prepared_queries import reading

router = APIRouter(tags=["collections"])

MAX_PREVIEW = 1024
DEEPEST = 18


@router.get("/tiles/{c}/preview.{extension}", response_class=Response)
async def preview(
    request: Request, c: str, extension: str,
    max_size: Annotated[int, Query(ge=64, le=MAX_PREVIEW)] = 512,
) -> Response:  # fmt: skip
    """All maps of a collection, or those that the parameters of its tiles choose, on Web Mercator;
    at most `max_size` pixels a side, at least half of that where the maps are so fine."""
    work = partial(_preview, request, c, extension, max_size)
    return await LARGE.draw(object(), work, request.receive)


def _preview(request: Request, c: str, extension: str, max_size: int) -> Response:
    media, caller = media_format(extension), caller_of(request)
    if not media.is_picture:
        raise BadRequest("A preview is png, jpg or webp.", code="unknown_format")
    query = parse_query(request.query_params.multi_items())
    bounds = summary(caller, c, query).bounds_wgs84
    zoom, box = _fitting(bounds, max_size)
    with reading():
        viewer = viewer_of(caller, c)
        plans = [plan_tile(viewer, query, tile) for tile in _tiles(zoom, box)]
    headers = {"Cache-Control": cache_control(is_public=viewer.is_public)}
    headers["Vary"] = "Authorization, Cookie"
    if viewer.is_public:
        headers["ETag"] = etag_of(c, query, zoom, box, [plan.stamp for plan in plans])
    if (unchanged := not_modified(request.headers, headers)) is not None:
        return unchanged
    body = encoded_part(_drawn(plans, zoom, box), media, box[2], box[3])
    return Response(body, media_type=media.media_type, headers=headers)


def _fitting(bounds_wgs84: Bounds, max_size: int) -> tuple[int, Box]:
    """The finest level at which the bounds fit, and their pixels there."""
    found = 0, (0, 0, TILE_SIZE, TILE_SIZE)
    for zoom in range(DEEPEST + 1):
        boxes = pixel_boxes(bounds_wgs84, zoom)
        if len(boxes) != 1 or max(boxes[0][2:]) > max_size:
            break
        found = zoom, boxes[0]
    return found


def _tiles(zoom: int, box: Box) -> list[tuple[int, int, int]]:
    left, top, width, height = box
    columns = range(left // TILE_SIZE, (left + width - 1) // TILE_SIZE + 1)
    rows = range(top // TILE_SIZE, (top + height - 1) // TILE_SIZE + 1)
    return [(zoom, x, y) for y in rows for x in columns]


def _drawn(plans: list[Plan], zoom: int, box: Box) -> Canvas:
    """A square whose first rows and columns are the box."""
    canvas = Canvas(zoom, box[0], box[1], max(box[2:]))
    has_small = False
    for plan in plans:
        tile, drawn = plan.draw()
        has_small |= drawn.has_small
        canvas.lay_under(tile.colours(), tile.top - canvas.top, tile.left - canvas.left)
    if has_small:
        strengthen(canvas)
    return canvas
