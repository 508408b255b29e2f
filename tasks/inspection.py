"""path -> RasterInfo, or a named rejection: the first step of the way in."""

from __future__ import annotations

import math
import warnings as python_warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import rasterio
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from repository.errors import BadRequest, Rejected
from repository.raster_info import BandInfo, RasterInfo
from tasks.dates import find_datetime, parse_answer
from tasks.footprints import find_footprint
from tasks.georeference import find_georeference
from tasks.kinds import guess_kind, kind_from_header
from tasks.tiff_checks import DEFAULT_LIMITS, Limits, checked_tiff_header
from tasks.tiff_header import TiffHeader

GDAL_OPTIONS = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": "{none}",
    "GDAL_CACHEMAX": 64,
}
"""No sidecar is looked for, none written, nothing fetched; the cache is in megabytes."""

_ANSWERS = frozenset({"crs", "bounds", "nodata", "datetime", "subdatasets"})
_MAX_TAGS, _MAX_TAG_CHARACTERS = 200, 4000


@dataclass(frozen=True)
class Format:
    """How one kind of file is recognised, and what may open it."""

    driver: str
    """The one GDAL driver that is tried."""
    magic: tuple[bytes, ...]
    read_header: Callable[[Path, Limits], TiffHeader]
    """Reads and checks the header without GDAL."""


FORMATS = (Format("GTiff", (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), checked_tiff_header),)
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
    answers = {key: value for key, value in (answers or {}).items() if value is not None}
    if unknown := set(answers) - _ANSWERS:
        raise BadRequest(f"Unknown answer: {', '.join(sorted(unknown))}.", code="invalid_answer")
    limits = replace(DEFAULT_LIMITS, decoded_bytes=max_decoded_bytes)
    header = recognise(path).read_header(path, limits)
    with open_raster(path, name=file_name or "The file") as dataset:
        info = _described(dataset, header, answers, file_name)
        return replace(info, kind=guess_kind(dataset, info))


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
    header: TiffHeader,
    answers: Mapping[str, Any],
    file_name: str,
) -> RasterInfo:
    _reject_complex(dataset)
    place = find_georeference(dataset, answers, header.raster.projected_epsg)
    footprint = find_footprint(place.crs, place.transform, dataset.width, dataset.height)
    notes = list(footprint.warnings) + _page_warnings(header)
    bands = _bands(dataset, header, answers, notes)
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


def _page_warnings(header: TiffHeader) -> list[tuple[str, str]]:
    result = []
    if header.other_pages:
        result.append(
            (
                "more_pages",
                f"The file has {header.other_pages + 1} pages; only the first is published.",
            )
        )
    if b"OVERVIEW_FILE" in header.raster.metadata:
        result.append(
            ("external_reference", "A reference to overviews in another file was ignored.")
        )
    return result


def _tags(dataset: rasterio.DatasetReader) -> dict[str, str]:
    """Dataset tags, bounded: a tag is the uploader's text and may be of any length."""
    kept = list(dataset.tags().items())[:_MAX_TAGS]
    return {_clean(key)[:200]: _clean(value)[:_MAX_TAG_CHARACTERS] for key, value in kept}


def _clean(text: object) -> str:
    """Without control characters: PostgreSQL refuses NUL, terminals obey the others."""
    decoded = str(text).encode("utf-8", "replace").decode("utf-8")
    return "".join(c for c in decoded if c.isprintable() or c in "\n\t")


def _bands(
    dataset: rasterio.DatasetReader,
    header: TiffHeader,
    answers: Mapping[str, Any],
    notes: list[tuple[str, str]],
) -> tuple[BandInfo, ...]:
    text = header.raster.nodata_text
    readable = _is_number(text)
    if text and not readable:
        notes.append(("nodata_ignored", f"The nodata value {text[:40]!r} is not a number."))
    values = dataset.nodatavals if readable or not text else (None,) * dataset.count
    if text and readable and all(value is None for value in values):
        notes.append(("nodata_ignored", f"The nodata value {text[:40]} does not fit the pixels."))
    bands = tuple(_band(dataset, i, values[i]) for i in range(dataset.count))
    if "nodata" in answers:
        bands = tuple(_with_answered_nodata(band, answers["nodata"]) for band in bands)
    elif any(b.nodata is not None and not fits(b.nodata, b.dtype) for b in bands):
        notes.append(("nodata_out_of_range", f"No pixel can have the nodata value {text[:40]}."))
    return bands


def _band(dataset: rasterio.DatasetReader, i: int, nodata: float | int | None) -> BandInfo:
    dtype = str(dataset.dtypes[i])
    if nodata is not None and np.dtype(dtype).kind in "iu" and float(nodata).is_integer():
        nodata = int(nodata)
    interpretation = dataset.colorinterp[i]
    return BandInfo(
        index=i + 1,
        dtype=dtype,
        nodata=nodata,
        scale=_usable(dataset.scales[i], 1.0),
        offset=_usable(dataset.offsets[i], 0.0),
        unit=_clean(dataset.units[i] or "")[:100],
        description=_clean(dataset.descriptions[i] or "")[:200],
        color_interpretation=interpretation.name,
        mask=_mask(dataset.mask_flag_enums[i], nodata),
        color_table=_color_table(dataset, i + 1) if interpretation is ColorInterp.palette else (),
    )


def _usable(number: float, otherwise: float) -> float:
    return float(number) if math.isfinite(number) else otherwise


def _mask(
    flags: list[MaskFlags], nodata: float | int | None
) -> Literal["all_valid", "nodata", "per_dataset", "alpha"]:
    """Alpha and per-dataset masks win: GDAL combines neither with nodata."""
    if MaskFlags.alpha in flags:
        return "alpha"
    if MaskFlags.per_dataset in flags:
        return "per_dataset"
    return "nodata" if nodata is not None else "all_valid"


def _color_table(
    dataset: rasterio.DatasetReader, band: int
) -> tuple[tuple[int, int, int, int, int], ...]:
    """All 256 entries of 8-bit tables; of 16-bit ones those that are not plain black padding."""
    try:
        table = dataset.colormap(band)
    except ValueError:
        return ()
    entries = sorted((value, *color) for value, color in table.items())
    if len(entries) > 256:
        entries = [entry for entry in entries if entry[1:] != (0, 0, 0, 255)]
    return tuple((int(v), int(r), int(g), int(b), int(a)) for v, r, g, b, a in entries)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def fits(value: float | int, dtype: str) -> bool:
    """Whether a pixel of `dtype` can have this value (NaN fits floats alone)."""
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return not math.isfinite(value) or abs(value) <= float(np.finfo(kind).max) * (1 + 1e-6)
    if not math.isfinite(value) or not float(value).is_integer():
        return False
    return int(np.iinfo(kind).min) <= int(value) <= int(np.iinfo(kind).max)


def _with_answered_nodata(band: BandInfo, answer: object) -> BandInfo:
    number = math.nan if isinstance(answer, str) and answer.lower() == "nan" else answer
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        raise BadRequest("The answer `nodata` is not a number.", code="invalid_answer")
    if not fits(number, band.dtype):
        raise BadRequest(
            f"No pixel of type {band.dtype} can have the nodata value {number:g}.",
            code="invalid_answer",
        )
    value = int(number) if np.dtype(band.dtype).kind in "iu" else float(number)
    mask = "nodata" if band.mask == "all_valid" else band.mask
    return replace(band, nodata=value, mask=mask)
