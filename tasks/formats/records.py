"""A kind of file, what its header says, and the rasters it holds: records of every format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from repository.findings import Option
from tasks.formats.limits import Extent, Limits
from tasks.tiff_header import TiffHeader


@dataclass(frozen=True)
class HeaderFacts:
    """What plain Python read from a header before GDAL; None where only GDAL can tell."""

    size_bytes: int
    width: int | None = None
    height: int | None = None
    bands: int | None = None
    dtype: str = ""
    decoded_bytes: int | None = None
    block_bytes: int | None = None
    """Memory that decoding one block takes, all bands that are stored together."""
    nodata_text: str = ""
    """The nodata value as it is written in the file; GDAL may not understand it."""
    projected_epsg: int | None = None
    overviews: tuple[int, ...] = ()
    warnings: tuple[tuple[str, str], ...] = ()
    """(code, sentence) pairs, for the owner to read."""
    tiff: TiffHeader | None = None

    @classmethod
    def of(
        cls, size_bytes: int, extent: Extent, dtype: str, block_bytes: int | None = None
    ) -> HeaderFacts:
        """Facts of a header that states its extent."""
        return cls(
            size_bytes=size_bytes,
            width=extent.width,
            height=extent.height,
            bands=extent.bands,
            dtype=dtype,
            decoded_bytes=extent.decoded_bytes,
            block_bytes=block_bytes,
        )


@dataclass(frozen=True)
class Format:
    """One kind of file: how it is named, checked and opened."""

    id: str
    title: str
    """For people."""
    driver: str
    """The one GDAL driver that may open the file itself."""
    endings: tuple[str, ...]
    """Of its server-made name: some drivers look at it. The first, unless the user's is another."""
    check: Callable[[Path, Limits], HeaderFacts]
    """Reads and checks the header without GDAL; raises Rejected."""
    sidecars: tuple[str, ...] = ()
    """Endings of the files that may lie beside it, in lower case."""
    needs: tuple[str, ...] = ()
    """Those of them without which nothing can be read."""
    is_container: bool = False
    """It may hold several rasters."""

    @property
    def ending(self) -> str:
        """The usual ending of its server-made name."""
        return self.endings[0]


@dataclass(frozen=True)
class Subdataset:
    """One raster of a file: its only one, or one to choose."""

    id: str
    """For the owner's answer; unique in its file."""
    title: str
    driver: str
    subdataset: str = ""
    """What RasterSource.subdataset holds; empty: the file itself."""
    description: str = ""
    width: int | None = None
    height: int | None = None
    dtype: str = ""

    def option(self) -> Option:
        """As the owner sees it where there is something to choose."""
        return Option(self.id, self.title, self.description, self.width, self.height, self.dtype)


@dataclass(frozen=True)
class Listing:
    """What a file holds: at least one raster."""

    rasters: tuple[Subdataset, ...]
    must_choose: bool = False
    """The owner must say which; otherwise the first one is meant."""
    warnings: tuple[tuple[str, str], ...] = ()
