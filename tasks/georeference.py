"""Settles a raster's CRS and grid from the file and from the owner's answers, or asks for them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyproj
import rasterio
from affine import Affine
from pyproj.exceptions import CRSError, ProjError
from rasterio.errors import CRSError as RasterioCRSError

from repository.errors import BadRequest, NeedsInput, Rejected
from repository.raster_info import Bounds
from tasks.placement import Grid, Placement, by_matrix, by_points, by_rpcs, suggested_grid

_CRS_ANSWER = re.compile(
    r"^\s*(?:(?:EPSG|ESRI|OGC|IAU_2015):[A-Z0-9]{1,12}|[A-Z_]{4,30}CRS\s*\[.*|"
    r"(?:PROJCS|GEOGCS|COMPD_CS|GEODCRS|BOUNDCRS)\s*\[.*)\s*$",
    re.IGNORECASE | re.DOTALL,
)
"""Codes and WKT only: PROJ and OSR take file names and addresses too, and open them."""

_EARTH_RADIUS = (6.3e6, 6.5e6)
"""Metres; no ellipsoid of the Earth has its semi-major axis elsewhere."""

_SHEAR_PIXELS = 1e-3
"""A rotation that moves no pixel by more than this is rounding, not rotation."""


@dataclass(frozen=True)
class Georeference:
    """A CRS that resolves, and a north-up or south-up grid in it: that which is published."""

    crs: pyproj.CRS
    wkt: str
    epsg: int | None
    transform: Affine
    bounds: Bounds
    """In `crs`: left <= right, bottom <= top."""
    width: int
    height: int
    placement: Placement | None = None
    """Where the source's pixels lie, if they must be warped into the grid."""


def find_georeference(
    dataset: rasterio.DatasetReader,
    answers: Mapping[str, Any],
    projected_epsg: int | None = None,
) -> Georeference:
    """The georeference of an open dataset, completed by `answers` (`crs`, `bounds`).

    `projected_epsg` is the file's own code, for files whose citation hides it from GDAL.
    A raster that is rotated, or placed by points or rational polynomials, gets the grid
    that it must be warped to. Raises NeedsInput `crs_missing` or `bounds_missing`; Rejected
    where the georeference is impossible; BadRequest `invalid_answer` for a wrong answer.
    """
    has_grid = "bounds" in answers or not _is_identity(dataset.transform)
    source = _answered_crs(answers["crs"]) if "crs" in answers else _own_crs(dataset)
    if source is None and projected_epsg is not None:
        source = _from_epsg(projected_epsg)
    if not has_grid and (placement := _placed_otherwise(dataset, source, answers)) is not None:
        return _to_be_warped(dataset, placement)
    if source is None:
        raise _crs_missing(has_grid)
    if not has_grid:
        raise NeedsInput(
            "The raster has a CRS but does not say where its pixels lie.",
            code="bounds_missing",
            hint="Give `bounds` as [left, bottom, right, top] in the raster's CRS.",
        )
    if "bounds" not in answers and _is_rotated(dataset):
        return _to_be_warped(dataset, by_matrix(dataset.transform, source))
    grid = Grid(_grid(dataset, answers), dataset.width, dataset.height)
    return _georeference(source, grid, None)


def _placed_otherwise(
    dataset: rasterio.DatasetReader, crs: rasterio.CRS | None, answers: Mapping[str, Any]
) -> Placement | None:
    """The placement by control points or RPCs; None where there are neither.

    An answered CRS is that of the points; RPCs are defined in WGS 84 whatever the file says.
    """
    points, own = dataset.gcps
    if points:
        if "crs" not in answers:
            crs = own or crs
        if crs is None:
            raise NeedsInput(
                f"The raster is placed by {len(points)} ground control points that do not "
                "name their coordinate reference system.",
                code="crs_missing",
                hint="Give the `crs` of the points, for example EPSG:4326.",
            )
        _earthly(crs)
        return by_points(points, crs)
    return by_rpcs(dataset.rpcs) if dataset.rpcs is not None else None


def _to_be_warped(dataset: rasterio.DatasetReader, placement: Placement) -> Georeference:
    grid = suggested_grid(placement, dataset.width, dataset.height)
    _reject_impossible(grid.transform, max(grid.width, grid.height))
    return _georeference(placement.crs, grid, placement)


def _georeference(source: rasterio.CRS, grid: Grid, placement: Placement | None) -> Georeference:
    return Georeference(
        crs=_earthly(source),
        wkt=_wkt(source),
        epsg=source.to_epsg(),
        transform=grid.transform,
        bounds=_bounds(grid.transform, grid.width, grid.height),
        width=grid.width,
        height=grid.height,
        placement=placement,
    )


def _is_identity(transform: Affine) -> bool:
    """GDAL's answer where the file has no geotransform, with either sign of y."""
    return tuple(transform)[:6] in ((1, 0, 0, 0, 1, 0), (1, 0, 0, 0, -1, 0))


def _crs_missing(has_grid: bool) -> NeedsInput:
    if has_grid:
        return NeedsInput(
            "The raster does not name its coordinate reference system.",
            code="crs_missing",
            hint="Give `crs`, for example EPSG:32633.",
        )
    return NeedsInput(
        "The raster has no georeference: neither a CRS nor the place of its pixels.",
        code="crs_missing",
        hint="Give both `crs`, for example EPSG:4326, and `bounds` as "
        "[left, bottom, right, top] in that CRS.",
    )


