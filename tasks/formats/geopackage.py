"""Finds the tile tables of a GeoPackage and the size of each (OGC 12-128r18, 2.2)."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from repository.errors import Rejected
from tasks.formats.errors import corrupt, too_large
from tasks.formats.limits import Extent, Limits, check_block, check_extent
from tasks.formats.records import HeaderFacts
from tasks.formats.sqlite_tiles import kinds, require_tables, sqlite_of

_MAX_TABLES = 1000
_BANDS, _SAMPLE = 4, 1


@dataclass(frozen=True)
class TileTable:
    """One raster of a GeoPackage."""

    name: str
    title: str
    width: int
    height: int
    tile_pixels: int
    is_coverage: bool
    """Its tiles are numbers (OGC 17-066r1), not pictures."""


def check(path: Path, limits: Limits) -> HeaderFacts:
    """Facts of the one raster, or of the file alone; raises Rejected where one is too large."""
    size = path.stat().st_size
    tables = tile_tables(path)
    facts = [_facts(table, size, limits) for table in tables]
    return facts[0] if len(facts) == 1 else HeaderFacts(size_bytes=size)


def tile_tables(path: Path) -> tuple[TileTable, ...]:
    """All rasters of the file, by name; raises Rejected `not_a_raster` where it has none."""
    with sqlite_of(path) as connection:
        found = kinds(connection)
        require_tables(found, "gpkg_contents")
        rows = connection.execute(
            "SELECT table_name, coalesce(identifier, ''), data_type, min_x, min_y, max_x, max_y "
            "FROM gpkg_contents WHERE data_type IN ('tiles', '2d-gridded-coverage') "
            "ORDER BY table_name LIMIT ?",
            (_MAX_TABLES,),
        ).fetchall()
        if not rows:
            raise Rejected(
                "The GeoPackage holds no raster, only features or attributes.",
                code="not_a_raster",
                hint="Upload its rasters, or rasterise the features first.",
            )
        require_tables(found, "gpkg_tile_matrix", "gpkg_tile_matrix_set")
        require_tables(found, *(str(row[0]) for row in rows))
        return tuple(_table(connection, row) for row in rows)


def _table(connection: sqlite3.Connection, row: tuple[object, ...]) -> TileTable:
    """The size as GDAL takes it: the extent of the contents in pixels of the deepest level."""
    name, title, kind, *corners = row
    matrix = connection.execute(
        "SELECT matrix_width * tile_width, matrix_height * tile_height, tile_width * tile_height, "
        "pixel_x_size, pixel_y_size FROM gpkg_tile_matrix WHERE lower(table_name) = lower(?) "
        "ORDER BY zoom_level DESC LIMIT 1",
        (name,),
    ).fetchone()
    if matrix is None or not all(_is_positive(number) for number in matrix):
        raise corrupt(f"The table {str(name)[:60]} of the GeoPackage has no proper tile matrix.")
    width, height, tile, across, down = matrix
    if all(isinstance(corner, (int, float)) for corner in corners):
        left, bottom, right, top = (float(corner) for corner in corners)  # type: ignore[arg-type]
        width = min(width, round((right - left) / across)) or width
        height = min(height, round((top - bottom) / down)) or height
    return TileTable(
        str(name), str(title or name), int(width), int(height), int(tile), kind != "tiles"
    )


def _is_positive(number: object) -> bool:
    return isinstance(number, (int, float)) and 0 < number < 1e18


def _facts(table: TileTable, size: int, limits: Limits) -> HeaderFacts:
    if max(table.width, table.height) >= 2**31:
        raise too_large(f"The raster has {table.width} x {table.height} pixels.")
    bands, sample = (1, 4) if table.is_coverage else (_BANDS, _SAMPLE)
    extent = Extent(table.width, table.height, bands, sample)
    check_extent(extent, size, limits)
    block = table.tile_pixels * bands * sample
    check_block(block, limits)
    return HeaderFacts(
        size_bytes=size,
        width=table.width,
        height=table.height,
        decoded_bytes=extent.decoded_bytes,
        block_bytes=block,
    )
