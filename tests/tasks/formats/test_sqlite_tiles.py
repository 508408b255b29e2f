from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from rasterio.transform import from_origin

from repository.errors import Rejected
from tasks.formats import geopackage, mbtiles
from tasks.formats.limits import DEFAULT_LIMITS
from tasks.formats.sqlite_tiles import kinds, sqlite_of
from tests.rasters import gradient
from tests.tasks.formats.walk import rejection, take, write_as

PNG_START = b"\x89PNG\r\n\x1a\n"
SQUARE = {"crs": "EPSG:3857", "transform": from_origin(1_000_000, 6_000_000, 38.2185, 38.2185)}


def change(path: Path, *statements: str) -> Path:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
    return path


def tiles(path: Path, zoom: int, *, start: bytes = PNG_START, bounds: str = "") -> Path:
    """An MBTiles file of one tile at `zoom`."""
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE metadata (name text, value text)")
    connection.execute(
        "CREATE TABLE tiles (zoom_level int, tile_column int, tile_row int, tile_data blob)"
    )
    connection.execute("INSERT INTO tiles VALUES (?, 0, 0, ?)", (zoom, start))
    if bounds:
        connection.execute("INSERT INTO metadata VALUES ('bounds', ?)", (bounds,))
    connection.commit()
    connection.close()
    return path


def test_mbtiles_are_taken_with_the_size_that_gdal_gives(tmp_path: Path) -> None:
    taken = take(write_as(tmp_path / "a.mbtiles", "MBTiles", gradient("uint8", bands=3), **SQUARE))
    with taken.opened() as dataset:
        assert dataset.count == 4
        assert abs(dataset.width - (taken.header.width or 0)) <= 1
        assert abs(dataset.height - (taken.header.height or 0)) <= 1


@pytest.mark.parametrize(("zoom", "bounds"), [(30, ""), (30, "-180,-85,180,85"), (25, "0,0,1,1")])
def test_mbtiles_of_impossible_depth_are_refused(tmp_path: Path, zoom: int, bounds: str) -> None:
    assert rejection(tiles(tmp_path / "a.mbtiles", zoom, bounds=bounds)).code == "too_large"


def test_mbtiles_that_claim_the_whole_world_in_detail_are_refused(tmp_path: Path) -> None:
    path = tiles(tmp_path / "a.mbtiles", 14, bounds="-180,-85,180,85")
    assert rejection(path).code == "too_large"


def test_vector_tiles_are_no_raster(tmp_path: Path) -> None:
    path = tiles(tmp_path / "a.mbtiles", 3, start=b"\x1f\x8b\x08\0")
    assert rejection(path).code == "not_a_raster"


def test_mbtiles_may_join_tiles_in_a_plain_view(tmp_path: Path) -> None:
    path = change(
        tiles(tmp_path / "a.mbtiles", 3),
        "ALTER TABLE tiles RENAME TO map",
        "CREATE VIEW tiles AS SELECT map.zoom_level, map.tile_column, map.tile_row, map.tile_data "
        "FROM map JOIN map AS images USING (tile_row)",
    )
    assert mbtiles.check(path, DEFAULT_LIMITS).block_bytes == 256 * 256 * 4


@pytest.mark.parametrize(
    "body",
    [
        "SELECT 1 zoom_level, 0 tile_column, 0 tile_row, load_extension('/tmp/x') tile_data",
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x FROM n) "
        "SELECT x zoom_level, 0 tile_column, 0 tile_row, '' tile_data FROM n",
    ],
)
def test_a_view_that_computes_is_refused(tmp_path: Path, body: str) -> None:
    path = change(
        tiles(tmp_path / "a.mbtiles", 3), "DROP TABLE tiles", f"CREATE VIEW tiles AS {body}"
    )
    assert rejection(path).code == "corrupt"
    with sqlite_of(path) as connection:
        assert kinds(connection)["tiles"] == "computed"


def test_a_geopackage_of_features_is_no_raster(tmp_path: Path) -> None:
    path = write_as(tmp_path / "a.gpkg", "GPKG")
    change(path, "UPDATE gpkg_contents SET data_type = 'features'")
    assert rejection(path).code == "not_a_raster"


def test_a_geopackage_that_promises_too_much_is_refused(tmp_path: Path) -> None:
    path = write_as(tmp_path / "a.gpkg", "GPKG")
    change(
        path,
        "UPDATE gpkg_tile_matrix SET matrix_width = 9000000, matrix_height = 9000000",
        "UPDATE gpkg_contents SET max_x = min_x + 1e9, max_y = min_y + 1e9",
    )
    assert rejection(path).code == "too_large"


def test_tiles_that_no_memory_holds_are_refused(tmp_path: Path) -> None:
    path = write_as(tmp_path / "a.gpkg", "GPKG")
    change(path, "UPDATE gpkg_tile_matrix SET tile_width = 20000, tile_height = 20000")
    assert rejection(path).code == "block_too_large"


def test_a_damaged_database_is_a_rejection(tmp_path: Path) -> None:
    path = write_as(tmp_path / "a.gpkg", "GPKG")
    content = bytearray(path.read_bytes())
    content[100:2000] = b"\xff" * 1900
    path.write_bytes(content)
    assert rejection(path).code == "corrupt"


def test_numbers_in_tiles_count_four_bytes(tmp_path: Path) -> None:
    lonlat = {"crs": "EPSG:4326", "transform": from_origin(10, 50, 0.1, 0.1)}
    path = write_as(tmp_path / "a.gpkg", "GPKG", gradient("float32"), **lonlat)
    assert geopackage.tile_tables(path)[0].is_coverage
    taken = take(path)
    with taken.opened() as dataset:
        assert dataset.dtypes == ("float32",)


def test_a_name_with_signs_of_sql_is_only_a_name(tmp_path: Path) -> None:
    path = write_as(tmp_path / "a.gpkg", "GPKG")
    change(path, "UPDATE gpkg_contents SET table_name = 'x''; DROP TABLE gpkg_contents; --'")
    with pytest.raises(Rejected):
        geopackage.tile_tables(path)
    change(path, "SELECT * FROM gpkg_contents")
