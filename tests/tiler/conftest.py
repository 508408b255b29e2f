"""The tile server over frozen products, without a catalogue."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from repository.errors import Gone, NotFound, WrongCredentials
from repository.raster_info import Statistics
from repository.rendering_style import RenderingStyle
from tests.rasters import gradient, write_raster
from tests.tiler.refs import ref_of
from tiler import direct_tiles, policy_memory, product_resources, wmts, xyz
from tiler.app import app
from tiler.pixels.asset_ref import AssetRef
from tiler.pixels.tile_matrix_sets import WEB_MERCATOR_QUAD as QUAD
from tiler.products import Caller, Layers, layer_of


@pytest.fixture
def refs(tmp_path: Path) -> dict[str, AssetRef]:
    """A public, a private and a scaled product of the collection `c`."""
    style = RenderingStyle(kind="ramp", bands=(1,), stretch=((0, 120),), unit="m")
    path = write_raster(tmp_path / "a.tif", gradient("int16", 300, 400), nodata=0)
    statistics = Statistics(
        1, 120, 60.5, 34.6, 119_000, 120_000, 3, 118, (5, 6), (1.0, 60.0, 120.0)
    )
    public = ref_of(path, style, title='Heights "above" <sea> & "below"')
    bands = (replace(public.bands[0], statistics=statistics),)
    public = ref_of(path, style, title=public.title, bands=bands)
    scaled_bands = (replace(bands[0], scale=0.5, offset=10.0),)
    scaled = ref_of(path, style, product="scaled", bands=scaled_bands)
    private = ref_of(path, style, product="private", is_public=False)
    return {"p": public, "private": private, "scaled": scaled}


@pytest.fixture
def client(refs: dict[str, AssetRef], monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """A client of the application; `Bearer wrong` does not hold, product `gone` was removed."""

    def find_product(caller: Caller, collection: str, product: str) -> AssetRef:
        if caller.authorization == "Bearer wrong":
            raise WrongCredentials
        if product == "gone":
            raise Gone("Removed on purpose.")
        if collection != "c" or product not in refs:
            raise NotFound("There is no such map.")
        return refs[product]

    def list_layers(caller: Caller, collection: str = "") -> Layers:
        if caller.authorization == "Bearer wrong":
            raise WrongCredentials
        shown = caller.authorization is not None
        items = [layer_of(ref) for ref in refs.values() if ref.is_public or shown]
        return Layers("A collection" if collection else "", tuple(items), False, not shown)

    for module in (xyz, product_resources, wmts, direct_tiles, policy_memory):
        monkeypatch.setattr(module, "find_product", find_product)
    monkeypatch.setattr(wmts, "list_layers", list_layers)
    with TestClient(app, base_url="http://127.0.0.1:8000") as made:
        yield made


@pytest.fixture
def tile(refs: dict[str, AssetRef]) -> tuple[int, int, int]:
    """z, x, y of a tile in the middle of the products."""
    west, north, east, south = QUAD.tiles_over(refs["p"].bounds_wgs84, 14)
    return 14, (west + east) // 2, (north + south) // 2


def picture(body: bytes) -> np.ndarray:
    """Red, green, blue and alpha of an encoded picture."""
    return np.asarray(Image.open(io.BytesIO(body)).convert("RGBA"))
