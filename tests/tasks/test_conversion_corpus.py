"""Real rasters survive conversion: each accepted GeoTIFF of the corpus, against the manifest."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rio_cogeo.cogeo import cog_validate

from tasks.conversion import convert
from tests.rasters import found_of, info_of

CORPUS = Path(
    os.environ.get("RASTER_CORPUS") or Path(__file__).parents[3] / "shared" / "data"
).resolve()
MAX_DECODED_BYTES = 500_000_000

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning"),
]


def accepted() -> list[Any]:
    """The manifest's entries of GeoTIFFs that must be ingested, as test parameters."""
    manifest = CORPUS / "manifest.json"
    if not manifest.exists():
        reason = f"the corpus is absent: RASTER_CORPUS={CORPUS}"
        return [pytest.param(None, marks=pytest.mark.skip(reason=reason))]
    entries = json.loads(manifest.read_text())["files"]
    return [
        pytest.param(entry, id=entry["file"])
        for entry in entries
        if entry["expected"] == "accept"
        and entry.get("driver") == "GTiff"
        and entry["georef"] in ("north-up", "south-up")
        and entry["decoded_bytes"] <= MAX_DECODED_BYTES
        and not entry["file"].endswith(".zip")
    ]


@pytest.mark.parametrize("entry", accepted())
def test_a_real_raster_survives(entry: dict[str, Any], tmp_path: Path) -> None:
    source, destination = CORPUS / entry["file"], tmp_path / "cog.tif"
    mask = source.with_name(source.name + ".msk")
    valid_pixels = 0

    def count(pixels: np.ndarray, valid: np.ndarray) -> None:
        nonlocal valid_pixels
        valid_pixels += int(valid[0].sum())

    info = info_of(source, external_mask=mask.exists())
    found = found_of(source, info, mask_path=str(mask) if mask.exists() else "")
    convert(found, destination, on_strip=count)
    assert valid_pixels == entry["band1"]["valid_pixels"]
    assert cog_validate(destination, strict=True)[1:] == ([], [])
    with rasterio.open(source) as before, rasterio.open(destination) as after:
        assert after.crs == before.crs
        assert after.transform == before.transform
        assert str(after.nodatavals) == str(before.nodatavals)
        assert after.tags() == before.tags()
        for index in before.indexes:
            assert after.checksum(index) == before.checksum(index)
        np.testing.assert_array_equal(after.dataset_mask(), before.dataset_mask())
