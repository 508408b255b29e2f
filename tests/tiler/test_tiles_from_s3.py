"""Tiles of an object in a real S3 store: those of the same file in a folder, in few requests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from repository.errors import Unavailable
from repository.rendering_style import RenderingStyle
from tasks.block_places import block_index_of
from tasks.conversion import convert
from tests.rasters import found_of, gradient, info_of, write_raster
from tests.services.slow_store import SlowStore, slow_store
from tests.tiler.refs import ref_of
from tiler.pixels import blocks
from tiler.pixels.asset_ref import AssetRef
from tiler.pixels.reading import read_tile
from tiler.pixels.tile_matrix_sets import WEB_MERCATOR_QUAD as QUAD

pytestmark = pytest.mark.s3

BUCKET = "tiles"
SIDE = 3000
RGB = RenderingStyle(kind="rgb", bands=(1, 2, 3))


@pytest.fixture(scope="module")
def store(object_store: Any) -> Iterator[SlowStore]:
    """The bucket behind a proxy that counts."""
    object_store.make_bucket(BUCKET)
    with slow_store(object_store.endpoint) as counting:
        yield counting


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> AssetRef:
    """A COG of ours in a folder: 3000 pixels square, 12 by 12 blocks, with a mask."""
    folder = tmp_path_factory.mktemp("s3")
    pixels = np.random.default_rng(7).integers(1, 255, (3, SIDE, SIDE)).astype("uint8")
    pixels[:, :700] = gradient("uint8", 700, SIDE, 3)
    mask = np.ones((SIDE, SIDE), bool)
    mask[1000:1100, 900:1300] = False
    source = write_raster(folder / "in.tif", pixels, mask=mask, tiled=True)
    cog = folder / "out.tif"
    convert(found_of(source, info_of(source, "rgb")), cog)
    return ref_of(cog, RGB, block_index=block_index_of(str(cog)))


@pytest.fixture(scope="module")
def remote(object_store: Any, store: SlowStore, local: AssetRef) -> AssetRef:
    object_store.client().upload_file(local.gdal_path, BUCKET, "products/a/b/data.tif")
    return replace(
        local, gdal_path=f"/vsis3/{BUCKET}/products/a/b/data.tif",
        gdal_environment=(
            ("AWS_ACCESS_KEY_ID", object_store.access_key),
            ("AWS_HTTPS", "NO"), ("AWS_REGION", "us-east-1"),
            ("AWS_S3_ENDPOINT", urlsplit(store.endpoint).netloc),
            ("AWS_SECRET_ACCESS_KEY", object_store.secret_key),
            ("AWS_VIRTUAL_HOSTING", "FALSE"),
        ),
    )  # fmt: skip


@pytest.fixture(autouse=True)
def _nothing_known(store: SlowStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "CACHE", blocks.BlockCache(64 * 2**20))
    monkeypatch.setattr(blocks, "_open", blocks._OpenCogs())
    store.forget()


def tiles(ref: AssetRef, zoom: int) -> list[tuple[int, int, int]]:
    west, north, east, south = QUAD.tiles_over(ref.bounds_wgs84, zoom)
    return [(zoom, x, y) for x in range(west, east + 1) for y in range(north, south + 1)]


@pytest.mark.parametrize("zoom", [10, 12, 13, 15])
def test_tiles_are_those_of_a_folder(remote: AssetRef, local: AssetRef, zoom: int) -> None:
    for z, x, y in tiles(local, zoom)[:12]:
        ours = read_tile(remote, QUAD, z, x, y, resampling="average")
        theirs = read_tile(replace(local), QUAD, z, x, y, resampling="average")
        np.testing.assert_array_equal(ours.data, theirs.data)
        np.testing.assert_array_equal(ours.mask, theirs.mask)


@pytest.mark.parametrize("zoom", [9, 11, 12, 13, 14, 16])
def test_a_cold_tile_takes_two_requests_at_most(
    remote: AssetRef, store: SlowStore, zoom: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for z, x, y in tiles(remote, zoom)[:20]:
        monkeypatch.setattr(blocks, "CACHE", blocks.BlockCache(64 * 2**20))
        monkeypatch.setattr(blocks, "_open", blocks._OpenCogs())
        store.forget()
        read_tile(remote, QUAD, z, x, y, bands=(1, 2, 3), resampling="average")
        assert len(store.reads) <= 2, store.reads


def test_a_tile_without_an_index_reads_the_header_once(remote: AssetRef, store: SlowStore) -> None:
    unknown = replace(remote, block_index=b"")
    z, x, y = tiles(remote, 13)[4]
    ours = read_tile(unknown, QUAD, z, x, y)
    first = len(store.reads)
    assert first <= 3
    np.testing.assert_array_equal(ours.data, read_tile(remote, QUAD, z, x, y).data)
    assert len(store.reads) == first  # its blocks are kept


def test_an_object_that_is_missing_is_told_as_unavailable(remote: AssetRef) -> None:
    gone = replace(remote, gdal_path=f"/vsis3/{BUCKET}/products/a/b/none.tif")
    for ref in (gone, replace(gone, block_index=b"")):
        with pytest.raises(Unavailable) as told:
            read_tile(ref, QUAD, *tiles(remote, 12)[0])
        assert told.value.code == "pixels_unavailable"


def test_wrong_keys_are_told_as_unavailable_without_naming_them(remote: AssetRef) -> None:
    wrong = dict(remote.gdal_environment) | {"AWS_SECRET_ACCESS_KEY": "not-the-key"}
    ref = replace(remote, gdal_environment=tuple(sorted(wrong.items())))
    with pytest.raises(Unavailable) as told:
        read_tile(ref, QUAD, *tiles(remote, 12)[0])
    assert "not-the-key" not in f"{told.value.detail} {told.value.__cause__}"
