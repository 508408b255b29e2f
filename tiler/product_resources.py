"""What is to be had of a product beside its tiles: descriptions, values, preview and legend."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from repository.errors import BadRequest
from repository.links import Links, links_for
from tiler import descriptions
from tiler.caching import not_modified, product_headers, stamped
from tiler.drawing import caller_of, gate_for
from tiler.pixels.asset_ref import AssetRef
from tiler.pixels.legends import legend_data, legend_picture
from tiler.pixels.pictures import draw
from tiler.pixels.points import point_values
from tiler.pixels.rendering import media_format
from tiler.pixels.tile_matrix_sets import tile_matrix_set
from tiler.products import find_product

router = APIRouter(tags=["products"])

MAX_PREVIEW = 2048
Style = Annotated[
    str, Query(description="`default`, or a style that the product offers.", max_length=100)
]
Side = Annotated[int | None, Query(ge=1, le=MAX_PREVIEW)]


@router.get("/tiles/{c}/{p}/tilejson.json")
def tilejson(
    request: Request, c: str, p: str, tms: str = "WebMercatorQuad", tile_format: str = "png",
    style: Style = "default",
) -> Response:  # fmt: skip
    """TileJSON of the product's tiles; a public one's addresses say what they show (`v`)."""
    tile_matrix_set(tms)
    extension = media_format(tile_format).extension
    ref = find_product(caller_of(request), c, p, style)
    links = request_links(request)
    template = links.styled(links.tiles(c, p, tms=tms, extension=extension), style)
    template = stamped(template, ref)
    legend = links.styled(links.tile_resource(c, p, "legend.png"), style)
    return _json(request, ref, descriptions.tilejson(ref, template, legend), template)


@router.get("/tiles/{c}/{p}/info")
def info(request: Request, c: str, p: str) -> Response:
    """The raster's facts."""
    ref = find_product(caller_of(request), c, p)
    return _json(request, ref, descriptions.info(ref))


@router.get("/tiles/{c}/{p}/statistics")
def statistics(request: Request, c: str, p: str, unscale: bool = False) -> Response:
    """Statistics of each band, as the catalogue keeps them or scaled."""
    ref = find_product(caller_of(request), c, p)
    return _json(request, ref, descriptions.statistics(ref, unscale=unscale), unscale)


@router.get("/tiles/{c}/{p}/point/{lon},{lat}")
def point(request: Request, c: str, p: str, lon: str, lat: str, unscale: bool = False) -> Response:
    """The bands' values at longitude, latitude."""
    ref = find_product(caller_of(request), c, p)
    try:
        longitude, latitude = float(lon), float(lat)
    except ValueError:
        raise BadRequest(f"{lon[:20]},{lat[:20]} is no place.", code="invalid_point",
                         hint="For example point/14.4,50.1") from None  # fmt: skip
    values = point_values(ref, longitude, latitude, unscale=unscale)
    answer = {
        "coordinates": [longitude, latitude],
        "values": values,
        "band_names": [f"b{i}" for i in ref.data_bands],
        "band_descriptions": [ref.band(i).description for i in ref.data_bands],
    }
    return _json(request, ref, answer, unscale)


@router.get("/tiles/{c}/{p}/preview.{extension}", response_class=Response)
async def preview(
    request: Request, c: str, p: str, extension: str,
    width: Side = None, height: Side = None,
    max_size: Annotated[int, Query(ge=1, le=MAX_PREVIEW)] = 1024, style: Style = "default",
) -> Response:  # fmt: skip
    """The whole product as one picture, north up in its own CRS."""
    media = media_format(extension)
    if not media.is_picture:
        raise BadRequest("A preview is png, jpg or webp.", code="unknown_format")
    ref = await run_in_threadpool(find_product, caller_of(request), c, p, style)
    headers = product_headers(ref, width, height, max_size)
    if (unchanged := not_modified(request.headers, headers)) is not None:
        return unchanged
    columns, rows = preview_size(ref, width, height, max_size)
    key = ("preview", ref.uuid, ref.version, ref.style.digest, columns, rows, media.extension)
    gate = gate_for(ref, columns, rows, len(ref.style.bands))
    work = partial(draw, ref, ref.bounds, ref.crs_wkt, columns, rows, media)
    body = await gate.draw(key, work, request.receive)
    return Response(body, media_type=media.media_type, headers=headers)


@router.get("/tiles/{c}/{p}/legend.png", response_class=Response)
def legend_png(request: Request, c: str, p: str, style: Style = "default") -> Response:
    """What the colours mean, as a picture."""
    ref = find_product(caller_of(request), c, p, style)
    headers = product_headers(ref)
    if (unchanged := not_modified(request.headers, headers)) is not None:
        return unchanged
    return Response(legend_picture(ref.style, ref.title), media_type="image/png", headers=headers)


@router.get("/tiles/{c}/{p}/legend.json")
def legend_json(request: Request, c: str, p: str, style: Style = "default") -> Response:
    """What the colours mean, as data."""
    ref = find_product(caller_of(request), c, p, style)
    return _json(request, ref, legend_data(ref.style, ref.title))


def request_links(request: Request) -> Links:
    """Links below the address that the request named."""
    return links_for(request.url.scheme, request.url.netloc)


def preview_size(
    ref: AssetRef, width: int | None, height: int | None, max_size: int
) -> tuple[int, int]:
    """Columns and rows of a preview: as asked, else in proportion and never enlarged."""
    left, bottom, right, top = ref.bounds
    ratio = (right - left) / (top - bottom)
    if width and height:
        return width, height
    if width:
        return width, _side(width / ratio)
    if height:
        return _side(height * ratio), height
    longest = min(max_size, max(ref.width, ref.height))
    return (longest, _side(longest / ratio)) if ratio >= 1 else (_side(longest * ratio), longest)


def _side(length: float) -> int:
    return max(1, min(MAX_PREVIEW, round(length)))


def _json(request: Request, ref: AssetRef, document: dict[str, Any], *parts: object) -> Response:
    headers = product_headers(ref, *parts)
    unchanged = not_modified(request.headers, headers)
    return unchanged or JSONResponse(document, headers=headers)
