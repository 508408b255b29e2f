"""Tells rasters on a grid from swaths, whose every pixel has a place of its own."""

from __future__ import annotations

import rasterio

from repository.errors import Rejected

_IDENTITIES = ((1, 0, 0, 0, 1, 0), (1, 0, 0, 0, -1, 0))


def has_grid(dataset: rasterio.DatasetReader) -> bool:
    """Whether GDAL knows the place of the pixels: by a grid, control points or polynomials."""
    if tuple(dataset.transform)[:6] not in _IDENTITIES:
        return True
    return bool(dataset.gcps[0]) or dataset.rpcs is not None


def has_geolocation(dataset: rasterio.DatasetReader) -> bool:
    """Whether arrays of longitude and latitude say where each pixel lies."""
    return bool(dataset.tags(ns="GEOLOCATION"))


def is_swath(dataset: rasterio.DatasetReader) -> bool:
    """Whether the file says that it is one (`cdm_data_type`, Unidata's discovery conventions)."""
    kinds = [value for key, value in dataset.tags().items() if key.endswith("cdm_data_type")]
    return any(kind.strip().lower() == "swath" for kind in kinds)


def reject_swath(dataset: rasterio.DatasetReader) -> None:
    """Raises Rejected `no_grid` where pixels have a place each instead of a grid."""
    if not has_grid(dataset) and (has_geolocation(dataset) or is_swath(dataset)):
        raise no_grid()


def no_grid() -> Rejected:
    """The error for swaths, as satellites scan them (level 1 and 2)."""
    return Rejected(
        "The file holds a swath: each pixel has its own longitude and latitude, "
        "and there is no grid.",
        code="no_grid",
        hint="Bring it into a grid first, for example "
        "`gdalwarp -geoloc -t_srs EPSG:4326 NETCDF:in.nc:variable out.tif`, or upload level 3.",
    )
