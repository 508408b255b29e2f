"""Tiles that were drawn ahead of time: an address, two numbers from memory, one read.

Their bytes are those that drawing would give (`tasks.pyramids`), so nobody sees the difference:
neither in the answer's headers nor in its body.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict

from tiler.pixels.asset_ref import AssetRef, PyramidRef
from tiler.pixels.empty_tiles import empty_tile
from tiler.pixels.pmtiles import open_archive
from tiler.pixels.pyramid_index import PyramidIndex, index_of
from tiler.pixels.rendering import MediaFormat
from tiler.pixels.stored_bytes import stored_bytes
from tiler.pixels.tile_matrix_sets import TILE_SIZE, TileMatrixSet

log = logging.getLogger("rastrum.tiles")

MAX_OPEN = 256
"""Archives that a process keeps open."""
AGAIN_SECONDS = 10
"""After an archive could not be opened."""
MAX_INDEX_BYTES = 48 * 2**20
"""Of all indexes that a process keeps: eight bytes a tile."""


def stored_tile(
    ref: AssetRef, tms: TileMatrixSet, z: int, x: int, y: int, media: MediaFormat, size: int
) -> bytes | None:
    """The file of one tile; None where it is not stored and has to be drawn.

    Both names of the tile matrix set are the same tiles.
    """
    pyramid = ref.pyramid
    if pyramid is None or size != TILE_SIZE or media.extension != pyramid.extension:
        return None
    if pyramid.drawing != ref.style.digest:
        return None
    archive = _open.get(pyramid)
    place = archive.index.find(z, x, y) if archive else None
    if archive is None or place is None:
        return None
    offset, length = place
    if not length:
        return empty_tile(pyramid.extension)
    try:
        return archive.read(offset, length)
    except OSError as error:
        log.warning("the pyramid %s cannot be read (%s); its tiles are drawn", pyramid.key, error)
        return None


class OpenArchive:
    """An archive with its index. Raises OSError, ValueError."""

    def __init__(self, pyramid: PyramidRef) -> None:
        source = stored_bytes(pyramid.gdal_path, pyramid.gdal_environment)
        if source is None:
            raise OSError("there is no way to its bytes")
        self._source = source
        self.index: PyramidIndex = index_of(open_archive(self.read))

    def read(self, start: int, length: int) -> bytes:
        """Bytes of the archive; from its beginning, fewer where it is shorter."""
        if start == 0:
            return self._source.start(length)[0]
        return bytes(self._source.read([(start, length)])[0])


class _Open:
    """Archives by their key, the ones used longest ago closed first."""

    def __init__(self) -> None:
        self._archives: OrderedDict[str, OpenArchive] = OrderedDict()
        self._failed: dict[str, float] = {}
        self._lock = threading.Lock()
        self.bytes = 0

    def get(self, pyramid: PyramidRef) -> OpenArchive | None:
        """The archive; None where it cannot be used: that is tried again after a while."""
        with self._lock:
            archive = self._archives.get(pyramid.key)
            if archive is not None:
                self._archives.move_to_end(pyramid.key)
                return archive
            if self._failed.get(pyramid.key, 0.0) > time.monotonic():
                return None
        try:
            return self._keep(pyramid.key, OpenArchive(pyramid))
        except (OSError, ValueError) as error:
            log.warning("the pyramid %s cannot be opened (%s); tiles are drawn", pyramid.key, error)
            self._failed = {pyramid.key: time.monotonic() + AGAIN_SECONDS}
            return None

    def _keep(self, key: str, archive: OpenArchive) -> OpenArchive:
        with self._lock:
            if key not in self._archives:
                self._archives[key] = archive
                self.bytes += archive.index.bytes
            while len(self._archives) > MAX_OPEN or self._is_too_large():
                _, oldest = self._archives.popitem(last=False)
                self.bytes -= oldest.index.bytes
            return archive

    def _is_too_large(self) -> bool:
        return self.bytes > MAX_INDEX_BYTES and len(self._archives) > 1


_open = _Open()
