"""XYZ tiles: /tiles/{c}/{p}/{tms}/{z}/{x}/{y}.{ext}, and {y}@2x for 512 pixels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from repository.errors import BadRequest
from tiler.drawing import caller_of, tile_response
from tiler.pixels.rendering import media_format
from tiler.pixels.tile_matrix_sets import TILE_SIZE, tile_matrix_set
from tiler.products import Caller, find_product

router = APIRouter(tags=["tiles"])

Style = Annotated[
    str, Query(description="`default`, or a style that the product offers.", max_length=100)
]


@router.get("/tiles/{c}/{p}/{tms}/{z}/{x}/{y}.{extension}", response_class=Response)
def tile(
    request: Request, c: str, p: str, tms: str, z: str, x: str,
    y: Annotated[str, Path(description="Row, from the north; with `@2x` 512 by 512 pixels.")],
    extension: str, style: Style = "default",
) -> Response:  # fmt: skip
    """One tile of a product; `p` may be `{p}@{version}`."""
    row, doubled = y.removesuffix("@2x"), y.endswith("@2x")
    return draw(
        request.headers, caller_of(request), c, p, tms, z, x, row, extension, doubled=doubled,
        style=style,
    )  # fmt: skip


def draw(
    headers: Mapping[str, str], caller: Caller, c: str, p: str, tms: str, z: str, x: str, y: str,
    extension: str, *, doubled: bool, style: str = "default",
) -> Response:  # fmt: skip
    """The answer to a tile's address, given in its parts. Raises RastrumError."""
    matrix_set, media = tile_matrix_set(tms), media_format(extension)
    level, column, row = (tile_number(text) for text in (z, x, y))
    matrix_set.check(level, column, row)
    ref = find_product(caller, c, p, style)
    size = TILE_SIZE * 2 if doubled else TILE_SIZE
    return tile_response(headers, ref, matrix_set, level, column, row, media, size)


def tile_number(text: str) -> int:
    """A level, column or row. Raises BadRequest `invalid_tile`."""
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise BadRequest(f"{text[:20]!r} is no tile number.", code="invalid_tile")
    return int(text)
