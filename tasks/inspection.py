"""path -> RasterInfo, or a named rejection: the first step of the way in."""

from __future__ import annotations

import warnings as python_warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from repository.errors import BadRequest, Rejected
from repository.findings import BandFindings, Findings, RasterFindings
from repository.raster_info import RasterInfo
from tasks.band_facts import clean_text, read_bands
from tasks.cog.as_it_is import is_good_cog
from tasks.dates import find_datetime, parse_answer
from tasks.footprints import find_footprint
from tasks.formats import geotiff
from tasks.formats.limits import DEFAULT_LIMITS, Limits
from tasks.formats.opening import GDAL_OPTIONS
from tasks.formats.records import HeaderFacts
from tasks.georeference import Georeference, find_georeference
from tasks.kinds import guess_kind, kind_from_header
from tasks.raster_source import FoundRaster, HandedFile, Inspection, RasterSource
from tasks.warping import settle_grid

_ANSWERS = frozenset({"crs", "bounds", "nodata", "datetime", "subdatasets"})
_MAX_TAGS, _MAX_TAG_CHARACTERS = 200, 4000


@dataclass(frozen=True)
class Format:
    """How one kind of file is recognised, and what may open it."""

    driver: str
    """The one GDAL driver that is tried."""
    magic: tuple[bytes, ...]
    read_header: Callable[[Path, Limits], HeaderFacts]
    """Reads and checks the header without GDAL."""


FORMATS = (Format("GTiff", geotiff.MAGIC, geotiff.check),)
"""What is taken, by first bytes. The name's ending is never looked at."""


def inspect(
    path: Path,
    *,
    answers: Mapping[str, Any] | None = None,
    file_name: str = "",
    max_decoded_bytes: int = DEFAULT_LIMITS.decoded_bytes,
) -> RasterInfo:
    """All that the header tells about the raster at `path`, with the owner's answers applied.

    `path` is a server-made name; `file_name` is the user's, used for the date and the kind.
    Reads no pixels but a bounded sample where only pixels tell classes from measurements
    (`tasks.kinds`); damage found there is left for the conversion to name.
    Raises Rejected, NeedsInput (`crs_missing`, `bounds_missing`), BadRequest `invalid_answer`.
    """
    return _inspect(path, answers, file_name, max_decoded_bytes).info


def _inspect(
    path: Path, answers: Mapping[str, Any] | None, file_name: str, max_decoded_bytes: int
) -> FoundRaster:
    answers = {key: value for key, value in (answers or {}).items() if value is not None}
    if unknown := set(answers) - _ANSWERS:
        raise BadRequest(f"Unknown answer: {', '.join(sorted(unknown))}.", code="invalid_answer")
    limits = replace(DEFAULT_LIMITS, decoded_bytes=max_decoded_bytes)
    header = recognise(path).read_header(path, limits)
    with open_raster(path, name=file_name or "The file") as dataset:
        _reject_complex(dataset)
        place = find_georeference(dataset, answers, header.projected_epsg)
        info = _described(dataset, header, place, answers, file_name)
        info, warp = settle_grid(replace(info, kind=guess_kind(dataset, info)), place)
    source = RasterSource(file_name, str(path), info.driver, warp=warp)
    return FoundRaster(source, info, is_good_cog(path, header.tiff, info, answers))


def inspect_files(
    files: Sequence[HandedFile],
    *,
    folder: Path,
    answers: Mapping[str, Any] | None = None,
    max_decoded_bytes: int = DEFAULT_LIMITS.decoded_bytes,
    say_found: Callable[[Findings], None] = lambda found: None,
) -> Inspection:
    """What the files of one upload hold. `folder` is the job's own, for what must be unpacked.

    Raises Rejected, NeedsInput, BadRequest as `inspect` does.
    """
    rasters = [_inspect(Path(file.path), answers, file.name, max_decoded_bytes) for file in files]
    say_found(Findings(
        "inspecting", rasters=tuple(_findings(found) for found in rasters),
        warnings=rasters[0].info.warnings,
    ))  # fmt: skip
    return Inspection(tuple(rasters))


def _findings(found: FoundRaster) -> RasterFindings:
    info = found.info
    return RasterFindings(
        name=found.source.name, format=info.driver, width=info.width, height=info.height,
        bands=tuple(BandFindings(band.index, band.dtype, band.nodata) for band in info.bands),
        crs_name=info.crs_name, crs_epsg=info.crs_epsg, transform=info.transform,
        bounds=info.bounds, bounds_wgs84=info.bounds_wgs84, footprint_wgs84=info.footprint_wgs84,
    )  # fmt: skip


def recognise(path: Path) -> Format:
    """The format that the first bytes name. Raises Rejected for all that is not taken."""
    with path.open("rb") as file:
        start = file.read(512)
    if not start:
        raise Rejected("The file is empty.", code="empty_file", hint="Upload it again.")
    for known in FORMATS:
        if start.startswith(known.magic):
            return known
    name = _foreign_name(start)
    if name is None:
        raise Rejected(
            "The file is not a raster: its first bytes are those of no raster format.",
            code="not_a_raster",
            hint="Upload a GeoTIFF.",
        )
    raise Rejected(
        f"This looks like {name}; only GeoTIFF is taken.",
        code="unsupported_format",
        hint="Convert it first: `gdal_translate -of COG input output.tif`.",
    )


