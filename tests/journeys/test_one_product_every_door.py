"""One product by every protocol: the same pixels, the same visibility, the same end."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import morecantile
import numpy as np
import pytest
import rasterio
from PIL import Image
from pyproj import Transformer
from rasterio.io import MemoryFile

from tests.journeys.client import Client
from tests.journeys.doors import (
    doors_of,
    layers_of,
    tile_in_the_middle,
    wmts_kvp,
    wmts_rest,
    xyz,
)
from tests.journeys.rasters import write_elevation, write_photograph

pytestmark = pytest.mark.services

C = "doors"
Json = dict[str, Any]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_elevation(tmp_path_factory.mktemp("doors") / "Höhen 2020.tif")


@pytest.fixture(scope="module")
def product(owner: Client, source: Path) -> Json:
    owner.make_collection(C)
    return owner.publish(C, source, id="land")


@pytest.fixture(scope="module")
def tile(product: Json) -> morecantile.Tile:
    return tile_in_the_middle(product["bbox"], 13)


# --- The same pixels ------------------------------------------------------------------------


def test_every_door_is_open_to_the_public(
    public: Client, product: Json, tile: morecantile.Tile
) -> None:
    files = [asset["name"] for asset in product["assets"]]
    answers = {
        name: public.get(address).status_code
        for name, address in doors_of(C, "land", files, tile).items()
    }
    assert {name: status for name, status in answers.items() if status != 200} == {}


def test_xyz_and_wmts_give_the_same_bytes(
    public: Client, product: Json, tile: morecantile.Tile
) -> None:
    by_xyz = public.get(xyz(C, "land", tile))
    by_kvp = public.get(wmts_kvp(C, "land", tile))
    by_rest = public.get(wmts_rest(public, C, "land", tile))
    assert by_xyz.headers["content-type"] == by_kvp.headers["content-type"] == "image/png"
    assert by_xyz.content == by_kvp.content == by_rest.content
    assert len(np.unique(np.asarray(picture(by_xyz.content)))) > 50


def test_the_preview_shows_the_whole_raster_with_its_hole(public: Client, product: Json) -> None:
    image = picture(public.get("/tiles/doors/land/preview.png").content)
    width, height = image.size
    assert width / height == pytest.approx(product["width"] / product["height"], rel=0.15)
    alpha = np.asarray(image)[..., 3]
    assert alpha[height // 2, width // 2] == 255
    assert alpha[height // 16 + 2, width // 14 + 2] == 0, "the nodata corner in the north-west"


def test_the_coverage_is_the_source(public: Client, product: Json, source: Path) -> None:
    answer = public.get("/ogc/collections/doors:land/coverage?f=GTiff")
    assert answer.headers["content-type"].startswith("image/tiff")
    with MemoryFile(answer.content) as memory, memory.open() as got, rasterio.open(source) as want:
        assert got.crs == want.crs
        assert got.transform.almost_equals(want.transform, 1e-6)
        assert np.array_equal(got.read(), want.read())
        assert got.nodata == want.nodata


def test_a_part_of_the_coverage_is_that_part_of_the_source(
    public: Client, product: Json, source: Path
) -> None:
    left, bottom, right, top = product["bbox"]
    middle = f"{left + (right - left) * 0.4},{bottom + (top - bottom) * 0.4},"
    middle += f"{left + (right - left) * 0.6},{bottom + (top - bottom) * 0.6}"
    answer = public.get(f"/ogc/collections/doors:land/coverage?f=GTiff&bbox={middle}")
    with MemoryFile(answer.content) as memory, memory.open() as got, rasterio.open(source) as want:
        assert 0 < got.width < want.width / 2
        window = want.window(*got.bounds)
        assert np.array_equal(got.read(1), want.read(1, window=window))


def test_the_downloads_are_whole(public: Client, product: Json, source: Path) -> None:
    roles = {asset["role"]: asset for asset in product["assets"]}
    assert {"data", "original"} <= roles.keys()
    for asset in roles.values():
        answer = public.get(asset["href"])
        assert len(answer.content) == asset["size"]
        assert hashlib.sha256(answer.content).hexdigest() == asset["sha256"]
    assert public.get(roles["original"]["href"]).content == source.read_bytes()


def test_a_download_goes_on_where_it_stopped(public: Client, product: Json) -> None:
    href = product["assets"][0]["href"]
    whole = public.get(href)
    headers = {"Range": "bytes=1000-", "If-Range": whole.headers["etag"]}
    rest = public.get(href, headers=headers)
    assert rest.status_code == 206
    assert whole.content[:1000] + rest.content == whole.content


def test_the_cog_is_the_source(public: Client, product: Json, source: Path) -> None:
    href = next(a["href"] for a in product["assets"] if a["role"] == "data")
    with (
        MemoryFile(public.get(href).content) as memory,
        memory.open() as got,
        rasterio.open(source) as want,
    ):
        assert np.array_equal(got.read(), want.read())
        assert got.overviews(1)


def test_the_tilejson_leads_to_tiles(public: Client, product: Json) -> None:
    document = public.document("/tiles/doors/land/tilejson.json")
    assert document["bounds"] == pytest.approx(product["bbox"], abs=1e-3)
    middle = tile_in_the_middle(document["bounds"], document["maxzoom"])
    address = document["tiles"][0]
    for name in ("z", "x", "y"):
        address = address.replace(f"{{{name}}}", str(getattr(middle, name)))
    assert public.get(address).headers["content-type"] == "image/png"


@pytest.mark.parametrize(("row", "column"), [(100, 200), (400, 30), (470, 630)])
def test_a_point_has_the_value_of_the_source(
    public: Client, product: Json, source: Path, row: int, column: int
) -> None:
    with rasterio.open(source) as dataset:
        x, y = dataset.xy(row, column)
        lon, lat = Transformer.from_crs(dataset.crs, "OGC:CRS84", always_xy=True).transform(x, y)
        expected = float(dataset.read(1)[row, column])
    assert public.document(f"/tiles/doors/land/point/{lon},{lat}")["values"] == [expected]


def test_the_footprint_is_a_feature(public: Client, product: Json) -> None:
    page = public.document("/ogc/collections/doors/items?f=json")
    feature = next(f for f in page["features"] if f["id"] == "land")
    assert feature["geometry"] == product["footprint"]


def test_a_tile_outside_the_data_is_transparent(public: Client, product: Json) -> None:
    answer = public.get("/tiles/doors/land/WebMercatorQuad/3/0/0.png")
    assert answer.status_code == 200
    assert np.asarray(picture(answer.content))[..., 3].max() == 0


@pytest.mark.parametrize("name", ["xyz", "tilejson", "wmts kvp", "wmts capabilities", "preview"])
def test_an_unchanged_answer_is_not_sent_twice(
    public: Client, product: Json, tile: morecantile.Tile, name: str
) -> None:
    address = doors_of(C, "land", [], tile)[name]
    first = public.get(address)
    again = public.get(address, headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert not again.content


def picture(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content)).convert("RGBA")


# --- The same visibility, the same end ---------------------------------------------------------


@pytest.fixture(scope="module")
def secret(owner: Client, product: Json, tmp_path_factory: pytest.TempPathFactory) -> Json:
    path = write_photograph(tmp_path_factory.mktemp("secret") / "secret.tif")
    return owner.publish(C, path, id="secret", visibility="private")


@pytest.fixture(scope="module")
def secret_doors(secret: Json) -> dict[str, str]:
    files = [asset["name"] for asset in secret["assets"]]
    return dict(doors_of(C, "secret", files, tile_in_the_middle(secret["bbox"], 13)))


LISTS = ("/api/products", "/api/collections/doors/products", "/ogc/collections/doors/items?f=json")


def _mentions(client: Client, tile: morecantile.Tile) -> dict[str, bool]:
    """Whether each list, document and count of the collection knows of the secret."""
    items = client.document("/ogc/collections/doors/items?f=json")
    return {
        **{address: "secret" in client.get(address).text for address in LISTS},
        "wmts": "doors:secret" in layers_of(client, "/wmts/1.0.0/WMTSCapabilities.xml"),
        "wmts of the collection": "doors:secret"
        in layers_of(client, "/wmts/doors/1.0.0/WMTSCapabilities.xml"),
        "ogc collections": "doors:secret" in client.get("/ogc/collections?f=json").text,
        "count": items["numberMatched"] == 2,
        "home": "secret" in client.get("/").text,
        "page of the collection": "secret" in client.get("/collections/doors").text,
    }


def test_a_private_product_is_absent_for_others(
    public: Client, stranger: Client, secret_doors: dict[str, str]
) -> None:
    for caller in (public, stranger):
        answers = {name: caller.get(door).status_code for name, door in secret_doors.items()}
        assert {name: status for name, status in answers.items() if status != 404} == {}


def test_a_private_product_is_in_nobody_elses_lists(
    public: Client, stranger: Client, secret: Json, tile: morecantile.Tile
) -> None:
    for caller in (public, stranger):
        mentions = _mentions(caller, tile)
        assert [name for name, known in mentions.items() if known] == []


def test_the_owner_sees_a_private_product_everywhere(
    owner: Client, secret_doors: dict[str, str], tile: morecantile.Tile
) -> None:
    # The portal's pages know sessions, not tokens, so they are left to the browser's tests.
    doors = {name: door for name, door in secret_doors.items() if name != "page"}
    answers = {name: owner.get(door) for name, door in doors.items()}
    assert {n: a.status_code for n, a in answers.items() if a.status_code != 200} == {}
    shared = {n: a.headers.get("cache-control") for n, a in answers.items()}
    assert [n for n, value in shared.items() if "public" in (value or "")] == []
    unseen = {name for name, known in _mentions(owner, tile).items() if not known}
    # OGC API lists collections; products are reached by address. Pages know sessions alone.
    assert unseen <= {"ogc collections", "home", "page of the collection"}


def test_a_removed_product_leaves_a_tombstone_to_those_who_saw_it(
    owner: Client, public: Client, tmp_path: Path, product: Json
) -> None:
    gone = owner.publish(C, write_photograph(tmp_path / "gone.tif"), id="gone")
    tile = tile_in_the_middle(gone["bbox"], 13)
    doors = doors_of(C, "gone", [asset["name"] for asset in gone["assets"]], tile)
    for door in doors.values():
        public.get(door)  # so that every cache knows it
    assert owner.request("DELETE", "/api/products/doors/gone").status_code == 204
    answers = {name: public.get(door).status_code for name, door in doors.items()}
    assert {name: status for name, status in answers.items() if status not in (404, 410)} == {}
    assert answers["api"] == 410


def test_a_removed_private_product_stays_absent_for_others(
    owner: Client, public: Client, stranger: Client, tmp_path: Path, product: Json
) -> None:
    path = write_photograph(tmp_path / "hidden.tif")
    owner.publish(C, path, id="hidden", visibility="private")
    owner.request("DELETE", "/api/products/doors/hidden")
    address = "/api/products/doors/hidden"
    statuses = [caller.get(address).status_code for caller in (owner, stranger, public)]
    assert statuses == [410, 404, 404]
