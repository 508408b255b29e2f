"""Where the blocks of a finished COG lie: read once here, so that no tile reads its header."""

from __future__ import annotations

import os

from tiler.pixels.block_index import pack
from tiler.pixels.byte_sources import FileBytes
from tiler.pixels.cog_header import read_header


def block_index_of(path: str) -> bytes:
    """The packed index; nothing for a file that only GDAL reads. Raises OSError."""
    header = read_header(FileBytes(path))
    return pack(header, os.path.getsize(path)) if header else b""
