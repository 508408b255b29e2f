"""What the corpus's manifest states of a raster, compared with what the product says of itself."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import rasterio
from pyproj import CRS, Transformer

Json = dict[str, Any]


def assert_facts(product: Json, entry: Json, source: Path) -> None:
    """Size, CRS, grid, place, nodata and statistics of band 1."""
    assert (product["width"], product["height"]) == (entry["width"], entry["height"])
    assert len(product["bands"]) == entry["bands"]
    assert product["transform"][:6] == pytest.approx(entry["transform"], rel=1e-9, abs=1e-12)
    assert_crs(product, entry, source)
    assert_place(product, entry)
    assert_band(product["bands"][0], entry)


def assert_crs(product: Json, entry: Json, source: Path) -> None:
    """The EPSG code where there is one; always the same place on Earth for the same numbers."""
    if entry["epsg"]:
        assert product["crs"] == f"EPSG:{entry['epsg']}"
        return
    if source.suffix in (".zip", ".tgz"):
        return  # the place says it
    with rasterio.open(source) as dataset:
        if not dataset.crs or dataset.crs.to_wkt().startswith("LOCAL_CS"):
            return  # the file names none: the caller did
        ours, theirs = CRS.from_user_input(product["crs"]), CRS.from_wkt(dataset.crs.to_wkt())
        x, y = dataset.xy(dataset.height // 3, dataset.width // 3)
    here, there = (_lonlat(crs, x, y) for crs in (ours, theirs))
    assert here == pytest.approx(there, abs=1e-7)


def _lonlat(crs: CRS, x: float, y: float) -> tuple[float, float]:
    return Transformer.from_crs(crs, "OGC:CRS84", always_xy=True).transform(x, y)


def assert_place(product: Json, entry: Json) -> None:
    """The bbox within a hundredth of its own size; by sanity where it meets the antimeridian."""
    left, bottom, right, top = product["bbox"]
    assert -180 <= left <= 180
    assert -180 <= right <= 180
    assert -90 <= bottom < top <= 90
    expected = entry["bounds_lonlat"]
    if expected is None:
        return
    width = (expected[2] - expected[0]) % 360 or 360
    slack = max(width, expected[3] - expected[1]) / 100 + 1e-4
    assert (bottom, top) == pytest.approx((expected[1], expected[3]), abs=slack)
    if width < 359:
        assert _apart(left, expected[0]) < slack
        assert _apart(right, expected[2]) < slack
    else:
        assert right - left > 355
    assert product["footprint"]["type"] in ("Polygon", "MultiPolygon")


def _apart(one: float, other: float) -> float:
    """Degrees between two longitudes."""
    return abs((one - other + 180) % 360 - 180)


def assert_band(band: Json, entry: Json) -> None:
    """Type, nodata, and the statistics of full resolution, unscaled."""
    facts, expected = band["statistics"], entry["band1"]
    assert band["dtype"] == entry["dtypes"][0]
    assert _number(band["nodata"]) == pytest.approx(_number(entry["nodata"]), nan_ok=True)
    assert facts["valid_count"] == expected["valid_pixels"]
    if expected["valid_pixels"]:
        assert facts["min"] == pytest.approx(expected["min"], rel=1e-6)
        assert facts["max"] == pytest.approx(expected["max"], rel=1e-6)
        assert facts["mean"] == pytest.approx(expected["mean"], rel=1e-4, abs=1e-6)


def _number(value: object) -> float | None:
    return None if value is None else math.nan if value == "nan" else float(str(value))
