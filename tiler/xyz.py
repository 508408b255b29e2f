"""XYZ tiles: /tiles/{c}/{p}/{tms}/{z}/{x}/{y}.{ext}, and {y}@2x for 512 pixels."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from repository.errors import BadRequest
from tiler.drawing import caller_of, tile_response
from tiler.pixels.rendering import media_format
from tiler.pixels.tile_matrix_sets import TILE_SIZE, tile_matrix_set
from tiler.products import find_product

router = APIRouter(tags=["tiles"])

Style = Annotated[
    str, Query(description="`default`, or a style that the product offers.", max_length=100)
]
Stamp = Annotated[str, Query(description="As TileJSON gives it: the tile may be kept for ever.")]


@router.get("/tiles/{c}/{p}/{tms}/{z}/{x}/{y}.{extension}", response_class=Response)
async def tile(
    request: Request, c: str, p: str, tms: str, z: str, x: str,
    y: Annotated[str, Path(description="Row, from the north; with `@2x` 512 by 512 pixels.")],
    extension: str, style: Style = "default", v: Stamp = "",
) -> Response:  # fmt: skip
    """One tile of a product; `p` may be `{p}@{version}`."""
    matrix_set, media = tile_matrix_set(tms), media_format(extension)
    level, column, row = (tile_number(text) for text in (z, x, y.removesuffix("@2x")))
    matrix_set.check(level, column, row)
    ref = await run_in_threadpool(find_product, caller_of(request), c, p, style)
    size = TILE_SIZE * 2 if y.endswith("@2x") else TILE_SIZE
    return await tile_response(request, ref, matrix_set, level, column, row, media, size, v)


def tile_number(text: str) -> int:
    """A level, column or row. Raises BadRequest `invalid_tile`."""
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise BadRequest(f"{text[:20]!r} is no tile number.", code="invalid_tile")
    return int(text)
