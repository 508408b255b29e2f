"""Checks the size of an MBTiles file: that of its deepest level (MBTiles specification 1.3)."""

from __future__ import annotations

import math
import sqlite3
from pathlib import Path

from repository.errors import Rejected
from tasks.formats.errors import corrupt, too_large
from tasks.formats.limits import Extent, Limits, check_extent
from tasks.formats.records import HeaderFacts
from tasks.formats.sqlite_tiles import kinds, require_tables, sqlite_of

_MAX_ZOOM = 24
_TILE = 256
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF")


def check(path: Path, limits: Limits) -> HeaderFacts:
    """Size of the picture; raises Rejected where it is too deep, too large or of vector tiles."""
    size = path.stat().st_size
    with sqlite_of(path) as connection:
        require_tables(kinds(connection), "tiles", "metadata", views=True)
        zoom = _zoom(connection)
        _require_pictures(connection)
        width, height = _extent(connection, zoom)
    extent = Extent(width, height, 4, 1)
    check_extent(extent, size, limits)
    return HeaderFacts(
        size_bytes=size,
        width=width,
        height=height,
        decoded_bytes=extent.decoded_bytes,
        block_bytes=_TILE * _TILE * 4,
    )


def _zoom(connection: sqlite3.Connection) -> int:
    """The deepest level that GDAL may take: of the tiles, or as the metadata say."""
    deepest = connection.execute("SELECT max(zoom_level) FROM tiles").fetchone()[0]
    said = _metadata(connection, "maxzoom")
    if not isinstance(deepest, int) or deepest < 0:
        raise corrupt("The MBTiles file holds no tiles.")
    zoom = max(deepest, int(said) if said and said.strip().isdigit() else 0)
    if zoom > _MAX_ZOOM:
        raise too_large(
            f"The tiles go down to zoom level {zoom}; levels up to {_MAX_ZOOM} are taken."
        )
    return zoom


def _extent(connection: sqlite3.Connection, zoom: int) -> tuple[int, int]:
    """Width and height at `zoom`: of the bounds in the metadata, or else of the tiles."""
    try:
        west, south, east, north = (
            float(number) for number in (_metadata(connection, "bounds") or "").split(",")
        )
        left, right = _column(west, zoom), _column(east, zoom)
        top, bottom = _row(north, zoom), _row(south, zoom)
        width, height = math.ceil(right - left), math.ceil(bottom - top)
    except (ValueError, OverflowError):
        low, high, down, up = connection.execute(
            "SELECT min(tile_column), max(tile_column), min(tile_row), max(tile_row) FROM tiles "
            "WHERE zoom_level = ?",
            (zoom,),
        ).fetchone()
        if not all(isinstance(number, int) for number in (low, high, down, up)):
            raise corrupt("The MBTiles file does not say where its tiles lie.") from None
        width, height = (high - low + 1) * _TILE, (up - down + 1) * _TILE
    return max(width, 1), max(height, 1)


def _column(longitude: float, zoom: int) -> float:
    return (min(max(longitude, -180.0), 180.0) + 180) / 360 * _TILE * 2**zoom


def _row(latitude: float, zoom: int) -> float:
    radians = math.radians(min(max(latitude, -85.051), 85.0512))
    return (1 - math.asinh(math.tan(radians)) / math.pi) / 2 * _TILE * 2**zoom


def _metadata(connection: sqlite3.Connection, name: str) -> str | None:
    row = connection.execute("SELECT value FROM metadata WHERE name = ?", (name,)).fetchone()
    return str(row[0]) if row is not None else None


def _require_pictures(connection: sqlite3.Connection) -> None:
    row = connection.execute("SELECT substr(tile_data, 1, 4) FROM tiles LIMIT 1").fetchone()
    start = row[0] if row is not None and isinstance(row[0], bytes) else b""
    if not start.startswith(_PICTURES):
        raise Rejected(
            "The MBTiles file holds no pictures; vector tiles are not taken.",
            code="not_a_raster",
            hint="Upload a raster, for example a GeoTIFF.",
        )
