"""AssetRef: all that reading and drawing need to know about one product, frozen."""

from __future__ import annotations

from dataclasses import dataclass

from repository.raster_info import Affine6, BandInfo, Bounds, Kind
from repository.rendering_style import RenderingStyle


@dataclass(frozen=True, eq=False)
class PyramidRef:
    """An archive of tiles that were drawn ahead of time (`tiler.pixels.pyramid_index`)."""

    key: str
    """Names its content: another one has another key."""
    drawing: str
    """RenderingStyle.digest of what is in it."""
    extension: str
    """Of the tiles that are in it."""
    gdal_path: str
    gdal_environment: tuple[tuple[str, str], ...]
    """As of AssetRef: see `tiler.pixels.stored_bytes`."""


@dataclass(frozen=True, eq=False)
class AssetRef:
    """One version of a product as the tile server sees it. Compared by identity; see `key`."""

    uuid: str
    version: int
    """Counts the pixels' versions."""
    revision: int
    """Counts every change that a picture or a description can show."""
    collection: str
    product: str
    title: str
    is_public: bool
    """Product and collection both: only then may an answer be kept by caches."""
    gdal_path: str
    gdal_environment: tuple[tuple[str, str], ...]
    """GDAL's configuration for `gdal_path`: (option, value) pairs."""
    width: int
    height: int
    crs_wkt: str
    crs_name: str
    transform: Affine6
    bounds: Bounds
    """In the raster's own CRS."""
    bounds_wgs84: Bounds
    """left > right across the antimeridian."""
    bands: tuple[BandInfo, ...]
    kind: Kind
    style: RenderingStyle
    overviews: tuple[int, ...] = ()
    """Reduction factors of the stored overviews, rising."""
    block_index: bytes = b""
    """Where the blocks of its COG lie (tiler.pixels.block_index); empty: its own header says."""
    description: str = ""
    min_zoom: int = 0
    max_zoom: int = 24
    pyramid: PyramidRef | None = None
    """Where tiles in the style `style` may be had as stored bytes."""

    @property
    def key(self) -> tuple[str, int]:
        """Names the pixels: a new version has other ones, a new revision has not."""
        return self.uuid, self.version

    @property
    def layer(self) -> str:
        """Name in WMTS and OGC API: `{c}:{p}`."""
        return f"{self.collection}:{self.product}"

    @property
    def data_bands(self) -> tuple[int, ...]:
        """Numbers of the bands that carry data: all but alpha."""
        return tuple(b.index for b in self.bands if b.color_interpretation != "alpha")

    @property
    def alpha_band(self) -> int | None:
        """Number of the alpha band where there is one."""
        found = (b.index for b in self.bands if b.color_interpretation == "alpha")
        return next(found, None)

    def band(self, index: int) -> BandInfo:
        """The band of that number, from 1. Raises KeyError for any other."""
        if not 1 <= index <= len(self.bands):
            raise KeyError(f"band {index} of {len(self.bands)}")
        return self.bands[index - 1]
