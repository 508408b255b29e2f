"""Real rasters, converted as they are on their way in: tiles against GDAL's at the same overview.

The seed is printed with each failure; RASTRUM_SEED sets it.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from pyproj import Transformer
from rasterio.enums import ColorInterp, Resampling
from rasterio.transform import from_bounds
from rasterio.vrt import WarpedVRT

from tasks.conversion import convert
from tests.rasters import found_of, info_of
from tests.tiler.refs import ref_of
from tiler.pixels.asset_ref import AssetRef
from tiler.pixels.placement import place
from tiler.pixels.reading import read_tile, turns
from tiler.pixels.source_window import source_window
from tiler.pixels.tile_matrix_sets import WEB_MERCATOR_QUAD as QUAD
from tiler.pixels.zooms import zoom_range

CORPUS = Path(
    os.environ.get("RASTER_CORPUS") or Path(__file__).parents[4] / "shared" / "data"
).resolve()
MAX_DECODED_BYTES = 20_000_000
SEED = int(os.environ.get("RASTRUM_SEED") or time.time())
SIZE = 256
Tile = tuple[int, int, int]

pytestmark = [pytest.mark.corpus, pytest.mark.filterwarnings("ignore")]


def entries() -> list[Any]:
    """The manifest's entries of GeoTIFFs that are published as they lie, with a place on Earth."""
    manifest = CORPUS / "manifest.json"
    if not manifest.exists():
        reason = f"the corpus is absent: RASTER_CORPUS={CORPUS}"
        return [pytest.param(None, marks=pytest.mark.skip(reason=reason))]
    return [
        pytest.param(entry, id=entry["file"])
        for entry in json.loads(manifest.read_text())["files"]
        if entry["expected"] == "accept"
        and entry.get("driver") == "GTiff"
        and entry["georef"] in ("north-up", "south-up")
        and entry["bounds_lonlat"]
        and np.dtype(entry["dtypes"][0]).kind != "c"
        and entry["decoded_bytes"] <= MAX_DECODED_BYTES
        and not entry["file"].endswith(".zip")
    ]


@pytest.fixture(scope="module")
def differing() -> Iterator[list[int]]:
    """Pixels that differ from GDAL's nearest, and all; their share is looked at last."""
    counts = [0, 0]
    yield counts
    assert counts[0] <= 0.005 * counts[1], (SEED, counts)


@pytest.mark.parametrize("entry", entries())
def test_tiles_are_those_of_gdal(
    entry: dict[str, Any], tmp_path: Path, differing: list[int]
) -> None:
    source, cog = CORPUS / entry["file"], tmp_path / "cog.tif"
    mask = source.with_name(source.name + ".msk")
    info = info_of(source, external_mask=mask.exists())
    convert(found_of(source, info, mask_path=str(mask) if mask.exists() else ""), cog)
    ref = ref_of(cog)
    for tile in random_tiles(ref, random.Random(f"{SEED}{entry['file']}")):
        assert_nearest(ref, tile, differing)
        assert_average(ref, tile)


