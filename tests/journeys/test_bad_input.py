"""What is wrong with a request or a file is told: status, problem document, code and hint."""

from __future__ import annotations

import http.client
import shutil
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.journeys.client import Client
from tests.journeys.rasters import write_elevation
from tests.services.product import Product

pytestmark = pytest.mark.services

COLLECTION = "bad-input"
SAMPLES = 2
"""That a fresh server publishes (config bootstrap): an elevation model and a class map."""


@pytest.fixture(scope="module")
def good_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_elevation(tmp_path_factory.mktemp("good") / "land.tif")


@pytest.fixture(scope="module", autouse=True)
def published(owner: Client, good_file: Path) -> dict[str, Any]:
    owner.make_collection(COLLECTION)
    return owner.publish(COLLECTION, good_file, id="land")


@pytest.fixture
def traces(live_product: Product, owner: Client) -> Any:
    """Says what a request could leave behind: jobs, objects, half uploads."""
    _wait_for_the_samples(owner)

    def look() -> dict[str, Any]:
        return {
            "jobs": [job["id"] for job in owner.document("/api/jobs")["items"]],
            "objects": _files(live_product.data_dir / "objects"),
            "incoming": _files(live_product.data_dir / "work" / "incoming"),
        }

    return look


def _wait_for_the_samples(owner: Client, seconds: float = 60) -> None:
    """A fresh server publishes them when it is ready already: their objects are not ours."""
    deadline = time.monotonic() + seconds
    while len(owner.document("/api/collections/samples/products")["items"]) < SAMPLES:
        assert time.monotonic() < deadline, "the samples are not published"
        time.sleep(0.2)


def _files(folder: Path) -> set[str]:
    return {str(path) for path in folder.rglob("*") if path.is_file()}


def assert_problem(response: requests.Response, status: int, code: str) -> None:
    assert response.status_code == status, response.text[:500]
    assert response.headers["content-type"].startswith("application/problem+json")
    problem = response.json()
    assert problem["code"] == code
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert "hint" in problem


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"id": "land"}, 409, "duplicate_id"),
        ({"id": "Not An Id"}, 400, "invalid_id"),
        ({"id": "1.0.0"}, 400, "invalid_id"),
        ({"datetime": "yesterday"}, 400, "invalid_datetime"),
        ({"visibility": "secret"}, 400, "invalid_visibility"),
        ({"properties": "[1, 2"}, 400, "invalid_properties"),
    ],
)
def test_a_wrong_field_is_told_and_leaves_nothing(
    owner: Client, good_file: Path, traces: Any, fields: dict[str, str], status: int, code: str
) -> None:
    before = traces()
    response = owner.send_file(COLLECTION, good_file.read_bytes(), "again.tif", **fields)
    assert_problem(response, status, code)
    assert traces() == before


def test_a_name_of_any_length_is_cut(owner: Client, good_file: Path) -> None:
    response = owner.send_file(COLLECTION, good_file.read_bytes(), "b" * 5000 + ".tif")
    assert response.status_code == 202, response.text
    job = owner.document(response.headers["Location"])
    assert job["file_name"].endswith("b.tif")
    assert len(job["file_name"]) <= 200


def test_an_empty_file_is_told_and_leaves_nothing(owner: Client, traces: Any) -> None:
    before = traces()
    assert_problem(owner.send_file(COLLECTION, b"", "empty.tif"), 400, "empty_file")
    assert traces() == before


def test_a_form_without_a_file_is_told(owner: Client) -> None:
    response = owner.post(f"/api/collections/{COLLECTION}/products", files={"id": (None, "x")})
    assert_problem(response, 400, "file_missing")


def test_a_body_that_is_no_form_is_told(owner: Client) -> None:
    response = owner.post(f"/api/collections/{COLLECTION}/products", data=b"II*\0")
    assert_problem(response, 400, "multipart_expected")


def test_an_unknown_collection_takes_nothing(owner: Client, good_file: Path, traces: Any) -> None:
    before = traces()
    response = owner.send_file("nowhere", good_file.read_bytes(), "land.tif")
    assert_problem(response, 404, "not_found")
    assert traces() == before


