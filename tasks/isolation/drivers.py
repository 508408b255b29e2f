"""Leaves GDAL the drivers that we name, and takes all others out of the process."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

USED = frozenset(
    {
        "GTiff", "COG", "MEM", "JP2OpenJPEG", "netCDF", "HDF5", "HDF5Image", "GRIB", "ENVI", "HFA",
        "EHdr", "AAIGrid", "GPKG", "MBTiles", "PNG", "JPEG", "DTED", "SRTMHGT",
        "SQLite",  # MBTiles looks into its file by it
        "WEBP",  # of tiles inside GPKG and MBTiles
    }
)  # fmt: skip
"""Drivers that read or write what we take. Not VRT and the like, which open other files, and
none that asks a network."""


def keep_drivers(used: frozenset[str] = USED) -> set[str]:
    """Take every other driver out of GDAL; the names of those that are left.

    GDAL_SKIP alone needs their names before GDAL is there; it is set too, for whoever registers
    the drivers again.
    """
    import rasterio

    with rasterio.Env() as environment:
        unwanted = set(environment.drivers()) - used
        skipped = set(filter(None, os.environ.get("GDAL_SKIP", "").split(",")))
        os.environ["GDAL_SKIP"] = ",".join(sorted(skipped | unwanted))
        gdal = _loaded_gdal()
        for name in sorted(unwanted):
            driver = gdal.GDALGetDriverByName(name.encode())
            if driver:
                gdal.GDALDeregisterDriver(ctypes.c_void_p(driver))
        return set(environment.drivers())


def without_boto() -> None:
    """rasterio.session imports boto3 where it can: a quarter of a second for nothing we need."""
    sys.modules.setdefault("boto3", None)  # type: ignore[arg-type]


def _loaded_gdal() -> ctypes.CDLL:
    """The library that rasterio has loaded already. Raises OSError where none is found."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        path = line.rpartition(" ")[2]
        if "libgdal" in path:
            gdal = ctypes.CDLL(path)
            gdal.GDALGetDriverByName.restype = ctypes.c_void_p
            return gdal
    raise OSError("rasterio's GDAL is not among the libraries of this process")
