"""Tiles of prerendered pyramids."""

from __future__ import annotations

from tiler.pixels.asset_ref import AssetRef
from tiler.pixels.rendering import MediaFormat
from tiler.pixels.tile_matrix_sets import TileMatrixSet


def stored_tile(
    ref: AssetRef, tms: TileMatrixSet, z: int, x: int, y: int, media: MediaFormat, size: int
) -> bytes | None:
    """The stored file of a tile; None: it is not stored."""
    return None
