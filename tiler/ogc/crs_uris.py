"""Coordinate reference systems by their OGC names, and coordinates in them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from repository.errors import BadRequest
from repository.raster_info import RasterInfo

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
ITEM_CRS = (
    CRS84,
    "http://www.opengis.net/def/crs/EPSG/0/4326",
    "http://www.opengis.net/def/crs/EPSG/0/3857",
)
"""What items are given in. CRS84 first: QGIS takes the first one."""


def epsg_uri(code: int) -> str:
    """OGC name of an EPSG system (OGC 09-048r5)."""
    return f"http://www.opengis.net/def/crs/EPSG/0/{code}"


def storage_crs_uri(raster: RasterInfo) -> str | None:
    """OGC name of a raster's CRS; None where it has no code."""
    return epsg_uri(raster.crs_epsg) if raster.crs_epsg else None


@lru_cache(maxsize=256)
def parse_crs(text: str) -> CRS:
    """A CRS from an OGC URI, URN, safe CURIE `[EPSG:3857]` or WKT. Raises BadRequest."""
    try:
        return CRS.from_user_input(text.strip().strip("[]") if text.startswith("[") else text)
    except CRSError:
        raise BadRequest(f"{text[:80]!r} is no known coordinate reference system.",
                         code="unknown_crs", hint=f"For example {CRS84}") from None  # fmt: skip


@lru_cache(maxsize=256)
def transformer(source: CRS, target: CRS) -> Transformer:
    """From one CRS to another, coordinates as x, y whatever the authority's order."""
    return Transformer.from_crs(source, target, always_xy=True)


def y_comes_first(crs: CRS) -> bool:
    """Whether the authority writes northing or latitude before easting or longitude."""
    axes = crs.axis_info
    return bool(axes) and axes[0].direction.lower() in ("north", "south")


def geometry_in(geometry: dict[str, Any] | None, crs_uri: str) -> dict[str, Any] | None:
    """A GeoJSON geometry of CRS84 in another CRS, in the axis order of that CRS (OGC 18-058r1)."""
    if geometry is None or crs_uri == CRS84:
        return geometry
    crs = parse_crs(crs_uri)
    move = transformer(parse_crs(CRS84), crs).transform
    swap = y_comes_first(crs)

    def moved(node: Any) -> Any:
        if isinstance(node[0], list | tuple):
            return [moved(child) for child in node]
        x, y = move(node[0], node[1])
        return [y, x] if swap else [x, y]

    return {**geometry, "coordinates": moved(geometry["coordinates"])}
