"""Opens one raster and says all about it that can be known before every pixel is read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

import pyproj
import rasterio
from pyproj.exceptions import CRSError
from rasterio.errors import RasterioError

from repository.raster_info import BandInfo, RasterInfo
from tasks.answering import answer_blamed, answers_for
from tasks.band_facts import read_bands
from tasks.candidates import Candidate
from tasks.cog.as_it_is import is_good_cog
from tasks.dates import Found, find_datetime, parse_answer
from tasks.diagnosis import MAX_RASTERS, Diagnosis, band_findings
from tasks.footprints import Footprint, find_footprint
from tasks.formats.checking import check_opened
from tasks.formats.grids import reject_swath
from tasks.formats.limits import Limits
from tasks.formats.listing import source_of
from tasks.formats.opening import open_raster
from tasks.formats.records import HeaderFacts
from tasks.formats.sidecars import with_sidecar_crs
from tasks.formats.times import sensing_time
from tasks.georeference import Georeference, find_georeference
from tasks.kinds import guess_kind, is_measured, kind_from_header
from tasks.nodata_doubts import differing_nodata_warning, nodata_warning
from tasks.pixel_sample import Sample, read_sample
from tasks.quicklook import quicklook_png
from tasks.raster_source import FoundRaster, RasterSource
from tasks.tags import kept_tags, plain_name, plain_text
from tasks.warping import settle_grid, with_outside_mask

MAX_QUICKLOOKS = 4
"""Of one upload: they are told again with every step."""


@dataclass(frozen=True)
class Request:
    """What is the same for all rasters of an upload."""

    answers: Mapping[str, Any]
    limits: Limits
    upload_name: str
    """Of the file that was handed in: an archive's name may tell the date of what is in it."""
    diagnosis: Diagnosis
    has_several: bool = False
    """The product gets more rasters than one."""


def describe(candidate: Candidate, number: int, request: Request) -> FoundRaster:
    """All facts of one raster, the `number`th from 0; what is found on the way is told at once.

    Reads no pixels but a bounded sample; damage found there is left for the conversion to
    name. Raises Rejected, NeedsInput (`crs_missing`, `bounds_missing`), BadRequest
    `invalid_answer`.
    """
    file, diagnosis = candidate.file, request.diagnosis
    diagnosis.raster(
        number, name=plain_name(candidate.name), format=file.form.title,
        width=file.header.width, height=file.header.height,
    )  # fmt: skip
    diagnosis.step("opening")
    source = source_of(file.form, file.path, candidate.sub, file.files.file.name)
    source = replace(source, name=plain_name(candidate.name), mask_path=file.mask_path)
    with open_raster(source) as dataset:
        info, source, header = _described(dataset, source, candidate, number, request)
    as_it_is = _may_stay_as_it_is(candidate, source) and is_good_cog(
        file.path, header.tiff, info, request.answers
    )
    if as_it_is:
        source = replace(source, path=file.files.file.path)
    return FoundRaster(source, info, take_as_it_is=as_it_is)


def _may_stay_as_it_is(candidate: Candidate, source: RasterSource) -> bool:
    """Whether the bytes that were handed in are the whole raster, and nothing but it."""
    file = candidate.file
    is_plain = not (source.subdataset or source.has_sidecars or source.mask_path or source.warp)
    return source.driver == "GTiff" and is_plain and not file.is_altered and not file.is_member


@dataclass(frozen=True)
class _Opened:
    """What is known of an open raster before its place is."""

    header: HeaderFacts
    answers: Mapping[str, Any]
    bands: tuple[BandInfo, ...]
    sample: Sample | None
    notes: tuple[tuple[str, str], ...]


def _described(
    dataset: rasterio.DatasetReader,
    source: RasterSource,
    candidate: Candidate,
    number: int,
    request: Request,
) -> tuple[RasterInfo, RasterSource, HeaderFacts]:
    diagnosis = request.diagnosis
    opened = _looked_at(dataset, source, candidate, number, request)
    diagnosis.step("placing")
    reject_swath(dataset)
    given = {key for key in opened.answers if key in request.answers}  # less what a .prj says
    with answer_blamed(given):
        place, footprint = _placed(dataset, opened, number, diagnosis)
    diagnosis.step("describing")

    info = _facts(dataset, place, opened, candidate, request)
    info = replace(info, bounds_wgs84=footprint.bounds_wgs84, footprint_wgs84=footprint.geometry)
    if not is_measured(PurePosixPath(candidate.name).name):
        info = replace(info, kind=guess_kind(dataset, info))
    doubt = nodata_warning(opened.sample, info) if opened.sample is not None else None
    differing = differing_nodata_warning(info.bands)
    doubts = tuple(note for note in (doubt, differing) if note)
    notes = (*opened.notes, *footprint.warnings, *doubts)
    info = replace(info, warnings=notes)
    if source.mask_path:
        info = with_outside_mask(info)
    info, warp = settle_grid(info, place)
    diagnosis.warn(info.warnings)
    return info, replace(source, warp=warp), opened.header


