"""WMTS 1.0.0 (OGC 07-057r7) of the catalogue, a collection and a product: KVP and RESTful.

/wmts  /wmts/{c}  /wmts/{c}/{p}                      KVP; capabilities where no query is sent
.../1.0.0/WMTSCapabilities.xml
.../1.0.0/{layer}/{style}/{tms}/{z}/{row}/{col}.png  and .../{row}/{col}/{j}/{i}.json
"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from repository.asgi import cache_control
from repository.errors import NotFound, RastrumError
from repository.links import links_for
from tiler.caching import etag_of, not_modified, product_headers
from tiler.drawing import caller_of, tile_response
from tiler.feature_info import feature_info
from tiler.pixels.rendering import FORMATS
from tiler.pixels.tile_matrix_sets import MAX_ADVERTISED_ZOOM, TILE_SIZE, tile_matrix_set
from tiler.products import MAX_LAYERS, Layer, Layers, find_product, layer_of, list_layers
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
        items: tuple[Layer, ...] = (layer_of(ref),)
        headers = product_headers(ref, links.base)
    else:
        layers = list_layers(caller_of(request), scope.collection)
        service = Service(links, scope.collection, "", layers.title or "Rastrum", _abstract(layers))
        items, headers = layers.items, _list_headers(layers, links.base)
    if (unchanged := not_modified(request.headers, headers)) is not None:
        return unchanged
    return Response(capabilities(service, items), media_type="application/xml", headers=headers)


async def _answer(request: Request, scope: Scope, wanted: TileRequest) -> Response:
    """A tile, or what lies under one of its pixels."""
    collection, product = _address(scope, wanted.layer)
    if wanted.style not in ("", "default"):
        raise _invalid("Style", f"There is no style {wanted.style[:50]}.")
    try:
        tms = tile_matrix_set(wanted.tile_matrix_set)
    except NotFound as error:
        raise _invalid("TileMatrixSet", error.detail) from None
    _check_tile(wanted)
    media = FORMAT_NAMES.get(wanted.format) or FORMATS.get(wanted.format)
    if media is None or not media.is_picture:
        raise _invalid("Format", f"Tiles have no format {wanted.format[:50]}.")
    try:
        ref = await run_in_threadpool(find_product, caller_of(request), collection, product)
    except NotFound as error:
        raise _no_layer(error.detail) from None
    z, x, y = wanted.z, wanted.column, wanted.row
    if wanted.pixel is None:
        return await tile_response(request, ref, tms, z, x, y, media)
    if wanted.info_format not in INFO_FORMATS:
        raise _invalid("InfoFormat", "There is no such InfoFormat.")
    if not all(0 <= value < TILE_SIZE for value in wanted.pixel):
        raise WmtsError("PointIJOutOfRange", "I and J lie between 0 and 255.", "I")
    asked = (ref, tms, z, x, y, wanted.pixel, wanted.info_format)
    body = await run_in_threadpool(feature_info, *asked)
    return Response(body, media_type=wanted.info_format, headers=product_headers(ref))


def _address(scope: Scope, layer: str) -> tuple[str, str]:
    """Collection and product of a layer name that belongs to the scope."""
    collection, colon, product = layer.partition(":")
    fits = scope.collection in ("", collection) and scope.product in ("", product)
    if not (colon and collection and product and fits):
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


def _list_headers(layers: Layers, base: str) -> dict[str, str]:
    if not layers.is_public:
        return {"Cache-Control": cache_control(is_public=False), "Vary": "Authorization, Cookie"}
    etag = etag_of(base, layers.title, *(layer.stamp for layer in layers.items))
    return {"Cache-Control": cache_control(is_public=True), "ETag": etag,
            "Vary": "Authorization, Cookie"}  # fmt: skip
