"""What was found out about an upload so far: the diagnosis that its owner reads, whatever its end.

Standard library only; plain data that survives a trip through JSON. Unlike RasterInfo, every
fact may be missing: a file that is refused early still shows what it said until then.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from repository.raster_info import Affine6, Bounds, finite

FileRole = Literal["raster", "sidecar", "attachment", "archive", "ignored"]


@dataclass(frozen=True)
class FileFindings:
    """One file that was handed in, or lay in an archive."""

    name: str
    size_bytes: int
    format: str = ""
    """Its format for people: GeoTIFF, NetCDF, zip archive. Empty: not known."""
    role: FileRole = "raster"


@dataclass(frozen=True)
class BandFindings:
    """One band; the numbers are those of a sample of its pixels, unscaled."""

    index: int
    dtype: str
    nodata: float | int | str | None = None
    description: str = ""
    unit: str = ""
    valid_share: float | None = None
    """Share of sampled pixels that carry a value, 0 to 1."""
    min: float | int | None = None
    max: float | int | None = None
    histogram_counts: tuple[int, ...] = ()
    histogram_edges: tuple[float, ...] = ()
    """One edge more than counts."""


@dataclass(frozen=True)
class RasterFindings:
    """One raster, as far as its header could be read."""

    name: str
    format: str = ""
    width: int | None = None
    height: int | None = None
    bands: tuple[BandFindings, ...] = ()
    crs_name: str = ""
    crs_epsg: int | None = None
    transform: Affine6 | None = None
    bounds: Bounds | None = None
    """In the raster's own CRS."""
    bounds_wgs84: Bounds | None = None
    footprint_wgs84: dict[str, Any] | None = None
    quicklook_png: str = ""
    """A small picture, base64; at most 64 KB."""


@dataclass(frozen=True)
class Option:
    """One of the things that the owner may choose, by its `id`."""

    id: str
    title: str
    description: str = ""
    width: int | None = None
    height: int | None = None
    dtype: str = ""


@dataclass(frozen=True)
class Findings:
    """All of it. `step` is where the journey is, or where it ended."""

    step: str = ""
    files: tuple[FileFindings, ...] = ()
    rasters: tuple[RasterFindings, ...] = ()
    options: tuple[Option, ...] = ()
    """What `subdatasets` may name, where there is something to choose."""
    warnings: tuple[tuple[str, str], ...] = ()
    """(code, sentence) pairs."""

    def to_json(self) -> dict[str, Any]:
        """A dictionary of JSON types; NaN and infinities become strings."""
        result = finite(asdict(self))
        assert isinstance(result, dict)
        return result

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Findings:
        """The inverse of `to_json`; an empty dictionary makes empty findings."""
        return cls(
            step=data.get("step", ""),
            files=tuple(FileFindings(**entry) for entry in data.get("files", ())),
            rasters=tuple(_raster(entry) for entry in data.get("rasters", ())),
            options=tuple(Option(**entry) for entry in data.get("options", ())),
            warnings=tuple((code, text) for code, text in data.get("warnings", ())),
        )


def _raster(data: dict[str, Any]) -> RasterFindings:
    values = dict(data)
    values["bands"] = tuple(_band(band) for band in data.get("bands", ()))
    for name in ("transform", "bounds", "bounds_wgs84"):
        values[name] = tuple(data[name]) if data.get(name) is not None else None
    return RasterFindings(**values)


def _band(data: dict[str, Any]) -> BandFindings:
    values = dict(data)
    for name in ("histogram_counts", "histogram_edges"):
        values[name] = tuple(data.get(name, ()))
    return BandFindings(**values)
