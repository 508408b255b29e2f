"""Small valid files of every kind that is taken: what mutations start from."""

from __future__ import annotations

import functools
import io
import tarfile
import tempfile
import warnings
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import rasterio
import rasterio.shutil
from rasterio.transform import from_origin

WEB_MERCATOR, GEOGRAPHIC = "EPSG:3857", "EPSG:4326"
EDGE = 48
UNDATED = {"WRITE_GDAL_HISTORY": "NO"}


class Bait(NamedTuple):
    """What seeds name that lie in wait for whoever follows a reference."""

    path: str = "/nonexistent/canary.txt"
    url: str = "http://127.0.0.1:9/canary.tif"


@functools.cache
def seed_files(bait: Bait = Bait()) -> dict[str, bytes]:  # noqa: B008 - a frozen record
    """File name -> content; the same bytes for the same bait and libraries."""
    with (
        tempfile.TemporaryDirectory() as name,
        warnings.catch_warnings(),
        rasterio.Env(OGR_CURRENT_DATE="2024-01-01T00:00:00.000Z"),
    ):
        warnings.simplefilter("ignore")
        folder = Path(name)
        return _tiffs(folder, bait) | _others(folder) | _archives(folder) | _references(bait)


def _pixels(dtype: str, bands: int = 1, edge: int = EDGE) -> np.ndarray[Any, Any]:
    rows, columns = np.mgrid[0:edge, 0:edge]
    one = (rows * 3 + columns * 5) % 200 + 1
    return np.stack([one + band for band in range(bands)]).astype(dtype)


def _tiff(path: Path, dtype: str = "uint8", bands: int = 1, **options: Any) -> Path:
    edge = options.pop("edge", EDGE)
    tags = options.pop("tags", {})
    crs = options.pop("crs", GEOGRAPHIC)
    step = 1000 if crs == WEB_MERCATOR else 0.001
    corner = (1_500_000, 6_400_000) if crs == WEB_MERCATOR else (14, 50)
    profile = {"driver": "GTiff", "width": edge, "height": edge, "count": bands, "dtype": dtype,
               "crs": crs, "transform": from_origin(*corner, step, step)} | options  # fmt: skip
    with rasterio.open(path, "w", **profile) as dataset:
        dataset.write(_pixels(dtype, bands, edge))
        dataset.update_tags(**tags)
        if options.get("photometric") == "palette":
            dataset.write_colormap(1, {i: (i, 255 - i, 0, 255) for i in range(256)})
    return path


def _tiffs(folder: Path, bait: Bait) -> dict[str, bytes]:
    tiled = {"tiled": True, "blockxsize": 16, "blockysize": 16}
    kinds: dict[str, dict[str, Any]] = {
        "strips.tif": {},
        "tiles.tif": {"compress": "deflate", "predictor": 2, **tiled},
        "big.tif": {"BIGTIFF": "YES", "dtype": "float32", "nodata": float("nan")},
        "motorola.tif": {"ENDIANNESS": "BIG", "dtype": "int16", "nodata": -9999},
        "lzw.tif": {"compress": "lzw", "bands": 3, "interleave": "band"},
        "zstd.tif": {"compress": "zstd", "dtype": "uint16", **tiled},
        "jpeg.tif": {"compress": "jpeg", "photometric": "ycbcr", "bands": 3, **tiled},
        "packbits.tif": {"compress": "packbits", "photometric": "palette"},
        "lerc.tif": {"compress": "lerc", "dtype": "float32"},
        "complex.tif": {"dtype": "complex64"},
        "tags.tif": {"tags": {"scene": "<b>1</b>", "acquired": "2024-05-06", "long": "x" * 3000}},
        "bait.tif": {"tags": {"OVERVIEW_FILE": bait.path, "url": f"/vsicurl/{bait.url}"}},
    }
    made = {name: _tiff(folder / name, **kind).read_bytes() for name, kind in kinds.items()}
    source = _tiff(folder / "source.tif", "uint16", edge=600)
    rasterio.shutil.copy(source, folder / "cog.tif", driver="COG", compress="deflate")
    return made | {"cog.tif": (folder / "cog.tif").read_bytes()}


def _others(folder: Path) -> dict[str, bytes]:
    source = {
        "byte": _tiff(folder / "byte.tif"),
        "float": _tiff(folder / "float.tif", "float32"),
        "mercator": _tiff(folder / "mercator.tif", bands=3, edge=256, crs=WEB_MERCATOR),
    }
    kinds: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
        ("picture.png", "PNG", "byte", {}),
        ("picture.jpg", "JPEG", "byte", {}),
        ("scene.jp2", "JP2OpenJPEG", "byte", {"REVERSIBLE": "YES", "QUALITY": "100"}),
        ("classic.nc", "netCDF", "float", {"FORMAT": "NC", **UNDATED}),
        ("hdf.nc", "netCDF", "float", {"FORMAT": "NC4", **UNDATED}),
        ("field.grib2", "GRIB", "float", {}),
        ("erdas.img", "HFA", "byte", {}),
        ("grid.asc", "AAIGrid", "byte", {}),
        ("tiles.gpkg", "GPKG", "mercator", {}),
        ("map.mbtiles", "MBTiles", "mercator", {}),
    )
    made = {}
    for name, driver, kind, options in kinds:
        rasterio.shutil.copy(source[kind], folder / name, driver=driver, **options)
        made[name] = (folder / name).read_bytes()
    return made


def _archives(folder: Path) -> dict[str, bytes]:
    tiff = _tiff(folder / "inside.tif").read_bytes()
    rasterio.shutil.copy(folder / "inside.tif", folder / "envi.dat", driver="ENVI")
    header = (folder / "envi.hdr").read_bytes().replace(f"{folder}/".encode(), b"")
    members = {
        "scene/inside.tif": tiff,
        "scene/envi.dat": (folder / "envi.dat").read_bytes(),
        "scene/envi.hdr": header,
        "scene/readme.txt": b"Two rasters.\n",
    }
    zipped, tarred = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    with tarfile.open(fileobj=tarred, mode="w") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return {"scene.zip": zipped.getvalue(), "scene.tar": tarred.getvalue()}


def _references(bait: Bait) -> dict[str, bytes]:
    """Text that GDAL would take for a raster and follow."""
    vrt = (
        '<VRTDataset rasterXSize="32" rasterYSize="1"><SRS>EPSG:4326</SRS>'
        "<GeoTransform>14,0.001,0,50,0,-0.001</GeoTransform>"
        '<VRTRasterBand dataType="Byte" band="1"><SimpleSource>'
        "<SourceFilename>{}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"
    )
    return {
        "file.vrt": vrt.format(bait.path).encode(),
        "address.vrt": vrt.format(f"/vsicurl/{bait.url}").encode(),
    }
