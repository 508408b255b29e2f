"""The tile server over frozen products, without a catalogue."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from repository.errors import Gone, NotFound, WrongCredentials
from repository.raster_info import Statistics
from repository.rendering_style import RenderingStyle
from tests.rasters import gradient, write_raster
from tests.tiler.mosaic_world import MosaicWorld
from tests.tiler.refs import ref_of
from tiler import direct_tiles, policy_memory, product_resources, wmts, xyz
from tiler.app import app
from tiler.pixels.asset_ref import AssetRef
from tiler.pixels.tile_matrix_sets import WEB_MERCATOR_QUAD as QUAD
from tiler.products import Caller, Layer, Layers, layer_of

GREY = RenderingStyle(kind="ramp", bands=(1,), stretch=((0, 120),), ramp="gray", name="grey")
"""What every product offers beside its default."""


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

    def find_product(
        caller: Caller, collection: str, product: str, style: str = "default"
    ) -> AssetRef:
        if caller.authorization == "Bearer wrong":
            raise WrongCredentials
        if product == "gone":
            raise Gone("Removed on purpose.")
        if collection != "c" or product not in refs:
            raise NotFound("There is no such map.")
        if style not in ("default", "grey"):
            raise NotFound("There is no such style.", code="unknown_style")
        return refs[product] if style == "default" else replace(refs[product], style=GREY)

    def list_layers(caller: Caller, collection: str = "") -> Layers:
        if caller.authorization == "Bearer wrong":
            raise WrongCredentials
        shown = caller.authorization is not None
        items = [layer_of(ref) for ref in refs.values() if ref.is_public or shown]
        return Layers("A collection" if collection else "", tuple(items), False, not shown)

    for module in (xyz, product_resources, wmts, direct_tiles, policy_memory):
        monkeypatch.setattr(module, "find_product", find_product)
    monkeypatch.setattr(wmts, "list_layers", list_layers)
    monkeypatch.setattr(wmts, "offered_styles", lambda caller, ref: (("grey", 'The "grey" one'),))
    whole = Layer("c", "", "A collection", "", refs["p"].bounds_wgs84, "1", has_legend=False)
    monkeypatch.setattr(wmts, "collection_layer", lambda caller, c: whole)

    def no_collection(*_: Any, **__: Any) -> Any:
        raise NotFound("There is no such collection.")

    monkeypatch.setattr(wmts, "viewer_of", no_collection)
    monkeypatch.setattr(wmts, "mosaic_response", no_collection)
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


@pytest.fixture
def mosaic_world(transactional_db: None, settings: Any, tmp_path: Path) -> Iterator[MosaicWorld]:
    """The tile server over a real catalogue, with objects in a folder of the test."""
    options = {"location": str(tmp_path / "objects")}
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": "repository.storage.LocalObjects", "OPTIONS": options},
    }
    with TestClient(app, base_url="http://127.0.0.1:8000") as made:
        yield MosaicWorld(tmp_path, made)
