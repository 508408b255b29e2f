"""Every GeoTIFF of the corpus: the outcome and the facts that the manifest states."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from shapely.geometry import shape

from repository.errors import NeedsInput, Rejected
from tasks.inspection import inspect

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
    "landsat/wofs_water_1993_01_05.tif", "tiny/multi_pixel_packed_1bit.tif",
    "landcover/corine_2018_guadeloupe.tif", "landcover/worldcover_2021_N00E006.tif",
    "landcover/cci_lc_2018_classes.tif", "landcover/palette_lcc.tif",
    "landcover/palette_huge.tif",
}  # fmt: skip


def entries() -> list[Any]:
    manifest = CORPUS / "manifest.json"
    if not manifest.exists():
        reason = f"the corpus is absent: RASTER_CORPUS={CORPUS}"
        return [pytest.param({}, id="absent", marks=pytest.mark.skip(reason=reason))]
    files = json.loads(manifest.read_text())["files"]
    return [pytest.param(f, id=f["file"]) for f in files if f["file"].endswith(".tif")]


def outcome(entry: dict[str, Any]) -> Any:
    """RasterInfo, or the error by which inspection refuses the file."""
    path = CORPUS / entry["file"]
    try:
        return inspect(path, file_name=path.name)
    except (Rejected, NeedsInput) as error:
        return error


@pytest.mark.parametrize("entry", entries())
def test_outcome_and_facts(entry: dict[str, Any]) -> None:
    found = outcome(entry)
    expected = OTHERWISE.get(entry["file"], entry["expected"])
    if isinstance(found, Rejected):
        assert expected in ("reject", "accept-or-clear-error")
        assert found.detail
        assert found.hint
    elif isinstance(found, NeedsInput):
        assert expected in ("needs-input", "accept-or-clear-error")
        assert found.code in ("crs_missing", "bounds_missing")
    else:
        assert expected.startswith("accept") or entry["file"] in SEEN_WHILE_READING
        if any(code == "warped" for code, _ in found.warnings):
            assert_place(found, entry.get("bounds_lonlat"))
        else:
            assert_facts(found, entry)


def assert_facts(info: Any, entry: dict[str, Any]) -> None:
    assert (info.width, info.height, len(info.bands)) == (
        entry["width"], entry["height"], entry["bands"],
    )  # fmt: skip
    assert info.crs_epsg == entry["epsg"]
    assert info.transform == pytest.approx(entry["transform"], rel=1e-12)
    assert info.bounds == pytest.approx(entry["bounds"], rel=1e-6)
    assert list(info.overviews) == entry["overviews"]
    assert {band.dtype for band in info.bands} == set(entry["dtypes"])
    nodata = entry["nodata"]
    assert info.bands[0].nodata == pytest.approx(
        float(nodata) if isinstance(nodata, str) else nodata, nan_ok=True
    )
    assert (info.kind == "classes") == (entry["file"] in CLASSES)
    assert_place(info, entry["bounds_lonlat"])


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
    # The manifest samples 21 points a side, we 64: curved edges bulge a little more.
    assert info.bounds_wgs84 == pytest.approx(lonlat, abs=2e-3)
