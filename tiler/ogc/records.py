"""What the catalogue tells OGC API: frozen records, so that providers never hold a database row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from repository.raster_info import Bounds, RasterInfo


@dataclass(frozen=True)
class CollectionRecord:
    """A collection as its description shows it to one caller."""

    id: str
    title: str
    description: str = ""
    keywords: tuple[str, ...] = ()
    licence: str = ""
    bbox_wgs84: Bounds | None = None
    """Around the products that the caller may see; None where there is none."""
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True)
class ItemRecord:
    """A product as a feature: its footprint and what a table of it shows."""

    collection: str
    id: str
    title: str
    geometry: str | None
    """GeoJSON in CRS84, as the database wrote it: most answers need not read it."""
    start: datetime
    end: datetime
    crs: str
    width: int
    height: int
    created: datetime
    updated: datetime
    description: str = ""
    datetime_source: str = ""
    licence: str = ""
    keywords: tuple[str, ...] = ()
    properties: Mapping[str, Any] = field(default_factory=dict)
    """The owner's own."""


@dataclass(frozen=True)
class ItemQuery:
    """Which items are asked for."""

    limit: int
    offset: int = 0
    bbox_wgs84: Bounds | None = None
    datetime: str = ""
    """Instant or interval as OGC API Features, 7.15.4 writes it."""
    text: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    sort: tuple[tuple[str, bool], ...] = ()
    """(name, whether descending) pairs."""
    only_count: bool = False


@dataclass(frozen=True)
class ItemPage:
    """One page of items, and how many there are over all pages."""

    items: tuple[ItemRecord, ...]
    matched: int


class ItemSource(Protocol):
    """Where the feature provider gets its items."""

    def search(self, query: ItemQuery) -> ItemPage:
        """The items that the caller may see and the query asks for."""

    def get(self, item_id: str) -> ItemRecord:
        """One item. Raises NotFound or Gone."""


@dataclass(frozen=True)
class CoverageRecord:
    """A product as a coverage: what it is, and where its pixels lie."""

    collection: str
    product: str
    title: str
    raster: RasterInfo
    start: datetime
    end: datetime
    gdal_path: str
    gdal_environment: tuple[tuple[str, str], ...] = ()
    etag: str = ""
    """Names the stored state: uuid, version, revision."""
    is_public: bool = False
    """Product and collection both."""
    description: str = ""
    keywords: tuple[str, ...] = ()
    licence: str = ""

    @property
    def name(self) -> str:
        """`{c}:{p}`, its id as a collection of OGC API."""
        return f"{self.collection}:{self.product}"

    @property
    def band_names(self) -> tuple[str, ...]:
        """One name a band, each different: descriptions where they are, else `b1`, `b2` ..."""
        names = tuple(band.name for band in self.raster.bands)
        if len({name.casefold() for name in names}) == len(names):
            return names
        return tuple(f"b{band.index}" for band in self.raster.bands)
