"""The whole journey with a real S3 store: nothing of a product lies on the server's own disk."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.io import MemoryFile

from tests.journeys.client import Client
from tests.journeys.doors import tile_in_the_middle, xyz
from tests.journeys.rasters import write_elevation
from tests.services.product import Product, running_product

pytestmark = pytest.mark.s3

BUCKET = "rastrum"
C = "remote"
Json = dict[str, Any]


@pytest.fixture(scope="module")
def server(object_store: Any) -> Iterator[Product]:
    folder = Path(tempfile.mkdtemp(prefix="rastrum-s3-", dir="/tmp"))
    storage_url = object_store.make_bucket(BUCKET)
    try:
        with running_product(folder, STORAGE_URL=storage_url, PUBLISH_SAMPLE="no") as running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def owner(server: Product) -> Client:
    client = Client(server.url, server.token())
    client.make_collection(C)
    client.request("PATCH", f"/api/collections/{C}", json={"prerender": "never"})
    return client


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_elevation(tmp_path_factory.mktemp("remote") / "land.tif")


@pytest.fixture(scope="module")
def product(owner: Client, source: Path) -> Json:
    return owner.publish(C, source, id="land")


def keys_in(object_store: Any) -> set[str]:
    listing = object_store.client().list_objects_v2(Bucket=BUCKET)
    return {item["Key"] for item in listing.get("Contents", [])}


def test_both_files_are_in_the_bucket_and_no_staging_is_left(
    object_store: Any, product: Json, server: Product
) -> None:
    keys = keys_in(object_store)
    assert {key.split("/")[0] for key in keys} == {"products"}
    assert {key.split("/")[2] for key in keys} == {asset["sha256"] for asset in product["assets"]}
    assert not [path for path in server.data_dir.rglob("*.tif") if path.is_file()]


def test_a_tile_is_drawn_from_the_bucket(owner: Client, product: Json) -> None:
    answer = owner.get(xyz(C, "land", tile_in_the_middle(product["bbox"], 13)))
    assert answer.headers["content-type"] == "image/png"
    with MemoryFile(answer.content) as memory, memory.open() as image:
        assert len(np.unique(image.read(1))) > 20


def test_a_coverage_is_read_from_the_bucket(owner: Client, product: Json, source: Path) -> None:
    answer = owner.get(f"/ogc/collections/{C}:land/coverage?f=GTiff")
    with MemoryFile(answer.content) as memory, memory.open() as got, rasterio.open(source) as want:
        assert np.array_equal(got.read(), want.read())


def test_a_download_comes_from_the_bucket_in_parts(owner: Client, product: Json) -> None:
    for asset in product["assets"]:
        half = asset["size"] // 2
        first = owner.get(asset["href"], headers={"Range": f"bytes=0-{half - 1}"})
        rest = owner.get(asset["href"], headers={"Range": f"bytes={half}-"})
        assert (first.status_code, rest.status_code) == (206, 206)
        content = first.content + rest.content
        assert hashlib.sha256(content).hexdigest() == asset["sha256"]


def test_a_removed_product_is_gone_and_its_id_tells_so(
    owner: Client, tmp_path: Path, product: Json
) -> None:
    gone = owner.publish(C, write_elevation(tmp_path / "gone.tif"), id="gone")
    assert owner.request("DELETE", f"/api/products/{C}/gone").status_code == 204
    tile = tile_in_the_middle(gone["bbox"], 13)
    for address in (f"/api/products/{C}/gone", xyz(C, "gone", tile), gone["assets"][0]["href"]):
        assert owner.get(address).status_code == 410


def test_a_rejected_file_frees_its_id(owner: Client, tmp_path: Path) -> None:
    path = tmp_path / "notes.tif"
    path.write_text("no raster at all")
    job = owner.wait_for(owner.upload(C, path, id="notes")["id"])
    assert job["state"] == "rejected"
    assert owner.get(f"/api/products/{C}/notes").status_code == 404


def test_tiles_that_were_drawn_ahead_come_from_the_bucket(
    owner: Client, tmp_path: Path, server: Product, object_store: Any
) -> None:
    owner.request("PATCH", f"/api/collections/{C}", json={"prerender": "always"})
    product = owner.publish(C, write_elevation(tmp_path / "ahead.tif"), id="ahead")
    stored = drawn_ahead(owner, server, f"/api/products/{C}/ahead")
    key = next(key for key in keys_in(object_store) if key.endswith(".pmtiles") and
               product["uuid"] in key)  # fmt: skip
    client = object_store.client()
    assert client.head_object(Bucket=BUCKET, Key=key)["ContentLength"] == stored["size"]
    # Without its pixels nobody could draw it any more.
    data = next(a for a in product["assets"] if a["role"] == "data")
    client.delete_object(Bucket=BUCKET, Key=f"products/{product['uuid']}/{data['sha256']}/data.tif")
    tile = tile_in_the_middle(product["bbox"], stored["zooms"][1])
    answer = owner.get(xyz(C, "ahead", tile))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    with MemoryFile(answer.content) as memory, memory.open() as image:
        assert len(np.unique(image.read(1))) > 20


def drawn_ahead(owner: Client, server: Product, address: str) -> Json:
    """Once the tiles of a product are stored."""
    server.manage("prerender")
    deadline = time.monotonic() + 60
    while (stored := owner.document(address)["prerendered"])["state"] != "ready":
        assert time.monotonic() < deadline, stored
        time.sleep(0.2)
    return stored
