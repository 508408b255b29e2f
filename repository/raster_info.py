"""What is known about a raster: frozen records that every other room shares.

Standard library only, so that the catalogue, the workers and the tile server
agree on one vocabulary without importing one another's libraries. All records
are plain data and survive a trip through JSON (`to_json`, `from_json`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Kind = Literal["classes", "bits", "measurement", "rgb"]
"""What the numbers mean: class codes, bit flags, measured values, or a colour picture."""

Bounds = tuple[float, float, float, float]
"""left, bottom, right, top; the frame is in the name of the field that holds it."""

Affine6 = tuple[float, float, float, float, float, float]
"""a, b, c, d, e, f of x = a*column + b*row + c, y = d*column + e*row + f."""


@dataclass(frozen=True)
class Statistics:
    """Facts about the valid, finite pixels of one band at full resolution, unscaled."""

    min: float | int | None
    max: float | int | None
    mean: float | None
    std: float | None
    valid_count: int
    total_count: int
    percentile_2: float | None = None
    percentile_98: float | None = None
    histogram_counts: tuple[int, ...] = ()
    histogram_edges: tuple[float, ...] = ()
    """One edge more than counts. Empty where there is no valid pixel."""
    unique_values: tuple[int, ...] = ()
    """All values of an integer band that has at most 256 different ones, else empty."""

    @property
    def valid_share(self) -> float:
        """Share of pixels that carry a value, 0 to 1."""
        return self.valid_count / self.total_count if self.total_count else 0.0


@dataclass(frozen=True)
class BandInfo:
    """One band, numbered from 1 as GDAL and every GIS do."""

    index: int
    dtype: str
    """numpy's name of the data type: uint8, int16, float32 ..."""
    nodata: float | int | None = None
    """None: no such value. NaN is written as the string "nan" in JSON."""
    scale: float = 1.0
    offset: float = 0.0
    unit: str = ""
    description: str = ""
    color_interpretation: str = "undefined"
    """GDAL's name: gray, palette, red, green, blue, alpha, undefined ..."""
    mask: Literal["all_valid", "nodata", "per_dataset", "alpha"] = "all_valid"
    """Where GDAL takes the band's validity from; NaN pixels of floats are invalid besides."""
    color_table: tuple[tuple[int, int, int, int, int], ...] = ()
    """(value, red, green, blue, alpha), 0 to 255 each."""
    statistics: Statistics | None = None

    @property
    def name(self) -> str:
        """The description where there is one, else `b1`, `b2` ..."""
        return self.description or f"b{self.index}"


@dataclass(frozen=True)
class RasterInfo:
    """One raster as stored: its grid, its place on Earth, its bands."""

    driver: str
    width: int
    height: int
    crs_wkt: str
    """OGC WKT; the one full definition. `crs_name` is for people."""
    crs_epsg: int | None
    crs_name: str
    transform: Affine6
    bounds: Bounds
    """In the raster's own CRS: left <= right, bottom <= top, south-up rasters too."""
    bounds_wgs84: Bounds
    """Longitude, latitude; left > right across the antimeridian (RFC 7946, 5.2)."""
    footprint_wgs84: dict[str, Any]
    """GeoJSON Polygon or MultiPolygon, cut at the antimeridian (RFC 7946, 3.1.9)."""
    bands: tuple[BandInfo, ...]
    kind: Kind
    tags: dict[str, str] = field(default_factory=dict)
    """Dataset tags worth keeping, without GDAL's own domains."""
    compression: str = ""
    block_width: int = 0
    block_height: int = 0
    overviews: tuple[int, ...] = ()
    datetime: str | None = None
    """RFC 3339 instant in UTC, only where metadata or file name say it unmistakably."""
    datetime_source: Literal["metadata", "filename"] | None = None
    warnings: tuple[tuple[str, str], ...] = ()
    """(code, sentence) pairs, for the owner to read."""
    lineage: tuple[str, ...] = ()
    """What was done to the pixels beyond lossless repacking, one sentence each."""

    @property
    def decoded_bytes(self) -> int:
        """Size of all pixels once decompressed."""
        return self.width * self.height * sum(_item_size(b.dtype) for b in self.bands)

    def to_json(self) -> dict[str, Any]:
        """A dictionary of JSON types; NaN and infinities become strings."""
        result = finite(asdict(self))
        assert isinstance(result, dict)
        return result

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> RasterInfo:
        """The inverse of `to_json`."""
        values = dict(data)
        values["bands"] = tuple(band_from_json(band) for band in data["bands"])
        for name in ("transform", "bounds", "bounds_wgs84", "overviews", "lineage"):
            values[name] = tuple(data[name])
        values["warnings"] = tuple((code, text) for code, text in data["warnings"])
        return cls(**values)


def band_from_json(data: dict[str, Any]) -> BandInfo:
    """A BandInfo from what `RasterInfo.to_json` wrote for it."""
    values = dict(data)
    nodata = _number(data.get("nodata"))
    # PostgreSQL's jsonb gives a large float such as -3.4e38 back as an integer.
    is_float = data["dtype"].startswith("float")
    values["nodata"] = float(nodata) if is_float and nodata is not None else nodata
    values["color_table"] = tuple(tuple(entry) for entry in data.get("color_table", ()))
    statistics = data.get("statistics")
    if statistics is not None:
        statistics = dict(statistics)
        for name in ("min", "max", "mean", "std", "percentile_2", "percentile_98"):
            statistics[name] = _number(statistics[name])
        for name in ("histogram_counts", "histogram_edges", "unique_values"):
            statistics[name] = tuple(statistics[name])
        values["statistics"] = Statistics(**statistics)
    return BandInfo(**values)


def _item_size(dtype: str) -> int:
    if dtype == "bool":
        return 1
    bits = int("".join(c for c in dtype if c.isdigit()) or 64)
    return max(1, bits // 8)


def _number(value: Any) -> Any:
    """ "nan", "inf" and "-inf" back to floats; anything else as it is."""
    return float(value) if isinstance(value, str) else value


def finite(value: Any) -> Any:
    """`value` with NaN and infinities as strings: JSON has none (RFC 8259, 6)."""
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return "nan" if value != value else ("inf" if value > 0 else "-inf")
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return value
