"""Draws the tiles of one product ahead of time, as the tile server would, into one archive.

Nothing here decides how a tile looks: `tiler.pixels` draws it, and its bytes are kept. So a
stored tile is the same file as one that is drawn when it is asked for.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from repository.raster_info import RasterInfo
from repository.rendering_style import RenderingStyle
from tiler.pixels.asset_ref import AssetRef
from tiler.pixels.empty_tiles import empty_tile
from tiler.pixels.pictures import draw
from tiler.pixels.pmtiles import ArchiveWriter
from tiler.pixels.pyramid_index import SPANS, Span
from tiler.pixels.rendering import media_format
from tiler.pixels.tile_ids import first_id, tile_ids, tiles_of
from tiler.pixels.tile_matrix_sets import MAX_LATITUDE, TILE_SIZE, WEB_MERCATOR_QUAD
from tiler.pixels.zooms import zoom_range

SAMPLED_TILES = 40
"""Of a zoom, to estimate its bytes."""
NICENESS = 10
REPORT_EVERY = 50
"""Tiles."""


@dataclass(frozen=True)
class PyramidOrder:
    """What is to be drawn, and what it may cost."""

    info: RasterInfo
    style: RenderingStyle
    extension: str
    max_bytes: int
    """Of the archive; zooms that would not fit are left out, the finest first. 0: any."""
    max_tiles: int
    title: str = ""


@dataclass(frozen=True)
class DrawnPyramid:
    """What was written."""

    size: int
    """Bytes; 0: nothing was written, as not even the coarsest zoom fits."""
    min_zoom: int
    max_zoom: int
    tiles: int
    """How many are not empty."""
    left_out: int
    """Zooms of the product that are not in it."""


def draw_pyramid(
    order: PyramidOrder, raster: Path, archive: Path, report: Callable[[float], None]
) -> DrawnPyramid:
    """Write the tiles of the product whose data file is `raster`; `report` hears the share done."""
    os.nice(NICENESS)
    ref = ref_of(order, raster)
    wanted = _countable(order, ref)
    draft = archive.with_suffix(".draft")
    with ArchiveWriter(draft, order.extension) as writer:
        done = _draw_zooms(order, ref, wanted, writer, report)
        left_out = ref.max_zoom - ref.min_zoom + 1 - len(done)
        if not done or not len(writer):
            return DrawnPyramid(0, ref.min_zoom, ref.min_zoom, 0, left_out)
        about = {"name": order.title, SPANS: {z: _span(ref, z) for z in done}}
        size = writer.write(archive, _header_bounds(ref), (done[0], done[-1]), about)
        return DrawnPyramid(size, done[0], done[-1], len(writer), left_out)


def _countable(order: PyramidOrder, ref: AssetRef) -> list[int]:
    """The zooms, from the coarsest on, that fit into the bound of tiles."""
    zooms, tiles = [], 0
    for z in range(ref.min_zoom, ref.max_zoom + 1):
        tiles += _count(ref, z)
        if tiles > order.max_tiles:
            break
        zooms.append(z)
    return zooms


def _draw_zooms(
    order: PyramidOrder, ref: AssetRef, zooms: list[int], writer: ArchiveWriter,
    report: Callable[[float], None],
) -> list[int]:  # fmt: skip
    """Draw from the coarsest zoom on; those that were finished within the bound of bytes."""
    total = sum(_count(ref, z) for z in zooms)
    done = 0
    for place, z in enumerate(zooms):
        if order.max_bytes and writer.size + _estimated_bytes(order, ref, z) > order.max_bytes:
            return zooms[:place]
        for tile_id, x, y in _addresses(z, _span(ref, z)):
            body = _draw(order, ref, z, x, y)
            if body != empty_tile(order.extension):
                writer.add(tile_id, body)
            if done % REPORT_EVERY == 0:
                report(done / total)
            done += 1
            if order.max_bytes and writer.size > order.max_bytes:
                writer.cut(first_id(z))
                return zooms[:place]
    return zooms


def _estimated_bytes(order: PyramidOrder, ref: AssetRef, z: int) -> int:
    """From a few tiles of the zoom; 0 where drawing it is hardly dearer than guessing."""
    count = _count(ref, z)
    if count <= 2 * SAMPLED_TILES:
        return 0
    addresses = list(_addresses(z, _span(ref, z)))
    sampled = np.random.default_rng(z).permutation(count)[:SAMPLED_TILES]
    bodies = [_draw(order, ref, z, *addresses[number][1:]) for number in sampled]
    kept = {body for body in bodies if body != empty_tile(order.extension)}
    return sum(len(body) for body in kept) * count // len(sampled)


def _draw(order: PyramidOrder, ref: AssetRef, z: int, x: int, y: int) -> bytes:
    """The tile as `tiler.drawing` gives it to whoever asks."""
    bounds, crs = WEB_MERCATOR_QUAD.bounds(z, x, y), WEB_MERCATOR_QUAD.crs
    drawn = draw(ref, bounds, crs, TILE_SIZE, TILE_SIZE, media_format(order.extension))
    return empty_tile(order.extension) if drawn is None else drawn


def _addresses(z: int, span: Span) -> Iterator[tuple[int, int, int]]:
    """(number, column, row) of each tile of the rectangle, along the curve."""
    left, top, right, bottom = span
    rows, columns = np.mgrid[top : bottom + 1, left : right + 1]
    ids = np.sort(tile_ids(z, columns.ravel(), rows.ravel()))
    columns, rows = tiles_of(z, ids)
    return zip(ids.tolist(), columns.tolist(), rows.tolist(), strict=True)


def _span(ref: AssetRef, z: int) -> Span:
    return WEB_MERCATOR_QUAD.tiles_over(ref.bounds_wgs84, z)


def _count(ref: AssetRef, z: int) -> int:
    left, top, right, bottom = _span(ref, z)
    return (right - left + 1) * (bottom - top + 1)


def _header_bounds(ref: AssetRef) -> tuple[float, float, float, float]:
    """An archive's bounds cross no antimeridian, and no pole of the map."""
    left, bottom, right, top = ref.bounds_wgs84
    if left > right:
        left, right = -180.0, 180.0
    return left, max(bottom, -MAX_LATITUDE), right, min(top, MAX_LATITUDE)


def ref_of(order: PyramidOrder, raster: Path) -> AssetRef:
    """The product as the tile server knows it, as far as its pixels go."""
    info = order.info
    least, greatest = zoom_range(
        info.crs_wkt, info.transform, info.width, info.height, info.bounds_wgs84
    )
    return AssetRef(
        uuid=str(raster), version=0, revision=0, collection="", product="", title=order.title,
        is_public=False, gdal_path=str(raster), gdal_environment=(), width=info.width,
        height=info.height, crs_wkt=info.crs_wkt, crs_name=info.crs_name, transform=info.transform,
        bounds=info.bounds, bounds_wgs84=info.bounds_wgs84, bands=info.bands, kind=info.kind,
        overviews=info.overviews, style=order.style, min_zoom=least, max_zoom=greatest,
    )  # fmt: skip


def order_from_json(data: dict[str, Any]) -> PyramidOrder:
    """The inverse of `order_to_json`."""
    info, style = RasterInfo.from_json(data["info"]), RenderingStyle.from_json(data["style"])
    return PyramidOrder(**{**data, "info": info, "style": style})


def order_to_json(order: PyramidOrder) -> dict[str, Any]:
    """A dictionary of JSON types."""
    return {**vars(order), "info": order.info.to_json(), "style": order.style.to_json()}
