from __future__ import annotations

import base64
import hashlib

import pytest
from starlette.testclient import TestClient

from repository.models import Product
from repository.storage import object_store
from tests.repository.conftest import COG_BYTES, MakeProduct, Role

pytestmark = pytest.mark.django_db
ADDRESS = "/files/alps/dem/dem.cog.tif"
SIZE = len(COG_BYTES)
ETAG = f'"{hashlib.sha256(COG_BYTES).hexdigest()}"'


def test_a_file_comes_whole_with_its_checksum(files: TestClient, product: Product) -> None:
    answer = files.get(ADDRESS)
    assert (answer.status_code, answer.content) == (200, COG_BYTES)
    digest = base64.b64encode(hashlib.sha256(COG_BYTES).digest()).decode()
    assert answer.headers["repr-digest"] == f"sha-256=:{digest}:"
    assert answer.headers["etag"] == ETAG
    assert answer.headers["accept-ranges"] == "bytes"


def test_head_tells_the_size_and_sends_nothing(files: TestClient, product: Product) -> None:
    answer = files.head(ADDRESS, headers={"Range": "bytes=0-9"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(SIZE)


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=100-", 100, SIZE),
        (f"bytes=10-{SIZE * 2}", 10, SIZE),
        ("bytes=-7", SIZE - 7, SIZE),
        (f"bytes=-{SIZE * 2}", 0, SIZE),
        (f"bytes={SIZE - 1}-", SIZE - 1, SIZE),
    ],
)
def test_a_range_is_206_with_its_bytes(
    files: TestClient, product: Product, wanted: str, start: int, end: int
) -> None:
    answer = files.get(ADDRESS, headers={"Range": wanted})
    assert (answer.status_code, answer.content) == (206, COG_BYTES[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{SIZE}"
    assert answer.headers["content-length"] == str(end - start)


@pytest.mark.parametrize("wanted", [f"bytes={SIZE}-", "bytes=-0", f"bytes={SIZE + 5}-{SIZE + 9}"])
def test_a_range_behind_the_end_is_416(files: TestClient, product: Product, wanted: str) -> None:
    answer = files.get(ADDRESS, headers={"Range": wanted})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{SIZE}"


@pytest.mark.parametrize(
    "wanted", ["bytes=9-5", "bytes=a-b", "items=0-5", "bytes=0-1,5-6", "bytes=-", "bytes", ""]
)
def test_a_range_that_is_not_understood_is_ignored(
    files: TestClient, product: Product, wanted: str
) -> None:
    answer = files.get(ADDRESS, headers={"Range": wanted})
    assert (answer.status_code, len(answer.content)) == (200, SIZE)


@pytest.mark.parametrize("wanted", ["bytes=" + "9" * 5000 + "-", "bytes=0-" + "9" * 5000])
def test_thousands_of_digits_do_no_harm(files: TestClient, product: Product, wanted: str) -> None:
    assert files.get(ADDRESS, headers={"Range": wanted}).status_code in (206, 416)


def test_if_range_resumes_the_same_file(files: TestClient, product: Product) -> None:
    modified = files.head(ADDRESS).headers["last-modified"]
    for condition in (ETAG, modified):
        answer = files.get(ADDRESS, headers={"Range": "bytes=5-9", "If-Range": condition})
        assert (answer.status_code, answer.content) == (206, COG_BYTES[5:10])


def test_if_range_of_another_file_sends_the_whole(files: TestClient, product: Product) -> None:
    answer = files.get(ADDRESS, headers={"Range": "bytes=5-9", "If-Range": '"other"'})
    assert (answer.status_code, answer.content) == (200, COG_BYTES)


@pytest.mark.parametrize("condition", [ETAG, f"W/{ETAG}", f'"x", {ETAG}', "*"])
def test_a_known_file_is_304(files: TestClient, product: Product, condition: str) -> None:
    answer = files.get(ADDRESS, headers={"If-None-Match": condition})
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == ETAG


def test_what_is_public_may_be_cached_and_what_is_private_not(
    files: TestClient, make_product: MakeProduct, owner: Role
) -> None:
    make_product("open")
    make_product("shut", visibility="private")
    caching = {
        slug: files.get(f"/files/alps/{slug}/{slug}.cog.tif", headers=owner.headers).headers[
            "cache-control"
        ]
        for slug in ("open", "shut")
    }
    assert caching["open"].startswith("public")
    assert caching["shut"] == "private, no-store"


@pytest.mark.parametrize(
    "file_name",
    [
        'a".tif',
        "a;b.tif",
        "日本 地図.tif",
        "a%b.tif",
        "<script>.tif",
        "a'b,c.tif",
        "a\\b.tif",
        "😀.tif",
    ],
)
def test_a_hostile_file_name_stays_within_its_header(
    files: TestClient, make_product: MakeProduct, file_name: str
) -> None:
    from urllib.parse import quote, unquote

    make_product(file_name=file_name)
    answer = files.get(f"/files/alps/dem/{quote(file_name)}")
    assert answer.status_code == 200
    disposition = answer.headers["content-disposition"]
    plain, _, encoded = disposition.removeprefix('attachment; filename="').partition(
        "\"; filename*=UTF-8''"
    )
    assert not set(plain) & set('"\\;<>\r\n')
    assert unquote(encoded) == file_name
    assert answer.headers["content-security-policy"] == "sandbox"


@pytest.mark.parametrize(
    "address",
    [
        "/files/alps/dem/none.tif",
        "/files/alps/none/dem.tif",
        "/files/none/dem/dem.tif",
        "/files/alps/dem/%00",
        "/files/%00/dem/dem.tif",
        "/files/alps/dem/..%2Fdem.tif",
        "/files/a",
    ],
)
def test_what_is_not_there_is_a_404_problem(
    files: TestClient, product: Product, address: str
) -> None:
    answer = files.get(address)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_file_cannot_be_written(files: TestClient, product: Product) -> None:
    answer = files.post(ADDRESS)
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


def test_an_object_that_the_store_does_not_give_is_503(files: TestClient, product: Product) -> None:
    object_store().delete(product.assets.get(role="data").key)
    answer = files.get(ADDRESS)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