def test_the_public_may_not_upload(public: Client, good_file: Path, traces: Any) -> None:
    before = traces()
    response = public.send_file(COLLECTION, good_file.read_bytes(), "land.tif")
    assert_problem(response, 401, "sign_in_required")
    assert response.headers["www-authenticate"]
    assert traces() == before


def test_a_stranger_may_not_upload(stranger: Client, good_file: Path, traces: Any) -> None:
    before = traces()
    response = stranger.send_file(COLLECTION, good_file.read_bytes(), "land.tif")
    assert_problem(response, 403, "forbidden")
    assert traces() == before


@pytest.mark.parametrize(
    "address",
    [
        "/api/collections",
        f"/api/products/{COLLECTION}/land",
        "/api/jobs",
        f"/tiles/{COLLECTION}/land/tilejson.json",
        f"/tiles/{COLLECTION}/land/WebMercatorQuad/0/0/0.png",
        "/wmts/1.0.0/WMTSCapabilities.xml",
        "/ogc/collections",
        f"/files/{COLLECTION}/land/land.tif",
    ],
)
@pytest.mark.parametrize("credentials", ["Bearer wrong", "Basic b2xnYTp3cm9uZw=="])
def test_wrong_credentials_are_never_silently_the_public(
    public: Client, address: str, credentials: str
) -> None:
    response = public.get(address, headers={"Authorization": credentials})
    assert response.status_code == 401
    assert response.headers["www-authenticate"]


def test_an_oversize_request_is_refused_before_its_body_travels(live_product: Product) -> None:
    connection = http.client.HTTPConnection(urlsplit(live_product.url).netloc, timeout=20)
    connection.putrequest("POST", f"/api/collections/{COLLECTION}/products")
    connection.putheader("Authorization", f"Bearer {live_product.token('olga')}")
    connection.putheader("Content-Type", "multipart/form-data; boundary=x")
    connection.putheader("Content-Length", str(10**15))
    connection.endheaders()
    response = connection.getresponse()
    assert response.status == 413
    assert response.getheader("content-type") == "application/problem+json"
    assert b'"too_large"' in response.read()
    connection.close()


@pytest.mark.parametrize(
    "address", ["/tiles/bad-input/land/point/0,0", "/tiles/bad-input/land/point/-170.5,-80"]
)
def test_a_point_outside_the_raster_is_absent(public: Client, address: str) -> None:
    assert_problem(public.get(address), 404, "outside_raster")


@pytest.mark.parametrize(
    "address",
    [
        "/api/collections/nowhere",
        "/api/collections/nowhere/products",
        "/api/products/bad-input/nothing",
        "/tiles/bad-input/nothing/tilejson.json",
        "/tiles/nowhere/land/WebMercatorQuad/0/0/0.png",
        "/files/bad-input/land/nothing.tif",
    ],
)
def test_what_does_not_exist_is_a_problem_document(public: Client, address: str) -> None:
    assert_problem(public.get(address), 404, "not_found")


def test_a_text_renamed_tif_is_rejected(owner: Client, tmp_path: Path) -> None:
    path = tmp_path / "notes.tif"
    path.write_text("This is not a raster.\n" * 20)
    assert_rejected(owner, path, "not_a_raster")


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_a_truncated_tiff_is_rejected(
    owner: Client, good_file: Path, tmp_path: Path, share: float
) -> None:
    path = tmp_path / f"cut-{share}.tif"
    shutil.copyfile(good_file, path)
    with path.open("r+b") as file:
        file.truncate(int(path.stat().st_size * share))
    assert_rejected(owner, path, "")


def assert_rejected(owner: Client, path: Path, code: str) -> None:
    """202, a job that ends as the file's fault, and no product under the id."""
    job = owner.wait_for(owner.upload(COLLECTION, path, id="rejected-one")["id"])
    assert job["state"] == "rejected", job
    assert job["error"]["message"]
    assert job["error"]["hint"]
    assert job["error"]["retryable"] is False
    assert job["error"]["code"] == (code or job["error"]["code"])
    assert job["product"] is None
    assert owner.get(f"/api/products/{COLLECTION}/rejected-one").status_code == 404