def _looked_at(
    dataset: rasterio.DatasetReader,
    source: RasterSource,
    candidate: Candidate,
    number: int,
    request: Request,
) -> _Opened:
    """Checks what GDAL says, reads the bands' facts and a sample, and tells them."""
    diagnosis = request.diagnosis
    diagnosis.raster(number, width=dataset.width, height=dataset.height, **_place_of(dataset))
    header = check_opened(dataset, candidate.file.header, request.limits)
    notes = list(dict.fromkeys((*candidate.file.warnings, *header.warnings)))
    answers = answers_for(dataset, request.answers, is_one_of_several=request.has_several)
    answers = with_sidecar_crs(source, dataset, answers)
    bands = read_bands(dataset, header, answers, notes)
    sample = read_sample(dataset, bands) if number < MAX_RASTERS else None
    diagnosis.raster(number, bands=band_findings(bands, sample))
    if sample is not None and number < MAX_QUICKLOOKS:
        diagnosis.raster(number, quicklook_png=quicklook_png(sample, bands))
    diagnosis.warn(notes)
    return _Opened(header, answers, bands, sample, tuple(notes))


def _placed(
    dataset: rasterio.DatasetReader, opened: _Opened, number: int, diagnosis: Diagnosis
) -> tuple[Georeference, Footprint]:
    """The grid that is published and its outline on Earth, both told as soon as known."""
    place = find_georeference(dataset, opened.answers, opened.header.projected_epsg)
    diagnosis.raster(
        number, crs_name=place.crs.name, crs_epsg=place.epsg, bounds=place.bounds,
        transform=place.transform[:6],
    )  # fmt: skip
    footprint = find_footprint(place.crs, place.transform, place.width, place.height)
    diagnosis.raster(
        number, bounds_wgs84=footprint.bounds_wgs84, footprint_wgs84=footprint.geometry
    )
    return place, footprint


def _facts(
    dataset: rasterio.DatasetReader,
    place: Georeference,
    opened: _Opened,
    candidate: Candidate,
    request: Request,
) -> RasterInfo:
    """The source's size and bands with the published grid's place; no footprint, no kind yet."""
    tags = dataset.tags()
    moment, moment_source = _datetime(dataset, tags, candidate, request)
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
        bounds_wgs84=place.bounds,
        footprint_wgs84={},
        bands=opened.bands,
        kind=kind_from_header(opened.bands, PurePosixPath(candidate.name).name),
        tags=kept_tags(tags),
        compression=str(dataset.tags(ns="IMAGE_STRUCTURE").get("COMPRESSION", "none")).lower(),
        block_width=block_width,
        block_height=block_height,
        overviews=opened.header.overviews,
        datetime=moment,
        datetime_source=moment_source,
    )


def _datetime(
    dataset: rasterio.DatasetReader,
    tags: Mapping[str, str],
    candidate: Candidate,
    request: Request,
) -> Found:
    """The owner's answer, else what the values say of themselves, else tags and names."""
    if "datetime" in request.answers:
        return parse_answer(request.answers["datetime"]), None
    if (instant := sensing_time(dataset)) is not None:
        return instant, "metadata"
    path = PurePosixPath(candidate.file.files.file.name)
    names = [path.name, str(path.parent), PurePosixPath(request.upload_name).name]
    answers = (find_datetime(tags, name) for name in names)
    return next((found for found in answers if found[0] is not None), (None, None))


def _place_of(dataset: rasterio.DatasetReader) -> dict[str, Any]:
    """What the file itself says of its place, wrong or not, as far as it can be shown."""
    facts: dict[str, Any] = {}
    grid = dataset.transform
    if all(math.isfinite(number) for number in grid[:6]) and not grid.is_identity:
        facts["transform"] = grid[:6]
        wide, high = dataset.width, dataset.height
        x = [grid.c + grid.a * column + grid.b * row for column in (0, wide) for row in (0, high)]
        y = [grid.f + grid.d * column + grid.e * row for column in (0, wide) for row in (0, high)]
        facts["bounds"] = (min(x), min(y), max(x), max(y))
    try:
        if dataset.crs:
            facts["crs_name"] = plain_text(pyproj.CRS.from_wkt(dataset.crs.to_wkt()).name, 200)
            facts["crs_epsg"] = dataset.crs.to_epsg()
    except (CRSError, RasterioError):
        facts["crs_name"] = plain_text(dataset.crs.to_wkt()[:80], 80)
    return facts
