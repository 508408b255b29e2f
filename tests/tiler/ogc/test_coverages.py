"""Coverage answers against rasterio's own reading of the same file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.io import DatasetReader, MemoryFile
from rasterio.transform import from_origin

from repository.errors import BadRequest
from tests.rasters import gradient
from tests.tiler.ogc.making import written
from tiler.ogc import coverages
from tiler.ogc.coverage_request import CoverageRequest, parse_coverage_request
from tiler.ogc.coverages import COVERAGE_JSON, GEOTIFF, ProductCoverage
from tiler.ogc.records import CoverageRecord

DEGREES = {"crs": "EPSG:4326", "transform": from_origin(10, 50, 0.5, 0.5)}


def provider(record: CoverageRecord, **parameters: str) -> ProductCoverage:
    request = parse_coverage_request((k.replace("_", "-"), v) for k, v in parameters.items())
    return ProductCoverage(
        {"name": "n", "type": "coverage", "data": record, "options": {"request": request}}
    )


def geotiff(record: CoverageRecord, **parameters: str) -> DatasetReader:
    content = provider(record, **parameters).query(format_=GEOTIFF)
    assert isinstance(content, memoryview)
    path = Path(record.gdal_path).with_name("answer.tif")
    path.write_bytes(content)
    return rasterio.open(path)


def coverage_json(record: CoverageRecord, **parameters: str) -> dict[str, Any]:
    content = provider(record, **parameters).query(format_=COVERAGE_JSON)
    parsed: dict[str, Any] = json.loads(content, parse_constant=pytest.fail)
    return parsed


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float32", "float64"])
def test_a_geotiff_keeps_every_value_and_the_georeference(tmp_path: Path, dtype: str) -> None:
    record = written(tmp_path, gradient(dtype, bands=2))
    with geotiff(record) as answer, rasterio.open(record.gdal_path) as source:
        np.testing.assert_array_equal(answer.read(), source.read())
        assert answer.transform == source.transform
        assert answer.crs == source.crs
        assert answer.dtypes == source.dtypes


def test_a_geotiff_is_tiled_and_deflated(tmp_path: Path) -> None:
    with geotiff(written(tmp_path, gradient("uint8"))) as answer:
        assert answer.profile["compress"] == "deflate"
        assert answer.profile["tiled"]


def test_a_part_has_the_values_of_that_part(tmp_path: Path) -> None:
    record = written(tmp_path, gradient("int16"))
    part = {"subset": "E(400100:400200),N(5599800:5599900)"}
    with geotiff(record, **part) as answer, rasterio.open(record.gdal_path) as source:
        window = rasterio.windows.from_bounds(*answer.bounds, source.transform)
        assert answer.bounds == (400_100, 5_599_800, 400_200, 5_599_900)
        np.testing.assert_array_equal(answer.read(), source.read(window=window))


def test_nodata_scale_offset_unit_and_description_are_kept(tmp_path: Path) -> None:
    record = written(tmp_path, gradient("int16"), nodata=-9999)
    with rasterio.open(record.gdal_path, "r+") as target:
        target.scales, target.offsets = (0.5,), (10.0,)
        target.units, target.descriptions = ("K",), ("temperature",)
    band = replace(
        record.raster.bands[0], scale=0.5, offset=10.0, unit="K", description="temperature"
    )
    record = replace(record, raster=replace(record.raster, bands=(band,)))
    with geotiff(record) as answer:
        assert (answer.nodata, answer.scales, answer.offsets) == (-9999, (0.5,), (10.0,))
        assert (answer.units, answer.descriptions) == (("K",), ("temperature",))


def test_nodata_that_json_made_a_whole_number_is_kept(tmp_path: Path) -> None:
    lowest = float(np.finfo("float32").min)
    record = written(tmp_path, gradient("float32"), nodata=lowest)
    band = replace(record.raster.bands[0], nodata=int(lowest))
    record = replace(record, raster=replace(record.raster, bands=(band,)))
    with geotiff(record) as answer:
        assert answer.nodata == lowest


def test_an_internal_mask_is_kept(tmp_path: Path) -> None:
    mask = np.ones((40, 50), bool)
    mask[5:9, 7:12] = False
    record = written(tmp_path, gradient("uint8", bands=3), mask=mask)
    with geotiff(record) as answer:
        np.testing.assert_array_equal(answer.dataset_mask() > 0, mask)


def test_alpha_that_is_not_asked_for_becomes_a_mask(tmp_path: Path) -> None:
    pixels = gradient("uint8", bands=4)
    pixels[3] = 255
    pixels[3, :10] = 0
    record = written(tmp_path, pixels, photometric="RGB", alpha="YES")
    with geotiff(record, properties="1,2,3") as answer:
        np.testing.assert_array_equal(answer.dataset_mask(), pixels[3])


def test_a_colour_table_is_kept(tmp_path: Path) -> None:
    record = written(tmp_path, gradient("uint8"), kind="classes", photometric="PALETTE")
    table = ((1, 255, 0, 0, 255), (2, 0, 255, 0, 255))
    band = replace(record.raster.bands[0], color_table=table)
    record = replace(record, raster=replace(record.raster, bands=(band,)))
    with geotiff(record) as answer:
        assert answer.colormap(1)[2] == (0, 255, 0, 255)


def test_a_south_up_raster_stays_where_it_is(tmp_path: Path) -> None:
    south_up = Affine(0.5, 0, 10, 0, 0.5, 30)
    record = written(tmp_path, gradient("int16"), crs="EPSG:4326", transform=south_up)
    with geotiff(record, subset="Lat(40:45)") as answer:
        assert answer.transform.e > 0
        assert sorted((answer.bounds.bottom, answer.bounds.top)) == [40, 45]
        np.testing.assert_array_equal(answer.read(), gradient("int16")[:, 20:30])


def test_bands_come_by_name_or_number_in_the_order_asked_for(tmp_path: Path) -> None:
    record = written(tmp_path, gradient("uint8", bands=3))
    bands = [
        replace(band, description=name)
        for band, name in zip(record.raster.bands, ("Red", "Green", "Blue"), strict=True)
    ]
    record = replace(record, raster=replace(record.raster, bands=tuple(bands)))
    with geotiff(record, properties="blue,1") as answer:
        assert answer.descriptions == ("Blue", "Red")
        np.testing.assert_array_equal(answer.read(), gradient("uint8", bands=3)[[2, 0]])


def test_an_unknown_band_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest) as caught:
        geotiff(written(tmp_path, gradient("uint8")), properties="nir")
    assert caught.value.code == "unknown_band"


def test_a_reduced_measurement_is_the_average(tmp_path: Path) -> None:
    record = written(tmp_path, gradient("float32"))
    with geotiff(record, scale_factor="2") as answer:
        expected = gradient("float32").reshape(1, 20, 2, 25, 2).mean(axis=(2, 4))
        np.testing.assert_allclose(answer.read(), expected, rtol=1e-4)


def test_reduced_classes_are_values_of_the_file(tmp_path: Path) -> None:
    pixels = np.array([[[1, 200] * 20] * 40], "uint8")
    record = written(tmp_path, pixels, kind="classes")
    with geotiff(record, scale_size="x(10),y(10)") as answer:
        assert set(np.unique(answer.read())) <= {1, 200}


def test_a_reduced_answer_reads_an_overview(tmp_path: Path) -> None:
    record = written(
        tmp_path, np.zeros((1, 512, 512), "uint8"), tiled=True, blockxsize=256, blockysize=256
    )
    with rasterio.open(record.gdal_path, "r+") as target:
        target.build_overviews([4])
    # The overview alone is painted, so what comes from it is known.
    with rasterio.open(record.gdal_path, "r+", OVERVIEW_LEVEL=0) as overview:
        overview.write(np.full((1, 128, 128), 7, "uint8"))
    with geotiff(record, scale_size="x(64),y(64)") as answer:
        assert set(np.unique(answer.read())) == {7}


def test_an_answer_that_is_too_large_names_the_scale_that_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coverages, "MAX_BYTES", 1000)
    record = written(tmp_path, gradient("uint8"))
    with pytest.raises(BadRequest) as caught:
        geotiff(record)
    assert caught.value.code == "coverage_too_large"
    assert "scale-size=x(25),y(20)" in caught.value.hint
    assert geotiff(record, scale_size="x(25),y(20)").shape == (20, 25)


@pytest.mark.parametrize(("dtype", "most"), [("uint8", 500), ("int16", 333), ("float64", 111)])
def test_the_largest_answer_is_counted_in_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: str, most: int
) -> None:
    monkeypatch.setattr(coverages, "MAX_BYTES", 1000)
    with pytest.raises(BadRequest, match=f" {most} of these are the most"):
        geotiff(written(tmp_path, gradient(dtype)))


def test_an_answer_lives_as_long_as_any_view_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = MemoryFile()
    monkeypatch.setattr("tiler.ogc.geotiff.MemoryFile", lambda: memory)
    content = provider(written(tmp_path, gradient("int16"))).query(format_=GEOTIFF)
    assert isinstance(content, memoryview)
    whole, tail = bytes(content), content[100:]
    del content
    assert memory.exists()
    assert bytes(tail) == whole[100:]
    del tail
    assert not memory.exists()


def test_a_time_outside_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest) as caught:
        geotiff(written(tmp_path, gradient("uint8")), datetime="2020-01-01/2020-12-31")
    assert caught.value.code == "outside_raster"


def test_coverage_json_axes_are_centres_of_cells(tmp_path: Path) -> None:
    axes = coverage_json(written(tmp_path, gradient("uint8")))["domain"]["axes"]
    assert axes["x"] == {"start": 400_005, "stop": 400_495, "num": 50}
    assert axes["y"] == {"start": 5_599_995, "stop": 5_599_605, "num": 40}


def test_coverage_json_of_a_south_up_raster_counts_upwards(tmp_path: Path) -> None:
    south_up = Affine(0.5, 0, 10, 0, 0.5, 30)
    record = written(tmp_path, gradient("uint8"), crs="EPSG:4326", transform=south_up)
    assert coverage_json(record)["domain"]["axes"]["y"] == {
        "start": 30.25,
        "stop": 49.75,
        "num": 40,
    }


def test_coverage_json_has_the_values_row_by_row(tmp_path: Path) -> None:
    document = coverage_json(written(tmp_path, gradient("int16", bands=2)))
    values = document["ranges"]["b2"]
    assert (values["axisNames"], values["shape"]) == (["y", "x"], [40, 50])
    np.testing.assert_array_equal(
        np.reshape(values["values"], (40, 50)), gradient("int16", bands=2)[1]
    )


def test_coverage_json_writes_null_for_nodata_and_nan(tmp_path: Path) -> None:
    pixels = gradient("float32")
    pixels[0, 0, 0], pixels[0, 0, 1] = -9999, np.nan
    values = coverage_json(written(tmp_path, pixels, nodata=-9999))["ranges"]["b1"]["values"]
    assert values[:2] == [None, None]
    assert None not in values[2:]


def test_coverage_json_names_the_crs_in_its_own_axis_order(tmp_path: Path) -> None:
    projected = coverage_json(written(tmp_path, gradient("uint8")))["domain"]["referencing"][0]
    assert projected["coordinates"] == ["x", "y"]
    assert projected["system"] == {
        "type": "ProjectedCRS", "id": "http://www.opengis.net/def/crs/EPSG/0/32633",
    }  # fmt: skip
    record = written(tmp_path, gradient("uint8"), **DEGREES)
    geographic = coverage_json(record)["domain"]["referencing"][0]
    assert (geographic["coordinates"], geographic["system"]["type"]) == (
        ["y", "x"],
        "GeographicCRS",
    )


def test_coverage_json_refuses_a_rotated_grid(tmp_path: Path) -> None:
    record = written(tmp_path, gradient("uint8"))
    rotated = replace(record.raster, transform=(10.0, 1.0, 400_000.0, 1.0, -10.0, 5_600_000.0))
    with pytest.raises(BadRequest) as caught:
        coverage_json(replace(record, raster=rotated))
    assert caught.value.code == "rotated_grid"


def test_bands_of_one_name_are_told_apart_by_number(tmp_path: Path) -> None:
    record = written(tmp_path, gradient("uint8", bands=2))
    bands = tuple(replace(band, description="same") for band in record.raster.bands)
    record = replace(record, raster=replace(record.raster, bands=bands))
    assert list(provider(record).fields) == ["b1", "b2"]


def test_no_request_is_the_whole_coverage(tmp_path: Path) -> None:
    record = written(tmp_path, gradient("uint8"))
    plain = ProductCoverage({"name": "n", "type": "coverage", "data": record})
    assert plain.request == CoverageRequest()