@contextmanager
def open_raster(path: Path, *, name: str = "The file") -> Iterator[rasterio.DatasetReader]:
    """The raster open for reading by its one driver, cut off from network and sidecars.

    Raises Rejected `corrupt` where GDAL cannot open it.
    """
    driver = recognise(path).driver
    with rasterio.Env(**GDAL_OPTIONS), python_warnings.catch_warnings():
        python_warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            dataset = rasterio.open(path, driver=driver)
        except RasterioError as error:
            raise Rejected(
                f"GDAL cannot open the file: {_without_path(str(error), path, name)}",
                code="corrupt",
                hint="Write it anew with `gdal_translate -of COG input output.tif`.",
            ) from error
        with dataset:
            yield dataset


_FOREIGN = (
    (b"\x89HDF", "HDF5 or NetCDF 4"), (b"CDF", "NetCDF"), (b"GRIB", "GRIB"),
    (b"\x0e\x03\x13\x01", "HDF4"), (b"\x89PNG", "PNG"), (b"\xff\xd8\xff", "JPEG"),
    (b"\0\0\0\x0cjP", "JPEG 2000"), (b"\xff\x4f\xff\x51", "JPEG 2000"), (b"PK", "a zip archive"),
    (b"\x1f\x8b", "a gzip archive"), (b"EHFA_HEADER_TAG", "Erdas Imagine"),
    (b"SQLite format 3", "GeoPackage or MBTiles"), (b"NITF", "NITF"), (b"ENVI", "an ENVI header"),
    (b"ncols", "an ESRI ASCII grid"), (b"NCOLS", "an ESRI ASCII grid"), (b"UHL1", "DTED"),
    (b"<VRTDataset", "a VRT"), (b"GIF8", "GIF"), (b"RIFF", "WebP"), (b"BM", "a Windows bitmap"),
)  # fmt: skip


def _foreign_name(start: bytes) -> str | None:
    text = start.lstrip(b"\xef\xbb\xbf \r\n\t")
    for magic, name in _FOREIGN:
        if text.startswith(magic):
            return name
    return "a tar archive" if start[257:262] == b"ustar" else None


def _without_path(text: str, path: Path, name: str) -> str:
    return text.replace(str(path), name).replace(path.name, name)[:300]


def _described(
    dataset: rasterio.DatasetReader,
    header: HeaderFacts,
    place: Georeference,
    answers: Mapping[str, Any],
    file_name: str,
) -> RasterInfo:
    footprint = find_footprint(place.crs, place.transform, place.width, place.height)
    notes = list(footprint.warnings) + _page_warnings(header)
    bands = read_bands(dataset, header, answers, notes)
    tags = _tags(dataset)
    moment, source = find_datetime(tags, file_name)
    if "datetime" in answers:
        moment, source = parse_answer(answers["datetime"]), None
    block_height, block_width = dataset.block_shapes[0]
    grid = place.transform
    return RasterInfo(
        driver=dataset.driver,
        width=dataset.width,
        height=dataset.height,
        crs_wkt=place.wkt,
        crs_epsg=place.epsg,
        crs_name=place.crs.name,
        transform=(grid.a, grid.b, grid.c, grid.d, grid.e, grid.f),
        bounds=place.bounds,
        bounds_wgs84=footprint.bounds_wgs84,
        footprint_wgs84=footprint.geometry,
        bands=bands,
        kind=kind_from_header(bands, file_name),
        tags=tags,
        compression=str(dataset.tags(ns="IMAGE_STRUCTURE").get("COMPRESSION", "none")).lower(),
        block_width=block_width,
        block_height=block_height,
        overviews=header.overviews,
        datetime=moment,
        datetime_source=source,
        warnings=tuple(notes),
    )


def _reject_complex(dataset: rasterio.DatasetReader) -> None:
    kinds = {str(dtype) for dtype in dataset.dtypes}
    if any(kind.startswith("complex") for kind in kinds):
        raise Rejected(
            f"The raster holds complex numbers ({', '.join(sorted(kinds))}), "
            "which have no single value to draw.",
            code="complex_data",
            hint="Upload amplitude or intensity instead, "
            "for example `gdal_calc.py -A in.tif --calc='abs(A)' --outfile=out.tif`.",
        )


def _page_warnings(header: HeaderFacts) -> list[tuple[str, str]]:
    result = list(header.warnings)
    if header.tiff is not None and header.tiff.other_pages:
        pages = header.tiff.other_pages + 1
        result.append(("more_pages", f"The file has {pages} pages; only the first is published."))
    return result


def _tags(dataset: rasterio.DatasetReader) -> dict[str, str]:
    """Dataset tags, bounded: a tag is the uploader's text and may be of any length."""
    kept = list(dataset.tags().items())[:_MAX_TAGS]
    return {clean_text(key)[:200]: clean_text(value)[:_MAX_TAG_CHARACTERS] for key, value in kept}
