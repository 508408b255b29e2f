"""Fills the collection `world` of a running server with rows that share one object.

    python -m benchmarks.tiles.clones --count 10000

Pixels are those of live/spot; each row says that they lie elsewhere. Waits for the overview.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import uuid

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.apps import apps  # noqa: E402
from django.contrib.gis.geos import Polygon  # noqa: E402
from django.db import transaction  # noqa: E402
from django.db.models import F  # noqa: E402

from repository.models import Asset, BlockIndex, Collection, Product  # noqa: E402

SECONDS = 1800
ACROSS = 125
"""Places in a row; a product is 0.64 degrees wide."""


def main() -> None:
    """Make the rows in one commit, then wait. Exits with a sentence where no overview comes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, required=True)
    count = parser.parse_args().count
    first = Product.objects.get(collection_id="live", slug="spot")
    with transaction.atomic():
        world, _ = Collection.objects.get_or_create(
            id="world", defaults={"title": "World", "owner": first.owner}
        )
        _fill(first, world, count)
    sys.exit(_wait(world))


def _fill(first: Product, world: Collection, count: int) -> None:
    asset = Asset.objects.get(product=first, role="data")
    index = BlockIndex.objects.filter(asset=asset).first()
    products = [_moved(first, world, number) for number in range(count)]
    Product.objects.bulk_create(products, batch_size=500)
    assets = []
    for product in products:
        copy = Asset.objects.get(pk=asset.pk)
        copy.pk, copy.product = None, product
        assets.append(copy)
    Asset.objects.bulk_create(assets, batch_size=500)
    if index is not None:
        BlockIndex.objects.bulk_create(
            [BlockIndex(asset=row, packed=index.packed) for row in assets], batch_size=500
        )


def _moved(first: Product, world: Collection, number: int) -> Product:
    """A copy of the product at the place of that number."""
    left = -170 + 340 * (number % ACROSS) / ACROSS
    bottom = -70 + 140 * (number // ACROSS % 80) / 80
    width = first.bbox[2] - first.bbox[0]
    bounds = [left, bottom, left + width, bottom + width]
    raster = dict(first.raster)
    a, b, _, d, e, _ = raster["transform"]
    raster |= {
        "transform": [a, b, left, d, e, bottom + width],
        "bounds": bounds, "bounds_wgs84": bounds,
        "footprint_wgs84": {"type": "MultiPolygon", "coordinates": [
            [[[left, bottom], [left + width, bottom], [left + width, bottom + width],
              [left, bottom + width], [left, bottom]]]
        ]},
    }  # fmt: skip
    product = Product()
    for field in Product._meta.concrete_fields:
        setattr(product, field.attname, getattr(first, field.attname))
    product.uuid, product.slug = uuid.uuid4(), f"spot-{number}"
    product.collection, product.raster, product.bbox = world, raster, bounds
    product.footprint = Polygon.from_bbox(bounds)
    if hasattr(product, "stored_pyramid"):
        product.stored_pyramid = None  # that shows the first one's place
    return product


def _wait(world: Collection) -> str | None:
    try:
        overview = apps.get_model("repository", "OverviewTile")
    except LookupError:
        return "this server has no overviews of collections"
    late = overview.objects.filter(collection=world, changed__gt=F("built"))
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if overview.objects.filter(collection=world).exists() and not late.exists():
            return None
        time.sleep(1)
    return f"the overview was not built within {SECONDS} seconds"


if __name__ == "__main__":
    main()
