"""The whole product behind deploy/nginx.conf: tiles are kept, private ones never, uploads pass."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from tests.journeys.client import Client
from tests.journeys.doors import tile_in_the_middle, xyz
from tests.journeys.rasters import write_photograph
from tests.rasters import write_raster
from tests.services import nginx
from tests.services.product import Product

C = "proxied"
Json = dict[str, Any]

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def address(live_product: Product) -> Iterator[str]:
    if not nginx.is_installed():
        pytest.skip("nginx is not installed")
    folder = Path(tempfile.mkdtemp(prefix="rastrum-nginx-", dir="/tmp"))
    try:
        with nginx.nginx(folder, urlsplit(live_product.url).netloc) as url:
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def proxied_owner(address: str, live_product: Product, owner: Client) -> Client:
    return Client(address, live_product.token("olga"))


@pytest.fixture(scope="module")
def proxied_public(address: str) -> Client:
    return Client(address)


@pytest.fixture(scope="module")
def product(proxied_owner: Client, tmp_path_factory: pytest.TempPathFactory) -> Json:
    """Published through nginx."""
    proxied_owner.make_collection(C)
    path = write_photograph(tmp_path_factory.mktemp("nginx") / "photo.tif")
    return proxied_owner.publish(C, path, id="photo")


@pytest.fixture(scope="module")
def private(proxied_owner: Client, product: Json, tmp_path_factory: Any) -> Json:
    path = write_photograph(tmp_path_factory.mktemp("nginx") / "secret.tif")
    return proxied_owner.publish(C, path, id="secret", visibility="private")


def tile(product: Json, extension: str = "webp") -> str:
    address = xyz(C, product["id"], tile_in_the_middle(product["bbox"], 12))
    return address.replace(".png", f".{extension}")


def test_a_tile_is_kept_and_is_the_servers(
    product: Json, proxied_public: Client, public: Client
) -> None:
    first, second = (proxied_public.get(tile(product)) for _ in range(2))
    assert [a.headers["X-Cache"] for a in (first, second)] == ["MISS", "HIT"]
    direct = public.get(tile(product))
    assert first.content == second.content == direct.content
    assert second.headers["ETag"] == direct.headers["ETag"]
    again = proxied_public.get(tile(product), headers={"If-None-Match": direct.headers["ETag"]})
    assert again.status_code == 304


def test_another_query_is_another_answer(product: Json, proxied_public: Client) -> None:
    address = tile(product, "png")
    assert proxied_public.get(f"{address}?style=default").status_code == 200
    assert proxied_public.get(f"{address}?style=none").status_code == 404


def test_who_says_who_they_are_is_answered_by_the_server(
    product: Json, private: Json, proxied_owner: Client, proxied_public: Client
) -> None:
    for _ in range(2):
        answer = proxied_owner.get(tile(private))
        assert (answer.status_code, answer.headers["X-Cache"]) == (200, "BYPASS")
        assert proxied_public.get(tile(private)).status_code == 404
    for headers in ({"Authorization": "Bearer wrong"}, {"Cookie": "sessionid=wrong"}):
        proxied_public.get(tile(product))
        answer = proxied_public.get(tile(product), headers=headers)
        assert answer.headers["X-Cache"] == "BYPASS"
        assert answer.status_code == (401 if "Authorization" in headers else 200)


def test_what_the_server_does_not_call_public_is_not_kept(
    private: Json, proxied_public: Client
) -> None:
    for _ in range(2):
        answer = proxied_public.get(tile(private))
        assert (answer.status_code, answer.headers["X-Cache"]) == (404, "MISS")


def test_a_large_upload_passes_whole(product: Json, proxied_owner: Client, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (1, 3000, 3000)).astype("uint8")
    path = write_raster(tmp_path / "large.tif", noise)
    found = proxied_owner.publish(C, path, id="large")
    original = next(a for a in found["assets"] if a["role"] == "original")
    assert original["size"] == path.stat().st_size > 8_000_000
    assert proxied_owner.get(original["href"]).content == path.read_bytes()


def test_the_rest_passes_through(product: Json, proxied_public: Client) -> None:
    page = proxied_public.get(f"/products/{C}/photo")
    assert (page.status_code, page.headers["Content-Encoding"]) == (200, "gzip")
    assert "X-Cache" not in page.headers
    document = proxied_public.document(f"/tiles/{C}/photo/tilejson.json")
    assert document["tiles"][0].startswith(proxied_public.base)
    part = proxied_public.get(
        f"/files/{C}/photo/{product['assets'][0]['name']}", headers={"Range": "bytes=0-9"}
    )
    assert (part.status_code, len(part.content)) == (206, 10)
