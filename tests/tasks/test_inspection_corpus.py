"""Every file of the corpus: the outcome and the facts that the manifest states."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from shapely.geometry import shape

from repository.errors import NeedsInput, RastrumError, Rejected
from repository.findings import Findings
from tasks.raster_source import FoundRaster
from tests.inspecting import Child

pytestmark = pytest.mark.corpus

CORPUS = Path(os.environ.get("RASTER_CORPUS") or Path(__file__).parents[3] / "shared" / "data")

SEEN_WHILE_READING = {"broken/zstd_corrupted.tif"}
"""Damage inside a block shows only when pixels are decoded: the conversion names it."""

OTHERWISE = {
    # Its CRS is in a sidecar that the corpus lacks; the file itself says "Geocoding
    # information not available". To accept it would mean to invent a place.
    "georef/malaysia_3376_rgb.tif": "needs-input",
}

CLASSES = {
    "sentinel2/scl_classes.tif", "sentinel2/classification_20LNR_bigtiff.tif",
    "sentinel2/fmask_s2_5490.img", "sentinel2/t31_15bit.jp2",
    "landsat/wofs_water_1993_01_05.tif", "tiny/multi_pixel_packed_1bit.tif",
    "landcover/corine_2018_guadeloupe.tif", "landcover/worldcover_2021_N00E006.tif",
    "landcover/cci_lc_2018_classes.tif", "landcover/palette_lcc.tif",
    "landcover/palette_huge.tif",
}  # fmt: skip

DATES = {
    "sentinel2/l2a_4band_named_float.tif": None,
    "timeseries_s2_openeo/openEO_2023-06-04Z.tif": "2023-06-04T00:00:00Z",
    "timeseries_modis_ndvi/TERRA_MODIS_012010_NDVI_2013-11-17.jp2": "2013-11-17T00:00:00Z",
    "landsat/wofs_water_1993_01_05.tif": "1993-01-05T00:00:00Z",
    "formats/netcdf_tmmx_scaled_20190121.nc": "2019-01-21T00:00:00Z",
    "formats/grib2_cmc_tmp.grib2": "2020-08-10T00:00:00Z",
}
CHOICES = {
    "sentinel3/olci_l2_sns_2017104.nc": 56, "formats/netcdf_coads_sst.nc": 4,
    "formats/hdf5_two_subdatasets.h5": 2, "formats/gpkg_two_tables.gpkg": 2,
    "archives/four_tiffs.zip": 4, "formats/envi_pair.zip": 2,
}  # fmt: skip


def entries() -> list[Any]:
    manifest = CORPUS / "manifest.json"
    if not manifest.exists():
        reason = f"the corpus is absent: RASTER_CORPUS={CORPUS}"
        return [pytest.param({}, id="absent", marks=pytest.mark.skip(reason=reason))]
    files = json.loads(manifest.read_text())["files"]
    return [pytest.param(f, id=f["file"]) for f in files]


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    with Child() as started:
        yield started


@pytest.mark.parametrize("entry", entries())
def test_outcome_and_facts(entry: dict[str, Any], child: Child, tmp_path: Path) -> None:
    names = [entry["file"], *entry["sidecars"]]
    files = [(str(CORPUS / name), Path(name).name) for name in names]
    found = child.inspect(files, tmp_path)
    expected = OTHERWISE.get(entry["file"], entry["expected"])
    if isinstance(found.end, RastrumError):
        assert_clear(found.end, expected)
        assert_choice(found.end, entry["file"], found.last)
    else:
        assert expected.startswith("accept") or entry["file"] in SEEN_WHILE_READING
        (raster,) = found.end.rasters
        assert_facts(raster, entry)
        assert_told(found.last)
    assert found.last.files


def assert_clear(error: RastrumError, expected: str) -> None:
    assert error.detail
    assert error.hint
    if isinstance(error, Rejected):
        assert expected in ("reject", "accept-or-clear-error")
    else:
        assert isinstance(error, NeedsInput)
        assert expected in ("needs-input", "accept-or-clear-error")
        assert error.code in ("crs_missing", "bounds_missing", "choose_subdatasets")


def assert_choice(error: RastrumError, file: str, last: Findings) -> None:
    assert len(error.options) == CHOICES.get(file, 0)
    assert [option.id for option in last.options] == [option["id"] for option in error.options]


def assert_told(last: Findings) -> None:
    """What the owner sees of a raster that was taken."""
    (raster,) = last.rasters
    assert raster.footprint_wgs84
    assert raster.crs_name
    assert raster.bands
    assert len(raster.quicklook_png) <= 64 * 1024


def assert_facts(found: FoundRaster, entry: dict[str, Any]) -> None:
    info = found.info
    if entry["opens"]:  # rasterio sees into some archives, not into all
        assert len(info.bands) == entry["bands"]
        assert {band.dtype for band in info.bands} == set(entry["dtypes"])
    assert (info.kind == "classes") == (entry["file"] in CLASSES)
    if entry["file"] in DATES:
        assert info.datetime == DATES[entry["file"]]
    assert_place(info, entry.get("bounds_lonlat"))
    if entry["opens"] and found.source.warp is None:
        assert_grid(info, entry)


def assert_grid(info: Any, entry: dict[str, Any]) -> None:
    assert (info.width, info.height) == (entry["width"], entry["height"])
    assert info.crs_epsg == entry["epsg"]
    assert info.transform == pytest.approx(entry["transform"], rel=1e-12)
    assert info.bounds == pytest.approx(entry["bounds"], rel=1e-6)
    if info.driver == "GTiff":
        assert list(info.overviews) == entry["overviews"]
    nodata = entry["nodata"]
    assert info.bands[0].nodata == pytest.approx(
        float(nodata) if isinstance(nodata, str) else nodata, nan_ok=True
    )


def assert_place(info: Any, lonlat: list[float] | None) -> None:
    geometry = shape(info.footprint_wgs84)
    assert geometry.is_valid
    assert geometry.area > 0
    west, south, east, north = geometry.bounds
    assert -180 <= west <= east <= 180
    assert -90 <= south <= north <= 90
    if lonlat is None:
        return
    if lonlat[2] > 181:  # given on 0..360: we wrap
        lonlat = [-180.0, lonlat[1], 180.0, lonlat[3]]
    lonlat = [lonlat[0], max(lonlat[1], -90.0), lonlat[2], min(lonlat[3], 90.0)]
    # The manifest samples 21 points a side, we 64: curved edges bulge a little more.
    assert info.bounds_wgs84 == pytest.approx(lonlat, abs=2e-3)
