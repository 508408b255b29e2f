"""A catalogue of three roles with real pixels behind it, and OGC API in this process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.gis.geos import GEOSGeometry, MultiPolygon, Polygon
from starlette.testclient import TestClient

from repository import tokens
from repository.models import Asset, Collection, Product, User
from repository.models.product import ProductState
from repository.storage import object_store, sha256_of
from tests.rasters import gradient, write_raster
from tests.tiler.ogc.making import MOMENT, coverage_record
from tiler.ogc.app import app


class Catalogue:
    """Makes collections and products for the owner, and tokens for anybody."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.owner = User.objects.create_user("owner")
        self.stranger = User.objects.create_user("stranger")

    def collection(self, name: str, **fields: Any) -> Collection:
        fields = {"title": name.title(), "owner": self.owner} | fields
        return Collection.objects.create(id=name, **fields)

    def product(self, collection: Collection, slug: str, **fields: Any) -> Product:
        """Published, 50 by 40 pixels of int16 in UTM zone 33N."""
        path = write_raster(self.folder / f"{slug}.tif", gradient("int16"), nodata=-9999)
        raster = coverage_record(path).raster
        footprint: GEOSGeometry = Polygon.from_bbox(raster.bounds_wgs84)
        fields = {
            "title": slug.title(), "start": MOMENT, "end": MOMENT, "owner": self.owner,
            "state": ProductState.PUBLISHED, "published": MOMENT, "footprint": footprint,
            "bbox": list(raster.bounds_wgs84), "raster": raster.to_json(),
            "datetime_source": "given",
        } | fields  # fmt: skip
        product = Product.objects.create(collection=collection, slug=slug, **fields)
        digest = sha256_of(path)
        key = f"products/{product.uuid}/{digest}/{slug}.tif"
        object_store().put(key, path, digest)
        Asset.objects.create(
            product=product, role="data", file_name=f"{slug}.tif", key=key, size=1,
            media_type="image/tiff", sha256=digest, md5="",
        )  # fmt: skip
        return product

    def headers(self, user: User) -> dict[str, str]:
        """Credentials of a user."""
        return {"Authorization": f"Bearer {tokens.create(user, scopes=('read',))[1]}"}


def across_the_antimeridian() -> MultiPolygon:
    """Fiji, cut at 180 degrees."""
    parts = [Polygon.from_bbox((177, -20, 180, -15)), Polygon.from_bbox((-180, -20, -178, -15))]
    return MultiPolygon(parts, srid=4326)


@pytest.fixture
def catalogue(transactional_db: None, settings: Any, tmp_path: Path) -> Catalogue:
    """Empty, with objects in a folder of the test."""
    options = {"location": str(tmp_path / "objects")}
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": "repository.storage.LocalObjects", "OPTIONS": options},
    }
    return Catalogue(tmp_path)


class Ogc:
    """Asks /ogc of the application as a client on `maps.example.org` would."""

    def __init__(self, client: TestClient) -> None:
        self.client = client

    def get(self, path: str = "", **headers: str) -> Any:
        return self.client.get(f"/ogc{path}", headers=headers)

    def json(self, path: str = "", **headers: str) -> Any:
        answer = self.get(path, **headers)
        assert answer.status_code == 200, answer.text
        return json.loads(answer.content)


@pytest.fixture
def ogc() -> Iterator[Ogc]:
    """The application in this process."""
    with TestClient(app, base_url="https://maps.example.org") as client:
        yield Ogc(client)
