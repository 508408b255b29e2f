"""What was found in an upload, as its owner reads it: files, rasters, bands, place, warnings."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from django.utils.safestring import SafeString

from repository.findings import BandFindings, FileFindings, Findings, RasterFindings
from repository.portal import histogram, locator
from repository.portal.words import number, size, with_unit

ROLE_WORDS = {
    "raster": "raster",
    "sidecar": "belongs to a raster",
    "attachment": "kept beside the map",
    "archive": "archive, unpacked",
    "ignored": "left aside",
}
MAX_BANDS, MAX_PICTURES, MAX_FILES, MAX_RASTERS = 50, 3, 200, 20
PNG_START = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class FileRow:
    """One file of the upload."""

    name: str
    size: str
    format: str
    role: str


@dataclass(frozen=True)
class BandRow:
    """One band; the numbers are those of a sample of its pixels."""

    name: str
    dtype: str
    nodata: str
    valid: str
    lowest: str
    highest: str
    unit: str


@dataclass(frozen=True)
class Picture:
    """A histogram and the sentence that says the same."""

    name: str
    svg: SafeString
    sentence: str


@dataclass(frozen=True)
class RasterCard:
    """One raster, as far as its header could be read."""

    name: str
    facts: tuple[tuple[str, str], ...]
    bands: tuple[BandRow, ...]
    more_bands: int
    pictures: tuple[Picture, ...]
    quicklook: str
    """A data: address, or empty."""
    map: SafeString
    place: str


@dataclass(frozen=True)
class Diagnosis:
    """All of it; empty parts are left out of the page."""

    files: tuple[FileRow, ...] = ()
    more_files: int = 0
    rasters: tuple[RasterCard, ...] = ()
    more_rasters: int = 0
    warnings: tuple[tuple[str, str], ...] = ()
    """(code, sentence) pairs."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        return not (self.files or self.rasters)


def diagnose(found: Findings) -> Diagnosis:
    """The findings in words and pictures."""
    return Diagnosis(
        files=tuple(_file(entry) for entry in found.files[:MAX_FILES]),
        more_files=max(0, len(found.files) - MAX_FILES),
        rasters=tuple(_raster(entry) for entry in found.rasters[:MAX_RASTERS]),
        more_rasters=max(0, len(found.rasters) - MAX_RASTERS),
        warnings=found.warnings,
    )


def system_words(name: str, epsg: int | None) -> str:
    """WGS 84 (EPSG:4326)."""
    code = f"EPSG:{epsg}" if epsg else ""
    return f"{name} ({code})" if name and code and name != code else name or code or "not stated"


def _file(entry: FileFindings) -> FileRow:
    return FileRow(
        entry.name, size(entry.size_bytes), entry.format or "not known",
        ROLE_WORDS.get(entry.role, entry.role),
    )  # fmt: skip


def _raster(found: RasterFindings) -> RasterCard:
    pictured = [band for band in found.bands if sum(band.histogram_counts)][:MAX_PICTURES]
    place = found.bounds_wgs84
    return RasterCard(
        name=found.name,
        facts=tuple(_facts(found)),
        bands=tuple(_band(band) for band in found.bands[:MAX_BANDS]),
        more_bands=max(0, len(found.bands) - MAX_BANDS),
        pictures=tuple(_picture(band) for band in pictured),
        quicklook=_picture_address(found.quicklook_png),
        map=locator.svg(place, found.footprint_wgs84) if place else SafeString(""),
        place=locator.sentence(place) if place else "",
    )


def _facts(found: RasterFindings) -> list[tuple[str, str]]:
    facts = [("Format", found.format or "not known")]
    if found.width and found.height:
        facts.append(("Size", f"{number(found.width)} × {number(found.height)} pixels"))
    if found.bands:
        dtypes = sorted({band.dtype for band in found.bands})
        facts.append(("Bands", f"{len(found.bands)}, {', '.join(dtypes)}"))
    facts.append(("Coordinate system", system_words(found.crs_name, found.crs_epsg)))
    if found.bounds:
        edges = ", ".join(number(edge, 7) for edge in found.bounds)
        facts.append(("Left, bottom, right, top", edges))
    elif found.width:
        facts.append(("Left, bottom, right, top", "not stated"))
    if found.transform:
        a, b, c, d, e, f = (number(value, 7) for value in found.transform)
        facts.append(("Geotransform", f"x: {a}, {b}, {c}; y: {d}, {e}, {f}"))
    return facts


def _band(band: BandFindings) -> BandRow:
    no_value = band.nodata is None or isinstance(band.nodata, str)
    return BandRow(
        name=band.description or f"b{band.index}",
        dtype=band.dtype,
        nodata=str(band.nodata or "none") if no_value else number(band.nodata),  # type: ignore[arg-type]
        valid="not read" if band.valid_share is None else _share(band.valid_share),
        lowest="–" if band.min is None else number(band.min),
        highest="–" if band.max is None else number(band.max),
        unit=band.unit,
    )


def _share(share: float) -> str:
    """12.3 %; what is nearly nothing or nearly all is not rounded to it."""
    if 0 < share < 0.001:
        return "under 0.1 %"
    if 0.999 < share < 1:
        return "over 99.9 %"
    return f"{share:.1%}".replace("%", " %")


def _picture(band: BandFindings) -> Picture:
    bars = histogram.coarser(band.histogram_counts, band.histogram_edges, band.unit)
    name = band.description or f"Band {band.index}"
    low, high = number(bars.edges[0]), with_unit(bars.edges[-1], band.unit)
    title = f"Histogram of {name}, from {low} to {high}"
    return Picture(name, histogram.svg(bars, title), histogram.sentence(bars))


def _picture_address(quicklook_png: str) -> str:
    """A picture of ours as an address; anything else is not shown."""
    try:
        content = base64.b64decode(quicklook_png, validate=True)
    except (binascii.Error, ValueError):
        return ""
    return f"data:image/png;base64,{quicklook_png}" if content.startswith(PNG_START) else ""
