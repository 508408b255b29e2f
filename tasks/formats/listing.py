"""Lists the rasters that a file holds, and says which are worth choosing from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import rasterio
from rasterio.errors import RasterioError

from repository.errors import Rejected
from tasks.formats import table
from tasks.formats.geopackage import tile_tables
from tasks.formats.grids import has_geolocation, has_grid, is_swath, no_grid
from tasks.formats.opening import is_plain_name, open_raster
from tasks.formats.placing import has_sidecars
from tasks.formats.records import Format, HeaderFacts, Listing, Subdataset
from tasks.raster_source import RasterSource

_MAX_OPENED = 60
"""Where there are more variables, they are listed by name alone: a look at one takes 0.1 s."""
_MAX_LISTED = 1000

_DESCRIPTION = re.compile(r"^\[([\dx]+)\]\s.*\(([^()]*)\)\s*$", re.DOTALL)
_BOUNDS_NAME = re.compile(r"(?:_|^)(?:bnds|bounds|vertices)$", re.IGNORECASE)
_DTYPES = {
    "8-bit unsigned character": "uint8", "8-bit unsigned integer": "uint8",
    "8-bit integer": "int8", "8-bit character": "int8", "16-bit integer": "int16",
    "16-bit unsigned integer": "uint16", "32-bit integer": "int32",
    "32-bit unsigned integer": "uint32", "64-bit integer": "int64",
    "64-bit unsigned integer": "uint64", "32-bit floating-point": "float32",
    "64-bit floating-point": "float64",
}  # fmt: skip


def list_rasters(form: Format, path: Path, header: HeaderFacts) -> Listing:
    """The rasters of a placed and checked file; GDAL is asked where only it can tell.

    Raises Rejected `corrupt`, `not_a_raster` or `no_grid` (nothing in it lies on a grid).
    """
    if form is table.GEOTIFF:
        return _pages(header)
    if form is table.GEOPACKAGE:
        return _tables(path)
    if form in (table.NETCDF, table.HDF5):
        return _variables(form, path)
    return Listing((_itself(form),))


def source_of(form: Format, path: Path, raster: Subdataset, name: str) -> RasterSource:
    """How one of the listed rasters is opened; `name` is the file's, for people."""
    shown = f"{name}:{raster.title}" if raster.subdataset else name
    return RasterSource(
        name=shown,
        path=str(path),
        driver=raster.driver,
        subdataset=raster.subdataset,
        has_sidecars=bool(form.sidecars) and has_sidecars(path),
    )


def _itself(form: Format) -> Subdataset:
    return Subdataset(id="1", title=form.title, driver=form.driver)


def _pages(header: HeaderFacts) -> Listing:
    """Pages of a TIFF that are rasters of their own; the first is the file itself."""
    assert header.tiff is not None
    numbered = [
        (number, page)
        for number, page in enumerate(header.tiff.pages, 1)
        if number == 1 or not (page.is_overview or page.is_mask)
    ][:_MAX_LISTED]
    rasters = tuple(
        Subdataset(
            id=str(number),
            title=f"page {number}",
            driver=table.GEOTIFF.driver,
            subdataset="" if number == 1 else str(number),
            description=f"{page.samples} bands of {page.bits} bits",
            width=page.width,
            height=page.height,
        )
        for number, page in numbered
    )
    if not header.tiff.other_pages:
        return Listing(rasters[:1])
    pages = header.tiff.other_pages + 1
    note = ("more_pages", f"The file has {pages} pages; only the first is published.")
    return Listing(rasters, warnings=(note,))


def _tables(path: Path) -> Listing:
    every = tile_tables(path)
    found = [t for t in every if is_plain_name(t.name)]
    driver = table.GEOPACKAGE.driver
    if len(every) == 1:
        return Listing((_itself(table.GEOPACKAGE),))
    if not found:
        raise _nothing()
    rasters = tuple(
        Subdataset(
            id=t.name,
            title=t.title,
            driver=driver,
            subdataset=t.name,
            width=t.width,
            height=t.height,
            dtype="float32" if t.is_coverage else "uint8",
        )
        for t in found
    )
    return Listing(rasters, must_choose=len(rasters) > 1)


def _variables(form: Format, path: Path) -> Listing:
    """Variables of NetCDF and HDF5: those on a grid where there are any."""
    itself = replace(_itself(form), title=path.name)
    with open_raster(source_of(form, path, itself, "The file")) as dataset:
        found = list(_subdatasets(form, path, dataset))
        if is_swath(dataset) and not has_grid(dataset):
            raise no_grid()
        if not found and not dataset.count:
            raise _nothing()
    if not found:
        return Listing((itself,))
    worthy = tuple(raster for raster in found if not _BOUNDS_NAME.search(raster.id))
    if not worthy:
        raise _nothing()
    if len(worthy) > _MAX_OPENED:
        return Listing(worthy, must_choose=True)
    looked_at = [_looked_at(form, path, raster) for raster in worthy]
    gridded = tuple(raster for raster, on_grid in looked_at if on_grid)
    rasters = gridded or tuple(raster for raster, _ in looked_at)
    return Listing(rasters, must_choose=len(rasters) > 1)


def _subdatasets(form: Format, path: Path, dataset: rasterio.DatasetReader) -> Iterator[Subdataset]:
    """What GDAL lists, less what cannot be named to it again."""
    tags = dataset.tags(ns="SUBDATASETS")
    prefix = f'{form.driver.upper()}:"{path}":'
    driver = "HDF5Image" if form is table.HDF5 else form.driver
    for number in range(1, _MAX_LISTED + 1):
        name = tags.get(f"SUBDATASET_{number}_NAME")
        if name is None:
            return
        inside = name.removeprefix(prefix).strip('"')
        match = _DESCRIPTION.match(tags.get(f"SUBDATASET_{number}_DESC", ""))
        shape = [int(n) for n in match.group(1).split("x")] if match else []
        if len(shape) < 2 or min(shape[-2:]) < 2 or not is_plain_name(inside):
            continue
        short = inside.lstrip("/")
        yield Subdataset(
            id=short,
            title=short,
            driver=driver,
            subdataset=inside,
            width=shape[-1],
            height=shape[-2],
            dtype=_DTYPES.get(match.group(2) if match else "", ""),
        )


def _looked_at(form: Format, path: Path, raster: Subdataset) -> tuple[Subdataset, bool]:
    """`raster` with what its own header says, and whether it lies on a grid."""
    source = source_of(form, path, raster, "The file")
    try:
        with open_raster(source) as dataset:
            tags = dataset.tags(1) if dataset.count else {}
            name = str(tags.get("long_name") or tags.get("standard_name") or "")
            unit = str(tags.get("units") or "")
            parts = [name[:200], f"[{unit[:40]}]" if unit else ""]
            if dataset.count > 1:
                parts.append(f"{dataset.count} bands")
            if not has_grid(dataset):
                parts.append("on a swath" if has_geolocation(dataset) else "without a grid")
            described = replace(
                raster,
                description=" ".join(part for part in parts if part),
                width=dataset.width,
                height=dataset.height,
                dtype=str(dataset.dtypes[0]) if dataset.count else raster.dtype,
            )
            return described, has_grid(dataset)
    except (Rejected, RasterioError):
        return raster, False


def _nothing() -> Rejected:
    return Rejected(
        "The file holds no raster that can be drawn.",
        code="not_a_raster",
        hint="Upload a file with at least one two-dimensional variable on a grid.",
    )