def random_tiles(ref: AssetRef, choice: random.Random) -> list[Tile]:
    """One of each of four zooms, from below the coarsest overview to beyond the pixels."""
    least, greatest = zoom_range(
        ref.crs_wkt, ref.transform, ref.width, ref.height, ref.bounds_wgs84
    )
    tiles = []
    for z in sorted({max(0, least - 1), (least + greatest) // 2, greatest, min(24, greatest + 2)}):
        west, north, east, south = QUAD.tiles_over(ref.bounds_wgs84, z)
        tiles.append((z, choice.randint(west, east), choice.randint(north, south)))
    # GDAL does not look for a raster on the other side of the antimeridian.
    return [tile for tile in tiles if turns(ref, placement(ref, tile)) == [0]]


def assert_nearest(ref: AssetRef, tile: Tile, differing: list[int]) -> None:
    """Values of the very pixel, but for a few of its neighbour's; masks alike but for edges."""
    ours = read_tile(ref, QUAD, *tile, bands=(1,))
    theirs, valid, level = by_gdal(ref, tile, Resampling.nearest)
    assert masks_differ(ref, ours.mask, valid) <= (0.03 if is_bent(ref, tile) else 0.01), (
        SEED,
        tile,
    )
    both = ours.mask & valid
    wrong = both & ~np.isclose(ours.data[0], theirs, rtol=0, atol=0, equal_nan=True)
    differing[0] += int(wrong.sum())
    differing[1] += int(both.sum())
    assert_neighbours(ref, tile, level, wrong, theirs)


def assert_neighbours(
    ref: AssetRef, tile: Tile, level: int, wrong: np.ndarray, theirs: np.ndarray
) -> None:
    """Where values differ, GDAL's is that of a pixel beside the exact position's."""
    if not wrong.any():
        return
    left, _, right, top = QUAD.bounds(*tile)
    i, j = np.nonzero(wrong)
    step = (right - left) / SIZE
    xs, ys = left + (j + 0.5) * step, top - (i + 0.5) * step
    xs, ys = Transformer.from_crs(QUAD.crs, ref.crs_wkt, always_xy=True).transform(xs, ys)
    columns, rows = ~rasterio.Affine(*ref.transform) * (np.asarray(xs), np.asarray(ys))
    with rasterio.open(ref.gdal_path, **at_level(level)) as dataset:
        pixels = np.pad(dataset.read(1), 1, mode="edge")
        u = np.clip((columns * dataset.width / ref.width).astype(int), 0, dataset.width - 1)
        v = np.clip((rows * dataset.height / ref.height).astype(int), 0, dataset.height - 1)
    around = np.stack([pixels[v + dy, u + dx] for dy in range(3) for dx in range(3)])
    assert (around == theirs[wrong]).any(axis=0).all(), (SEED, tile)


def assert_average(ref: AssetRef, tile: Tile) -> None:
    """Means of what a pixel covers, to a hundredth of the values' range nearly everywhere.

    GDAL takes the box between two corners of a pixel's footprint; where the raster's grid is
    turned against the tile's, that is another box than ours.
    """
    ours = read_tile(ref, QUAD, *tile, bands=(1,), resampling="average")
    theirs, valid, _ = by_gdal(ref, tile, Resampling.average)
    assert masks_differ(ref, ours.mask, valid) <= 0.05, (SEED, tile)
    both = without_edges(ours.mask & valid & np.isfinite(theirs))
    if not both.any() or is_turned(ref, tile):
        return
    values = theirs[both].astype(float)
    allowed = max(1.01 if ours.data.dtype.kind in "iu" else 0, 0.01 * float(np.ptp(values)), 1e-9)
    error = np.abs(ours.data[0][both].astype(float) - values)
    share = 0.05 if is_bent(ref, tile) else 0.01
    assert (error > allowed).sum() <= max(4, share * error.size), (SEED, tile)


def masks_differ(ref: AssetRef, ours: np.ndarray, theirs: np.ndarray) -> float:
    """The share of pixels. Of a globe seen from space only those that GDAL has and we have not: at
    the limb it leaves out pixels that PROJ places well."""
    is_globe = "geostationary" in ref.crs_wkt.lower()
    return float((theirs & ~ours if is_globe else ours != theirs).mean())


def without_edges(mask: np.ndarray) -> np.ndarray:
    inner = np.zeros_like(mask)
    inner[1:-1, 1:-1] = (
        mask[1:-1, 1:-1] & mask[:-2, 1:-1] & mask[2:, 1:-1] & mask[1:-1, :-2] & mask[1:-1, 2:]
    )
    return inner


def is_bent(ref: AssetRef, tile: Tile) -> bool:
    """Whether the raster is placed pixel by pixel: whole continents, limbs, poles."""
    return bool(placement(ref, tile).columns.shape == (SIZE, SIZE))


def is_turned(ref: AssetRef, tile: Tile) -> bool:
    """Whether the raster's rows or columns run across the tile's by more than three degrees."""
    placed = placement(ref, tile)
    with np.errstate(invalid="ignore"):
        rows = np.diff(placed.rows, axis=1) / np.diff(placed.columns, axis=1)
        columns = np.diff(placed.columns, axis=0) / np.diff(placed.rows, axis=0)
        return max(float(np.nanmax(np.abs(slope))) for slope in (rows, columns)) > 0.05


def placement(ref: AssetRef, tile: Tile) -> Any:
    return place(
        QUAD.bounds(*tile), QUAD.crs, SIZE, SIZE, source_crs=ref.crs_wkt,
        source_transform=ref.transform, source_size=(ref.width, ref.height),
    )  # fmt: skip


def by_gdal(
    ref: AssetRef, tile: Tile, resampling: Resampling
) -> tuple[np.ndarray, np.ndarray, int]:
    """GDAL's values of the first band, where they are valid, and the overview that both read."""
    placed = placement(ref, tile)
    window = source_window(ref, placed.columns, placed.rows, placed.resolution)
    level = window.level if window else -1
    with rasterio.open(ref.gdal_path, **at_level(level)) as dataset:
        masked = dataset.nodata is not None or ColorInterp.alpha in dataset.colorinterp
        with WarpedVRT(
            dataset, crs=QUAD.crs, transform=from_bounds(*QUAD.bounds(*tile), SIZE, SIZE),
            width=SIZE, height=SIZE, resampling=resampling, tolerance=0.001, add_alpha=not masked,
            UNIFIED_SRC_NODATA="NO",
        ) as warped:  # fmt: skip
            # GDAL takes the last of two or four bands alone for alpha, and NaN for a value.
            valid = warped.read_masks(1) if masked else warped.read(warped.count)
            values = warped.read(1)
            return values, (valid > 0) & (values == values), level


def at_level(level: int) -> dict[str, int]:
    return {"overview_level": level} if level >= 0 else {}