def _own_crs(dataset: rasterio.DatasetReader) -> rasterio.CRS | None:
    """The file's CRS; None where it has none, or one that is tied to nothing (LOCAL_CS)."""
    crs = dataset.crs
    if not crs:
        return None
    wkt = crs.to_wkt().lstrip().upper()
    return None if wkt.startswith(("LOCAL_CS", "ENGCRS", "ENGINEERINGCRS")) else crs


def _answered_crs(answer: object) -> rasterio.CRS:
    text = f"EPSG:{answer}" if isinstance(answer, int) else answer
    if not isinstance(text, str) or len(text) > 20_000 or not _CRS_ANSWER.match(text):
        raise _invalid("crs", "Write an EPSG code such as EPSG:32633, or WKT.")
    try:
        crs = rasterio.CRS.from_wkt(pyproj.CRS.from_user_input(text.strip()).to_wkt())
        _earthly(crs)
    except (CRSError, RasterioCRSError, Rejected) as error:
        hint = error.detail if isinstance(error, Rejected) else "This CRS is not known."
        raise _invalid("crs", hint) from error
    return crs


def _from_epsg(code: int) -> rasterio.CRS:
    try:
        return rasterio.CRS.from_epsg(code)
    except RasterioCRSError as error:
        raise _unknown_crs(f"EPSG:{code}") from error


def _earthly(source: rasterio.CRS) -> pyproj.CRS:
    try:
        crs = pyproj.CRS.from_wkt(_wkt(source))
        ellipsoid = crs.ellipsoid
        if ellipsoid is not None and not (
            _EARTH_RADIUS[0] < ellipsoid.semi_major_metre < _EARTH_RADIUS[1]
        ):
            raise Rejected(
                f"The raster shows another body than the Earth: its CRS, {crs.name}, has a "
                f"radius of {ellipsoid.semi_major_metre / 1000:.0f} km.",
                code="not_on_earth",
                hint="Only rasters of the Earth can be put on these maps.",
            )
        flat = crs.to_2d() if crs.is_compound else crs
        pyproj.Transformer.from_crs(flat, "OGC:CRS84", always_xy=True)
    except (CRSError, ProjError) as error:
        raise _unknown_crs(source.to_wkt()[:80]) from error
    return crs


def _wkt(crs: rasterio.CRS) -> str:
    """WKT 2 says what WKT 1 cannot; the older one where GDAL has no newer."""
    try:
        return str(crs.to_wkt(version="WKT2_2019"))
    except RasterioCRSError:
        return str(crs.to_wkt())


def _unknown_crs(text: str) -> Rejected:
    return Rejected(
        f"The raster's CRS cannot be related to longitude and latitude: {text}",
        code="unknown_crs",
        hint="Set a known one: `gdal_edit.py -a_srs EPSG:32633 file.tif`.",
    )


def _grid(dataset: rasterio.DatasetReader, answers: Mapping[str, Any]) -> Affine:
    if "bounds" in answers:
        left, bottom, right, top = _answered_bounds(answers["bounds"])
        across, down = (right - left) / dataset.width, (top - bottom) / dataset.height
        return Affine(across, 0.0, left, 0.0, -down, top)
    grid = dataset.transform
    _reject_impossible(grid, max(dataset.width, dataset.height))
    return Affine(grid.a, 0.0, grid.c, 0.0, grid.e, grid.f)


def _is_rotated(dataset: rasterio.DatasetReader) -> bool:
    """Whether pixels leave the axes of the CRS. Raises Rejected where the matrix is useless."""
    grid = dataset.transform
    _reject_infinite(grid)
    shear = max(abs(grid.b) * dataset.height, abs(grid.d) * dataset.width)
    if shear <= _SHEAR_PIXELS * min(abs(grid.a), abs(grid.e)):
        return False
    if abs(grid.determinant) < 1e-300:
        raise _bad_geotransform("cannot be inverted", grid)
    return True


def _reject_infinite(grid: Affine) -> None:
    if not all(math.isfinite(number) for number in grid[:6]):
        raise _bad_geotransform("holds numbers that are not finite", grid)


def _reject_impossible(grid: Affine, side: int) -> None:
    _reject_infinite(grid)
    reach = max(abs(number) for number in grid[:6]) * side
    if min(abs(grid.a), abs(grid.e)) < 1e-12 or reach > 1e15:
        raise _bad_geotransform("has a pixel size that is impossible on Earth", grid)


def _bad_geotransform(sentence: str, grid: Affine) -> Rejected:
    return Rejected(
        f"The raster's geotransform {sentence}: {_numbers(grid)}.",
        code="bad_geotransform",
        hint="Correct it with `gdal_edit.py -a_ullr left top right bottom file.tif`.",
    )


def _numbers(grid: Affine) -> str:
    return ", ".join(f"{number:g}" for number in grid[:6])


def _answered_bounds(answer: object) -> Bounds:
    hint = "Write [left, bottom, right, top] with left < right and bottom < top."
    if not isinstance(answer, (list, tuple)) or len(answer) != 4:
        raise _invalid("bounds", hint)
    if not all(isinstance(n, (int, float)) and math.isfinite(n) for n in answer):
        raise _invalid("bounds", hint)
    left, bottom, right, top = (float(number) for number in answer)
    if not (left < right and bottom < top):
        raise _invalid("bounds", hint)
    return left, bottom, right, top


def _bounds(grid: Affine, width: int, height: int) -> Bounds:
    left, right = sorted((grid.c, grid.c + grid.a * width))
    bottom, top = sorted((grid.f, grid.f + grid.e * height))
    return left, bottom, right, top


def _invalid(field: str, hint: str) -> BadRequest:
    return BadRequest(f"The answer `{field}` is not valid.", code="invalid_answer", hint=hint)
