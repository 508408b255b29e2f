"""WMTS 1.0.0 (OGC 07-057r7) of the catalogue, a collection and a product: KVP and RESTful.

/wmts  /wmts/{c}  /wmts/{c}/{p}                      KVP; capabilities where no query is sent
.../1.0.0/WMTSCapabilities.xml
.../1.0.0/{layer}/{style}/{tms}/{z}/{row}/{col}.png  and .../{row}/{col}/{j}/{i}.json
"""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from repository.asgi import cache_control
from repository.errors import NotFound, RastrumError
from repository.links import links_for
from tiler.caching import etag_of, not_modified, product_headers
from tiler.collection_members import collection_layer, members_at, viewer_of
from tiler.drawing import TILES, caller_of, tile_response
from tiler.feature_info import feature_info, mosaic_info
from tiler.mosaic_requests import parse_query
from tiler.mosaics import mosaic_response
from tiler.pixels.rendering import FORMATS, MediaFormat
from tiler.pixels.tile_matrix_sets import (
    MAX_ADVERTISED_ZOOM,
    TILE_SIZE,
    WEB_MERCATOR_QUAD,
    tile_matrix_set,
)
from tiler.products import (
    MAX_LAYERS,
    Layer,
    Layers,
    find_product,
    layer_of,
    list_layers,
    offered_styles,
)
from tiler.wmts_capabilities import INFO_FORMATS, PICTURES, Service, capabilities
from tiler.wmts_errors import WmtsError, exception_report
from tiler.wmts_requests import Scope, TileRequest, parse_key_values, parse_path

router = APIRouter(include_in_schema=False)

FORMAT_NAMES = {media.media_type: media for media in PICTURES} | {"image/jpg": FORMATS["jpg"]}


@router.get("/wmts")
@router.get("/wmts/{rest:path}")
async def wmts(request: Request, rest: str = "") -> Response:
    """Any WMTS request; failures are exception reports with a fitting HTTP status."""
    try:
        scope, path = parse_path(rest)
        wanted = path if path is not None else parse_key_values(request.query_params.multi_items())
        if wanted is None:
            return await run_in_threadpool(_capabilities, request, scope)
        return await _answer(request, scope, wanted)
    except RastrumError as error:
        return exception_report(error)


def _capabilities(request: Request, scope: Scope) -> Response:
    links = links_for(request.url.scheme, request.url.netloc)
    if scope.product:
        ref = find_product(caller_of(request), scope.collection, scope.product)
        service = Service(links, scope.collection, scope.product, ref.title, ref.description)
        layer = layer_of(ref, offered_styles(caller_of(request), ref))
        items: tuple[Layer, ...] = (layer,)
        headers = product_headers(ref, links.base, layer.stamp)
    else:
        layers = list_layers(caller_of(request), scope.collection)
        service = Service(links, scope.collection, "", layers.title or "Rastrum", _abstract(layers))
        items = layers.items
        if scope.collection and items:
            items = (collection_layer(caller_of(request), scope.collection), *items)
        headers = _list_headers(layers, items, links.base)
    if (unchanged := not_modified(request.headers, headers)) is not None:
        return unchanged
    return Response(capabilities(service, items), media_type="application/xml", headers=headers)


async def _answer(request: Request, scope: Scope, wanted: TileRequest) -> Response:
    """A tile, or what lies under one of its pixels."""
    collection, product = _address(scope, wanted.layer)
    try:
        tms = tile_matrix_set(wanted.tile_matrix_set)
    except NotFound as error:
        raise _invalid("TileMatrixSet", error.detail) from None
    _check_tile(wanted)
    media = FORMAT_NAMES.get(wanted.format) or FORMATS.get(wanted.format)
    if media is None or not media.is_picture:
        raise _invalid("Format", f"Tiles have no format {wanted.format[:50]}.")
    if wanted.pixel is not None:
        _check_info(wanted)
    if not product:
        work = partial(_of_collection, request, collection, wanted, media)
        return await TILES.draw(object(), work, request.receive)
    try:
        asked_for = (caller_of(request), collection, product, wanted.style or "default")
        ref = await run_in_threadpool(find_product, *asked_for)
    except NotFound as error:
        if error.code == "unknown_style":
            raise _invalid("Style", error.detail) from None
        raise _no_layer(error.detail) from None
    z, x, y = wanted.z, wanted.column, wanted.row
    if wanted.pixel is None:
        return await tile_response(request, ref, tms, z, x, y, media)
    asked = (ref, tms, z, x, y, wanted.pixel, wanted.info_format)
    body = await run_in_threadpool(feature_info, *asked)
    return Response(body, media_type=wanted.info_format, headers=product_headers(ref))


