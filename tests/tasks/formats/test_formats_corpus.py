"""Every corpus file that is no TIFF and no archive: its outcome and what the manifest says."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repository.errors import NeedsInput, RastrumError, Rejected
from tasks.band_facts import read_bands
from tasks.formats.grids import reject_swath
from tasks.formats.listing import source_of
from tasks.formats.sidecars import with_sidecar_crs
from tasks.formats.times import sensing_time
from tasks.georeference import find_georeference
from tests.tasks.formats.walk import Taken, take

pytestmark = pytest.mark.corpus

CORPUS = Path(os.environ.get("RASTER_CORPUS") or Path(__file__).parents[4] / "shared" / "data")

TIMES = {
    "formats/netcdf_cf_lcc2sp.nc": "2010-01-13T06:00:00Z",
    "formats/grib2_gfs_6band.grib2": "2021-09-18T16:00:00Z",
    "formats/grib2_cmc_tmp.grib2": "2020-08-10T00:00:00Z",
}
CHOICES = {
    "formats/netcdf_coads_sst.nc": ["SST", "AIRT", "UWND", "VWND"],
    "formats/hdf5_two_subdatasets.h5": ["data", "data2"],
    "formats/gpkg_two_tables.gpkg": ["small_world_and_byte", "utm"],
}


def entries() -> list[Any]:
    manifest = CORPUS / "manifest.json"
    if not manifest.exists():
        reason = f"the corpus is absent: RASTER_CORPUS={CORPUS}"
        return [pytest.param({}, id="absent", marks=pytest.mark.skip(reason=reason))]
    files = json.loads(manifest.read_text())["files"]
    others = (".tif", ".zip", ".tgz")
    return [pytest.param(f, id=f["file"]) for f in files if not f["file"].endswith(others)]


@pytest.fixture
def entry_file(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[dict[str, Any], Path]:
    """The entry, and its file as an upload has it: the placed copy goes to a folder of the test."""
    entry = request.param
    path = tmp_path / Path(entry["file"]).name
    path.symlink_to(CORPUS / entry["file"])
    return entry, path


def taken_of(entry: dict[str, Any], path: Path) -> Taken | RastrumError:
    sidecars = {Path(name).suffix: CORPUS / name for name in entry["sidecars"]}
    try:
        return take(path, sidecars=sidecars)
    except RastrumError as error:
        return error


@pytest.mark.parametrize("entry_file", entries(), indirect=True)
def test_outcome_and_facts(entry_file: tuple[dict[str, Any], Path]) -> None:
    entry, path = entry_file
    expected, taken = entry["expected"], taken_of(entry, path)
    if isinstance(taken, RastrumError):
        assert isinstance(taken, Rejected)
        assert taken.hint
        assert expected == "reject"
    elif taken.listing.must_choose:
        assert expected == "needs-input"
        ids = [raster.id for raster in taken.listing.rasters]
        assert ids == CHOICES.get(entry["file"], ids)
        assert len(ids) == entry["subdatasets"]
    else:
        assert expected != "reject"
        compare(taken, entry)


def compare(taken: Taken, entry: dict[str, Any]) -> None:
    source = source_of(taken.form, taken.path, taken.listing.rasters[0], taken.name)
    with taken.opened() as dataset:
        assert (dataset.driver, dataset.width, dataset.height, dataset.count) == (
            entry["driver"], entry["width"], entry["height"], entry["bands"],
        )  # fmt: skip
        answers = with_sidecar_crs(source, dataset, {})
        bands = read_bands(dataset, taken.header, answers, [])
        assert {band.dtype for band in bands} == set(entry["dtypes"])
        compare_nodata(bands[0].nodata, entry["nodata"])
        assert [band.scale for band in bands] == entry.get("scales", [1.0] * len(bands))
        assert [band.offset for band in bands] == entry.get("offsets", [0.0] * len(bands))
        assert sensing_time(dataset) == TIMES.get(entry["file"])
        assert bool(bands[0].color_table) == entry["colormap"]
        compare_pixels(dataset.read(1, masked=True), entry["band1"])
        reject_swath(dataset)
        if entry["expected"] == "needs-input":
            with pytest.raises(NeedsInput) as caught:
                find_georeference(dataset, answers, taken.header.projected_epsg)
            assert caught.value.code == "crs_missing"
            return
        place = find_georeference(dataset, answers, taken.header.projected_epsg)
        assert place.epsg == entry["epsg"]
        assert tuple(place.transform)[:6] == pytest.approx(entry["transform"], rel=1e-12)
        assert place.bounds == pytest.approx(entry["bounds"], rel=1e-6)


def compare_nodata(found: float | int | None, expected: Any) -> None:
    wanted = float(expected) if isinstance(expected, str) else expected
    assert found == pytest.approx(wanted, nan_ok=True)


def compare_pixels(pixels: np.ma.MaskedArray, expected: dict[str, Any]) -> None:
    values = pixels.compressed()
    values = values[np.isfinite(values)]
    assert values.size == expected["valid_pixels"]
    assert float(values.min()) == pytest.approx(expected["min"])
    assert float(values.max()) == pytest.approx(expected["max"])
    assert float(values.mean(dtype="f8")) == pytest.approx(expected["mean"])


def test_the_vrt_of_the_corpus_is_refused_whatever_it_is_called(tmp_path: Path) -> None:
    vrt = CORPUS / "formats/vrt_relative.vrt"
    if not vrt.exists():
        pytest.skip(f"the corpus is absent: RASTER_CORPUS={CORPUS}")
    (tmp_path / "good.tif").symlink_to(vrt)
    with pytest.raises(Rejected) as caught:
        take(tmp_path / "good.tif")
    assert caught.value.code == "unsupported_format"
