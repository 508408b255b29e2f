"""What NetCDF and GRIB say about bands and times, and the CRS in a sidecar."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rasterio.transform import from_origin

from repository.errors import Rejected
from repository.raster_info import BandInfo
from tasks.band_facts import read_bands
from tasks.formats.grids import has_grid, reject_swath
from tasks.formats.listing import source_of
from tasks.formats.sidecars import with_sidecar_crs
from tasks.formats.times import sensing_time
from tests.rasters import gradient
from tests.tasks.formats.netcdf_files import Variable, grid_axes, write_netcdf
from tests.tasks.formats.walk import Taken, take, write_as

VALUES = np.arange(48, dtype="int16").reshape(6, 8)
ESRI_UTM = (
    'PROJCS["WGS_1984_UTM_Zone_33N",GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984",'
    'SPHEROID["WGS_1984",6378137.0,298.257223563]],PRIMEM["Greenwich",0.0],'
    'UNIT["Degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],'
    'PARAMETER["False_Easting",500000.0],PARAMETER["False_Northing",0.0],'
    'PARAMETER["Central_Meridian",15.0],PARAMETER["Scale_Factor",0.9996],'
    'PARAMETER["Latitude_Of_Origin",0.0],UNIT["Meter",1.0]]'
)


def cube(path: Path, times: list[float], units: str, calendar: str = "standard") -> Taken:
    """A variable on a grid at some times."""
    axis = Variable(
        ("time",),
        np.array(times, "float64"),
        {"units": units, "calendar": calendar, "standard_name": "time"},
    )
    values = np.stack([VALUES + step for step in range(len(times))])
    sst = Variable(("time", "lat", "lon"), values, {"long_name": "sea surface", "units": "K"})
    return take(write_netcdf(path, grid_axes() | {"time": axis, "sst": sst}))


def bands_of(taken: Taken) -> tuple[BandInfo, ...]:
    with taken.opened() as dataset:
        return read_bands(dataset, taken.header, {}, [])


def time_of(taken: Taken) -> str | None:
    with taken.opened() as dataset:
        return sensing_time(dataset)


@pytest.mark.parametrize(
    ("value", "units", "calendar", "instant"),
    [
        (3.5, "days since 2020-01-01", "standard", "2020-01-04T12:00:00Z"),
        (90, "hours since 2010-01-09T12:00:00Z", "gregorian", "2010-01-13T06:00:00Z"),
        (60, "seconds since 1970-01-01 00:00:00", "", "1970-01-01T00:01:00Z"),
        (7, "days since 2020-01-01", "noleap", None),
        (7, "days since 0001-01-01", "standard", None),
        (7, "fortnights since 2020-01-01", "standard", None),
        (1e300, "days since 2020-01-01", "standard", None),
        (float("nan"), "days since 2020-01-01", "standard", None),
        (7, "days since 2020-02-31", "standard", None),
    ],
)
def test_the_time_of_a_cf_coordinate(
    tmp_path: Path, value: float, units: str, calendar: str, instant: str | None
) -> None:
    assert time_of(cube(tmp_path / "a.nc", [value], units, calendar)) == instant


def test_several_times_are_no_one_time_and_name_the_bands(tmp_path: Path) -> None:
    taken = cube(tmp_path / "a.nc", [0, 1], "days since 2020-01-01")
    assert time_of(taken) is None
    bands = bands_of(taken)
    assert [band.description for band in bands] == [
        "sea surface, 2020-01-01T00:00:00Z",
        "sea surface, 2020-01-02T00:00:00Z",
    ]
    assert bands[0].unit == "K"


def test_levels_that_are_no_times_name_the_bands_by_their_values(tmp_path: Path) -> None:
    level = Variable(("level",), np.array([1000.0, 850.0]), {"units": "hPa"})
    values = Variable(("level", "lat", "lon"), np.stack([VALUES, VALUES]), {"long_name": "t"})
    taken = take(write_netcdf(tmp_path / "a.nc", grid_axes() | {"level": level, "t": values}))
    assert [band.description for band in bands_of(taken)] == ["t, level 1000", "t, level 850"]


def test_packed_values_stay_integers_with_scale_and_offset(tmp_path: Path) -> None:
    packed = Variable(
        ("lat", "lon"), VALUES, {"scale_factor": 0.1, "add_offset": 220.0, "units": "K"}
    )
    band = bands_of(take(write_netcdf(tmp_path / "a.nc", grid_axes() | {"t": packed})))[0]
    assert (band.dtype, band.scale, band.offset, band.unit) == ("int16", 0.1, 220.0, "K")
    assert band.description == "t"


def test_a_unit_in_latin_1_is_left_out_and_stops_nothing(tmp_path: Path) -> None:
    values = Variable(("lat", "lon"), VALUES, {"units": "xC", "long_name": "heat"})
    path = write_netcdf(tmp_path / "a.nc", grid_axes() | {"t": values})
    path.write_bytes(path.read_bytes().replace(b"xC", b"\xb0C"))
    band = bands_of(take(path))[0]
    assert (band.unit, band.description) == ("", "heat")


def test_a_header_in_latin_1_is_read(tmp_path: Path) -> None:
    path = write_as(tmp_path / "a.dat", "ENVI")
    header = path.with_suffix(".hdr")
    text = header.read_text().replace("WGS_1984_UTM_Zone_33N", "R\u00e9seau")
    assert "R\u00e9seau" in text
    header.write_bytes(text.encode("latin-1"))
    with take(path).opened() as dataset:
        assert dataset.crs.is_projected


def test_longitudes_from_0_to_360_keep_their_grid(tmp_path: Path) -> None:
    axes = grid_axes() | {
        "lon": Variable(("lon",), 22.5 + 45.0 * np.arange(8), {"units": "degrees_east"})
    }
    values = Variable(("lat", "lon"), VALUES)
    with take(write_netcdf(tmp_path / "a.nc", axes | {"t": values})).opened() as dataset:
        assert (dataset.bounds.left, dataset.bounds.right) == (0, 360)


def test_a_grib_field_has_name_unit_and_valid_time(tmp_path: Path) -> None:
    lonlat = {"crs": "EPSG:4326", "transform": from_origin(10, 50, 0.1, 0.1)}
    path = write_as(
        tmp_path / "a.grb2", "GRIB", gradient("float32"), **lonlat,
        IDS="CENTER=54(Montreal) REF_TIME=2020-08-10T06:00:00Z SIGNF_REF_TIME=1",
        DISCIPLINE="0", PDS_PDTN="0",
        PDS_TEMPLATE_ASSEMBLED_VALUES="0 0 2 47 47 0 0 1 3 103 0 2 255 -127 -2147483647",
    )  # fmt: skip
    taken = take(path)
    assert time_of(taken) == "2020-08-10T09:00:00Z"
    band = bands_of(taken)[0]
    assert band.unit == "C"
    assert band.description.startswith("Temperature, 2[m] HTGL")


def test_a_prj_of_esri_places_a_png(tmp_path: Path) -> None:
    path = write_as(tmp_path / "a.png", "PNG", WORLDFILE="YES")
    path.with_suffix(".prj").write_text("\ufeff" + ESRI_UTM)
    taken = take(path)
    source = source_of(taken.form, taken.path, taken.listing.rasters[0], "a.png")
    with taken.opened() as dataset:
        found = with_sidecar_crs(source, dataset, {"nodata": 0})["crs"]
        assert "WGS 84 / UTM zone 33N" in found or "UTM_Zone_33N" in found
        assert with_sidecar_crs(source, dataset, {"crs": "EPSG:3857"})["crs"] == "EPSG:3857"


@pytest.mark.parametrize(
    "text", ["EPSG:4326", "/etc/passwd", "http://127.0.0.1/x", "PROJCS[[[", ""]
)
def test_a_prj_that_is_no_wkt_is_refused(tmp_path: Path, text: str) -> None:
    path = write_as(tmp_path / "a.png", "PNG", WORLDFILE="YES")
    path.with_suffix(".prj").write_text(text)
    taken = take(path)
    source = source_of(taken.form, taken.path, taken.listing.rasters[0], "a.png")
    with taken.opened() as dataset, pytest.raises(Rejected) as caught:
        with_sidecar_crs(source, dataset, {})
    assert caught.value.code == "unknown_crs"


def test_a_crs_of_the_file_goes_before_that_of_its_sidecar(tmp_path: Path) -> None:
    path = write_as(tmp_path / "a.tif", "GTiff")
    path.with_suffix(".prj").write_text("nonsense")
    taken = take(path)
    source = source_of(taken.form, taken.path, taken.listing.rasters[0], "a.tif")
    with taken.opened() as dataset:
        assert with_sidecar_crs(source, dataset, {}) == {}


def test_a_grid_is_no_swath(tmp_path: Path) -> None:
    with take(write_as(tmp_path / "a.nc", "netCDF")).opened() as dataset:
        assert has_grid(dataset)
        reject_swath(dataset)


def test_a_chosen_variable_of_a_swath_is_refused_with_a_way_out(tmp_path: Path) -> None:
    rows = ("row", "column")
    variables = {
        "latitude": Variable(rows, 50.0 - VALUES / 100, {"units": "degrees_north"}),
        "longitude": Variable(rows, 10.0 + VALUES / 90, {"units": "degrees_east"}),
        "chl": Variable(rows, VALUES, {"coordinates": "longitude latitude"}),
    }
    taken = take(write_netcdf(tmp_path / "a.nc", variables))
    chosen = next(raster for raster in taken.listing.rasters if raster.id == "chl")
    with taken.opened(chosen) as dataset, pytest.raises(Rejected) as caught:
        reject_swath(dataset)
    assert caught.value.code == "no_grid"
    assert "gdalwarp -geoloc" in caught.value.hint
