"""The kinds of file that are taken: for each the one driver, its checks and its sidecars."""

from __future__ import annotations

from pathlib import Path

from tasks.formats import (
    ascii_grid,
    elevation,
    erdas,
    geopackage,
    geotiff,
    grib,
    hdf5,
    jpeg,
    jpeg2000,
    mbtiles,
    netcdf_classic,
    png,
    raw_headers,
)
from tasks.formats.limits import Limits
from tasks.formats.records import Format, HeaderFacts

TIFF_WORLD_FILES = (".tfw", ".tifw", ".tiffw", ".wld")
JP2_WORLD_FILES = (".j2w", ".jp2w", ".wld")
RAW_WORLD_FILES = (".blw", ".bilw", ".bpw", ".bipw", ".bqw", ".bsqw", ".wld")
WORLD_FILES = frozenset(
    (*TIFF_WORLD_FILES, *JP2_WORLD_FILES, *RAW_WORLD_FILES, *png.WORLD_FILES, *jpeg.WORLD_FILES)
)
"""Text files of six numbers: the place of the pixels."""


def _check_netcdf(path: Path, limits: Limits) -> HeaderFacts:
    with path.open("rb") as file:
        is_classic = file.read(4) in netcdf_classic.MAGIC
    return netcdf_classic.check(path, limits) if is_classic else hdf5.check(path, limits)


GEOTIFF = Format(
    "geotiff", "GeoTIFF", "GTiff", (".tif",), geotiff.check,
    sidecars=(*TIFF_WORLD_FILES, ".prj"), is_container=True,
)  # fmt: skip
JPEG2000 = Format(
    "jpeg2000", "JPEG 2000", "JP2OpenJPEG", (".jp2", ".j2k"), jpeg2000.check,
    sidecars=(*JP2_WORLD_FILES, ".prj"),
)  # fmt: skip
NETCDF = Format("netcdf", "NetCDF", "netCDF", (".nc",), _check_netcdf, is_container=True)
HDF5 = Format("hdf5", "HDF5", "HDF5", (".h5",), hdf5.check, is_container=True)
GRIB = Format("grib", "GRIB", "GRIB", (".grib",), grib.check)
ENVI = Format(
    "envi", "ENVI", "ENVI", (".dat", ".img", ".bsq", ".bil", ".bip"), raw_headers.check_envi,
    sidecars=(".hdr",), needs=(".hdr",),
)  # fmt: skip
EHDR = Format(
    "ehdr", "ESRI raw raster", "EHdr", (".bil", ".bip", ".bsq", ".flt", ".dem"),
    raw_headers.check_ehdr, sidecars=(".hdr", ".prj", ".clr", *RAW_WORLD_FILES), needs=(".hdr",),
)  # fmt: skip
ERDAS = Format("erdas", "Erdas Imagine", "HFA", (".img",), erdas.check, sidecars=(".ige",))
ASCII_GRID = Format(
    "ascii_grid", "ESRI ASCII grid", "AAIGrid", (".asc",), ascii_grid.check, sidecars=(".prj",)
)
GEOPACKAGE = Format(
    "geopackage", "GeoPackage", "GPKG", (".gpkg",), geopackage.check, is_container=True
)
MBTILES = Format("mbtiles", "MBTiles", "MBTiles", (".mbtiles",), mbtiles.check)
PNG = Format("png", "PNG", "PNG", (".png",), png.check, sidecars=(*png.WORLD_FILES, ".prj"))
JPEG = Format("jpeg", "JPEG", "JPEG", (".jpg",), jpeg.check, sidecars=(*jpeg.WORLD_FILES, ".prj"))
DTED = Format("dted", "DTED", "DTED", (".dt0", ".dt1", ".dt2"), elevation.check_dted)
SRTM_HGT = Format("srtm_hgt", "SRTM heights", "SRTMHGT", (".hgt",), elevation.check_srtm)

FORMATS = (
    GEOTIFF, JPEG2000, NETCDF, HDF5, GRIB, ENVI, EHDR, ERDAS, ASCII_GRID, GEOPACKAGE, MBTILES,
    PNG, JPEG, DTED, SRTM_HGT,
)  # fmt: skip

BY_MAGIC = (
    (geotiff.MAGIC, GEOTIFF),
    (jpeg2000.MAGIC, JPEG2000),
    (netcdf_classic.MAGIC, NETCDF),
    (hdf5.MAGIC, HDF5),
    (grib.MAGIC, GRIB),
    (erdas.MAGIC, ERDAS),
    (png.MAGIC, PNG),
    (jpeg.MAGIC, JPEG),
    (elevation.DTED_MAGIC, DTED),
)
"""What the first bytes decide alone."""
