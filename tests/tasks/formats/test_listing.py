from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.shutil import copy

from tests.rasters import gradient, write_raster
from tests.tasks.formats.hdf5_files import CONTIGUOUS, DATASET_AT, dataset, hard_link, write_hdf5
from tests.tasks.formats.netcdf_files import Variable, grid_axes, write_netcdf
from tests.tasks.formats.walk import rejection, take, write_as

VALUES = np.arange(48, dtype="float32").reshape(6, 8)
GRID = ("lat", "lon")
SWATH = ("row", "column")
PLACES = {
    "latitude": Variable(SWATH, 50.0 - VALUES / 100, {"units": "degrees_north"}),
    "longitude": Variable(SWATH, 10.0 + VALUES / 90, {"units": "degrees_east"}),
}


def on_grid(**attributes: str) -> Variable:
    return Variable(GRID, VALUES, attributes)


def test_one_variable_needs_no_choice(tmp_path: Path) -> None:
    taken = take(write_netcdf(tmp_path / "a.nc", grid_axes() | {"sst": on_grid()}))
    assert not taken.listing.must_choose
    np.testing.assert_array_equal(taken.read()[0], VALUES)


def test_several_variables_are_a_choice_by_their_names(tmp_path: Path) -> None:
    variables = {"sst": on_grid(long_name="surface", units="K"), "wind": on_grid()}
    taken = take(write_netcdf(tmp_path / "a.nc", grid_axes() | variables))
    assert taken.listing.must_choose
    assert [raster.id for raster in taken.listing.rasters] == ["sst", "wind"]
    option = taken.listing.rasters[0].option()
    assert (option.width, option.height, option.dtype) == (8, 6, "float32")
    assert option.description == "surface [K]"


def test_a_chosen_variable_is_opened_alone(tmp_path: Path) -> None:
    variables = {"sst": on_grid(), "wind": Variable(GRID, VALUES + 100)}
    taken = take(write_netcdf(tmp_path / "a.nc", grid_axes() | variables))
    with taken.opened(taken.listing.rasters[1]) as dataset:
        np.testing.assert_array_equal(dataset.read(1), VALUES + 100)


def test_bounds_of_coordinates_are_no_choice(tmp_path: Path) -> None:
    bounds = Variable(("lat", "two"), np.zeros((6, 2)))
    taken = take(
        write_netcdf(tmp_path / "a.nc", grid_axes() | {"sst": on_grid(), "x_bnds": bounds})
    )
    assert [raster.id for raster in taken.listing.rasters] == ["sst"]


def test_variables_on_a_grid_go_before_those_without(tmp_path: Path) -> None:
    table = Variable(("a", "b"), VALUES)
    taken = take(write_netcdf(tmp_path / "a.nc", grid_axes() | {"sst": on_grid(), "table": table}))
    assert [raster.id for raster in taken.listing.rasters] == ["sst"]


def test_a_file_that_calls_itself_a_swath_is_refused(tmp_path: Path) -> None:
    variables = {"x": Variable(SWATH, VALUES), "y": Variable(SWATH, VALUES)}
    path = write_netcdf(tmp_path / "a.nc", variables, {"cdm_data_type": "Swath"})
    assert rejection(path).code == "no_grid"


def test_a_variable_with_longitudes_of_its_own_is_said_to_be_on_a_swath(tmp_path: Path) -> None:
    variable = Variable(SWATH, VALUES, {"coordinates": "longitude latitude"})
    path = write_netcdf(tmp_path / "a.nc", PLACES | {"chl": variable, "sst": variable})
    described = {raster.id: raster.description for raster in take(path).listing.rasters}
    assert (described["chl"], described["sst"]) == ("on a swath", "on a swath")


def test_a_file_without_two_dimensions_holds_no_raster(tmp_path: Path) -> None:
    path = write_netcdf(tmp_path / "a.nc", {"series": Variable(("time",), np.arange(9.0))})
    assert rejection(path).code in ("not_a_raster", "corrupt")


def test_more_variables_than_are_looked_at_are_listed_by_name(tmp_path: Path) -> None:
    taken = take(write_as(tmp_path / "a.nc", "netCDF", gradient("uint8", 9, 9, 70), FORMAT="NC4"))
    assert len(taken.listing.rasters) == 70
    assert taken.listing.must_choose


def test_datasets_of_hdf5_are_chosen_by_their_paths(tmp_path: Path) -> None:
    values = dataset((8, CONTIGUOUS))
    links = [hard_link("first", DATASET_AT), hard_link("second", DATASET_AT)]
    taken = take(write_hdf5(tmp_path / "a.h5", links, values))
    assert [raster.id for raster in taken.listing.rasters] == ["first", "second"]
    with taken.opened(taken.listing.rasters[1]) as opened:
        assert opened.driver == "HDF5Image"
        assert opened.read(1).tolist()[0] == [0, 1, 2, 3]


def test_tables_of_a_geopackage_are_chosen_by_name(tmp_path: Path) -> None:
    path = write_as(tmp_path / "a.gpkg", "GPKG", gradient("uint8", bands=3), RASTER_TABLE="ONE")
    other = write_raster(tmp_path / "b.tif", gradient("uint8", 20, 30, 3))
    copy(str(other), str(path), driver="GPKG", RASTER_TABLE="TWO", APPEND_SUBDATASET="YES")
    taken = take(path)
    assert [raster.id for raster in taken.listing.rasters] == ["ONE", "TWO"]
    with taken.opened(taken.listing.rasters[1]) as dataset:
        assert dataset.shape == (20, 30)


def test_the_first_page_of_a_tiff_is_taken_and_the_others_are_named(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", gradient("uint8", 40, 50))
    second = write_raster(tmp_path / "b.tif", gradient("float32", 20, 30), nodata=-1)
    with rasterio.open(second) as dataset:
        copy(dataset, str(path), driver="GTiff", APPEND_SUBDATASET="YES")
    taken = take(path)
    assert not taken.listing.must_choose
    assert [raster.id for raster in taken.listing.rasters] == ["1", "2"]
    assert taken.listing.warnings[0][0] == "more_pages"
    with taken.opened(taken.listing.rasters[1]) as page:
        assert (page.shape, page.nodata) == ((20, 30), -1)


@pytest.mark.parametrize("name", ["a b", "grün", "x.y-z"])
def test_odd_names_of_variables_can_be_chosen(tmp_path: Path, name: str) -> None:
    variables = {name: on_grid(), "other": on_grid()}
    taken = take(write_netcdf(tmp_path / "a.nc", grid_axes() | variables))
    raster = next(raster for raster in taken.listing.rasters if raster.id == name)
    with taken.opened(raster) as dataset:
        np.testing.assert_array_equal(dataset.read(1), VALUES)
