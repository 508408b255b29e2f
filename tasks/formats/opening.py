"""Opens a placed raster with its one driver, cut off from the network and from other files."""

from __future__ import annotations

import warnings as python_warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from repository.errors import Rejected
from tasks.raster_source import RasterSource

GDAL_OPTIONS = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": "{none}",
    "GDAL_CACHEMAX": 64,
}
"""No sidecar is looked for, none written, nothing fetched; the cache is in megabytes."""

SIDECAR_OPTIONS = {"GDAL_DISABLE_READDIR_ON_OPEN": "FALSE"}
"""Where a raster has sidecars: its folder holds those that are allowed and nothing else."""

_FORBIDDEN = frozenset('":\\\n\r\t')


def gdal_name(source: RasterSource) -> str:
    """What GDAL opens: the file, or a subdataset of it by a name that we build ourselves.

    Raises Rejected where the subdataset's name cannot be told apart from GDAL's own signs.
    """
    inside = source.subdataset
    if not inside:
        return source.path
    if not is_plain_name(inside):
        raise Rejected(
            f"The name of the variable {inside[:60]!r} has characters that GDAL cannot be given.",
            code="unsupported_format",
            hint="Rename it, or save it alone in a file.",
        )
    if source.driver == "GTiff":
        return f"GTIFF_DIR:{int(inside)}:{source.path}"
    if source.driver == "GPKG":
        return f"GPKG:{source.path}:{inside}"
    prefix = {"netCDF": "NETCDF", "HDF5": "HDF5", "HDF5Image": "HDF5"}[source.driver]
    quoted = f'"{inside}"' if " " in inside else inside
    return f'{prefix}:"{source.path}":{quoted}'


def is_plain_name(name: str) -> bool:
    """Whether a subdataset's name may stand in a name for GDAL; slashes of groups may."""
    inside = name.removeprefix("//")
    return bool(inside) and not _FORBIDDEN & set(inside) and inside.isprintable()


@contextmanager
def open_raster(
    source: RasterSource, *, name: str = "", **options: Any
) -> Iterator[rasterio.DatasetReader]:
    """The raster open for reading; all its bands, whatever `source.bands` says.

    `options` are those of its driver, such as `overview_level`. Errors call the file `name`, or
    else `source.name`. Raises Rejected `corrupt` where GDAL cannot open it.
    """
    configuration = GDAL_OPTIONS | (SIDECAR_OPTIONS if source.has_sidecars else {})
    with rasterio.Env(**configuration), python_warnings.catch_warnings():
        python_warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            dataset = rasterio.open(gdal_name(source), driver=source.driver, **options)
        except RasterioError as error:
            shown = name or source.name or "The file"
            raise Rejected(
                f"GDAL cannot open the file: {without_path(str(error), source.path, shown)}",
                code="corrupt",
                hint="Write it anew with `gdal_translate -of COG input output.tif`.",
            ) from error
        except UnicodeDecodeError as error:  # rasterio, of the CRS
            raise Rejected(
                "The name of the file's CRS is written in letters that are not UTF-8.",
                code="unknown_crs",
                hint="Set a known CRS: `gdal_edit.py -a_srs EPSG:32633 file.tif`.",
            ) from error
        with dataset:
            yield dataset


def without_path(text: str, path: str, name: str) -> str:
    """A message of GDAL with the user's name of the file instead of ours."""
    file = Path(path)
    for inner in (path, str(file.parent), file.name):
        text = text.replace(inner, name)
    return text[:300]
