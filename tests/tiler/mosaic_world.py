"""A collection of coloured squares, published the ordinary way, and both ends of its mosaic."""

from __future__ import annotations

import io
import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from django.contrib.gis.geos import GEOSGeometry, MultiPolygon, Polygon
from django.db import transaction
from PIL import Image
from rasterio.transform import from_bounds
from starlette.testclient import TestClient

from repository import editing, overviews, registration, tokens
from repository.models import Collection, Product, User
from repository.principal import ALL_SCOPES, Principal
from repository.raster_info import Statistics
from repository.registration import StoredFile
from repository.rendering_style import ClassColor, RenderingStyle
from repository.storage import object_key, object_store, sha256_of
from tasks.overview_building import Builder
from tests.rasters import write_raster
from tests.tiler.ogc.making import coverage_record
from tiler.pixels.tile_matrix_sets import WEB_MERCATOR_QUAD as QUAD

RGB = RenderingStyle(kind="rgb", bands=(1, 2, 3))
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
FIRST_DAY = datetime(2024, 1, 1, tzinfo=UTC)
Tile = tuple[int, int, int]


class MosaicWorld:
    """An owner, a stranger and a public collection `c`."""

    def __init__(self, folder: Path, client: TestClient) -> None:
        self.folder, self.client = folder, client
        self.owner = User.objects.create_user("owner")
        self.stranger = User.objects.create_user("stranger")
        self.collection = Collection.objects.create(id="c", title="C", owner=self.owner)

    def add(
        self, slug: str, colour: tuple[int, int, int] | np.ndarray, tile: Tile, *, day: int = 0,
        style: RenderingStyle = RGB, valid: float = 1.0, pixels: int = 64, **fields: Any,
    ) -> Product:  # fmt: skip
        """A square over a tile, of so many pixels a side; the first `valid` of its rows count."""
        data = np.zeros((3, pixels, pixels), np.uint8)
        data[:, : round(pixels * valid)] = np.reshape(colour, (3, 1, 1))
        return self.publish(slug, data, QUAD.bounds(*tile), day=day, style=style, **fields)

    def publish(
        self, slug: str, data: np.ndarray, bounds: tuple[float, float, float, float], *,
        day: int = 0, style: RenderingStyle = RGB, crs: str = "EPSG:3857",
        footprint: GEOSGeometry | None = None, bounds_wgs84: Any = None, nodata: float | None = 0,
        **fields: Any,
    ) -> Product:  # fmt: skip
        """Any pixels anywhere; black is nothing."""
        height, width = data.shape[1:]
        options = {"crs": crs, "transform": from_bounds(*bounds, width, height), "nodata": nodata}
        path = write_raster(self.folder / f"{slug}.tif", data, **options)
        info = replace(coverage_record(path).raster, kind="rgb")
        total = width * height
        count = int((data != (nodata if nodata is not None else -1)).any(axis=0).sum())
        statistics = Statistics(0, 1, 0, 0, count, total)
        bands = tuple(replace(band, statistics=statistics) for band in info.bands)
        info = replace(info, bands=bands, bounds_wgs84=bounds_wgs84 or info.bounds_wgs84)
        shape = footprint or Polygon.from_bbox(info.bounds_wgs84)
        info = replace(info, footprint_wgs84=json.loads(shape.geojson))
        key_uuid, digest = uuid.uuid4(), sha256_of(path)
        product = registration.reserve(
            self.collection, slug, owner_id=fields.pop("owner_id", self.owner.pk), exact=True,
            product_uuid=key_uuid, **{"title": slug, **fields},
        )  # fmt: skip
        key = object_key(key_uuid, digest, path.name)
        object_store().put(key, path, digest)
        file = StoredFile("data", path.name, key, "image/tiff", 1, digest, "")
        moment = (FIRST_DAY + timedelta(days=day)).isoformat()
        with transaction.atomic():
            return registration.publish(product.pk, info, style, [file],
                                        request={"datetime": moment})  # fmt: skip

    def build(self, seconds: float = 60.0) -> int:
        """Build what is late; how many tiles were."""
        builder = Builder("c", seconds=seconds)
        assert overviews.claim("c")
        try:
            builder.build()
        finally:
            overviews.release("c")
        return builder.stored

    def change(self, product: Product, **changes: Any) -> None:
        """As its owner does by the API."""
        editing.change(self.principal(self.owner), product, changes)

    def remove(self, product: Product) -> None:
        """As its owner does."""
        editing.remove(self.principal(self.owner), product)

    def principal(self, user: User) -> Principal:
        """Who may read and write."""
        return Principal(user_id=user.pk, scopes=ALL_SCOPES)

    def headers(self, user: User | None) -> dict[str, str]:
        """Credentials of a user; none of nobody."""
        if user is None:
            return {}
        return {"Authorization": f"Bearer {tokens.create(user, scopes=('read',))[1]}"}

    def get(
        self, tile: Tile | str, query: str = "", user: User | None = None, **options: Any
    ) -> Any:
        """The answer to a tile's address, or to any below /tiles/c."""
        z_x_y = tile if isinstance(tile, str) else "/".join(map(str, tile))
        extension = options.pop("extension", "png")
        path = f"/tiles/c/WebMercatorQuad/{z_x_y}.{extension}{query}"
        headers = self.headers(user) | options.pop("headers", {})
        return self.client.get(path, headers=headers)

    def picture(self, tile: Tile | str, query: str = "", user: User | None = None) -> np.ndarray:
        """Its pixels (height, width, 4)."""
        answer = self.get(tile, query, user)
        assert answer.status_code == 200, answer.text
        return rgba(answer.content)


def rgba(body: bytes) -> np.ndarray:
    """Red, green, blue and alpha of an encoded picture."""
    return np.asarray(Image.open(io.BytesIO(body)).convert("RGBA"))


def classes(**colours: tuple[int, int, int, int]) -> RenderingStyle:
    """`_3=(255, 0, 0, 255)`: the value 3 is red."""
    return RenderingStyle(
        kind="classes", bands=(1,),
        classes=tuple(ClassColor(int(name[1:]), colour) for name, colour in colours.items()),
    )  # fmt: skip


def across_180(south: float, north: float, degrees: float) -> MultiPolygon:
    """A box of so many degrees on each side of the antimeridian."""
    parts = [
        Polygon.from_bbox((180 - degrees, south, 180, north)),
        Polygon.from_bbox((-180, south, -180 + degrees, north)),
    ]
    return MultiPolygon(parts, srid=4326)