def _of_collection(
    request: Request, collection: str, wanted: TileRequest, media: MediaFormat
) -> Response:
    """The same of all products of a collection together; the query may choose among them."""
    pairs = [p for p in request.query_params.multi_items() if p[0] != "style"]
    query = parse_query([*pairs, ("style", wanted.style)])
    tile, caller = (wanted.z, wanted.column, wanted.row), caller_of(request)
    try:
        if wanted.pixel is None:
            return mosaic_response(request.headers, caller, collection, query, tile, media)
        viewer = viewer_of(caller, collection)
        refs = members_at(viewer, query, tile).refs()
    except NotFound as error:
        if error.code == "unknown_style":
            raise _invalid("Style", error.detail) from None
        raise _no_layer(error.detail) from None
    body = mosaic_info(refs, WEB_MERCATOR_QUAD, tile, wanted.pixel, wanted.info_format)
    caching = {"Cache-Control": cache_control(is_public=viewer.is_public)}
    return Response(body, media_type=wanted.info_format, headers=caching)


def _check_info(wanted: TileRequest) -> None:
    if wanted.info_format not in INFO_FORMATS:
        raise _invalid("InfoFormat", "There is no such InfoFormat.")
    if not all(0 <= value < TILE_SIZE for value in wanted.pixel or ()):
        raise WmtsError("PointIJOutOfRange", "I and J lie between 0 and 255.", "I")


def _address(scope: Scope, layer: str) -> tuple[str, str]:
    """Collection and product of a layer name that belongs to the scope; no product for `{c}`."""
    collection, colon, product = layer.partition(":")
    fits = scope.collection in ("", collection) and scope.product in ("", product)
    if not (collection and bool(colon) == bool(product) and fits):
        raise _no_layer(f"There is no layer {layer[:200]}.")
    return collection, product


def _check_tile(wanted: TileRequest) -> None:
    if not 0 <= wanted.z <= MAX_ADVERTISED_ZOOM:
        raise _invalid("TileMatrix", f"There is no tile matrix {wanted.z}.")
    for name, value in (("TileRow", wanted.row), ("TileCol", wanted.column)):
        if not 0 <= value < 2**wanted.z:
            raise WmtsError("TileOutOfRange", f"{name} lies between 0 and {2**wanted.z - 1}.", name)


def _no_layer(detail: str) -> WmtsError:
    """404 as at every address, for the absent and the private alike; the standard has 400."""
    return WmtsError("InvalidParameterValue", detail, "Layer", 404)


def _invalid(parameter: str, detail: str) -> WmtsError:
    return WmtsError("InvalidParameterValue", detail, parameter)


def _abstract(layers: Layers) -> str:
    text = "Maps of this collection." if layers.title else "All maps that you may see."
    if layers.is_cut:
        text += f" Only the {MAX_LAYERS} newest are listed; each map has an address of its own."
    return text


def _list_headers(layers: Layers, items: tuple[Layer, ...], base: str) -> dict[str, str]:
    if not layers.is_public:
        return {"Cache-Control": cache_control(is_public=False), "Vary": "Authorization, Cookie"}
    etag = etag_of(base, layers.title, *(layer.stamp for layer in items))
    return {"Cache-Control": cache_control(is_public=True), "ETag": etag,
            "Vary": "Authorization, Cookie"}  # fmt: skip
