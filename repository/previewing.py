"""Where the rasters of an upload would lie with answers that are not saved yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyproj

from repository.answers import InvalidAnswer
from repository.coordinate_systems import parse_crs
from repository.errors import BadRequest
from repository.findings import Findings, RasterFindings
from repository.placing import Place, Point, corners_of_bounds, corners_of_grid, place

MAX_RASTERS = 100


@dataclass(frozen=True)
class PlacedRaster:
    """One raster and where it would lie."""

    name: str
    place: Place


@dataclass(frozen=True)
class Preview:
    """All rasters whose place can be told."""

    crs_name: str
    crs_epsg: int | None
    rasters: tuple[PlacedRaster, ...]


def preview(found: Findings, answers: dict[str, Any]) -> Preview:
    """The places that `answers` (checked) would give to the rasters that were found.

    Raises InvalidAnswer where an answer is missing that a place needs, or makes no sense.
    """
    placed, used = [], None
    for raster in (found.rasters or (RasterFindings(name=""),))[:MAX_RASTERS]:
        crs, corners = _system(raster, answers), _corners(raster, answers)
        if crs is not None and corners is not None:
            placed.append(PlacedRaster(raster.name, _placed(crs, corners, answers)))
            used = used or crs
    if used is None:
        raise _still_missing(answers)
    return Preview(used.name, used.to_epsg(), tuple(placed))


def _system(raster: RasterFindings, answers: dict[str, Any]) -> pyproj.CRS | None:
    if "crs" in answers:
        return parse_crs(answers["crs"])
    return parse_crs(f"EPSG:{raster.crs_epsg}") if raster.crs_epsg else None


def _corners(raster: RasterFindings, answers: dict[str, Any]) -> Sequence[Point] | None:
    if "bounds" in answers:
        return corners_of_bounds(answers["bounds"])
    if raster.transform and raster.width and raster.height:
        return corners_of_grid(raster.transform, raster.width, raster.height)
    return corners_of_bounds(raster.bounds) if raster.bounds else None


def _placed(crs: pyproj.CRS, corners: Sequence[Point], answers: dict[str, Any]) -> Place:
    try:
        return place(crs, corners)
    except BadRequest as error:
        field = "crs" if "crs" in answers else "bounds"
        raise InvalidAnswer(field, error.detail, hint=error.hint) from None


def _still_missing(answers: dict[str, Any]) -> InvalidAnswer:
    if "crs" in answers:
        return InvalidAnswer("bounds", "The file does not say where its edges lie.",
                             hint="Give left, bottom, right and top.")  # fmt: skip
    return InvalidAnswer("crs", "Say which coordinate system it is first.",
                         hint="For example EPSG:32633.")  # fmt: skip
