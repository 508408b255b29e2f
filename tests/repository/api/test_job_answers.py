"""Findings, answers, previews and new versions by the API."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from repository.findings import Findings, Option, RasterFindings
from repository.models import Job, Product
from tests.repository.conftest import MakeJob, MakeProduct, Role

pytestmark = pytest.mark.django_db

UNPLACED = RasterFindings(
    "scan.tif", "GeoTIFF", 100, 80, transform=(30.0, 0.0, 458000.0, 0.0, -30.0, 5550000.0)
)
OPTION = Option("sst", "Temperature", "", 360, 180, "float32")


@pytest.fixture
def asking(make_job: MakeJob) -> Job:
    """A job of the owner's that waits for its CRS, and offers a choice."""
    job = make_job()
    error = {"code": "crs_missing", "message": "No CRS.", "hint": "", "retryable": False,
             "options": [OPTION.__dict__]}  # fmt: skip
    found = Findings("placing", (), (UNPLACED,), (OPTION,))
    Job.objects.filter(pk=job.pk).update(state="needs_input", error=error, found=found.to_json())
    return job


@pytest.fixture
def send(api: Client, owner: Role) -> Any:
    """POSTs JSON as the owner."""

    def post(path: str, body: dict[str, Any], *, by: Role = owner, method: str = "POST") -> Any:
        return api.generic(method, path, json.dumps(body), "application/json",
                           headers=by.headers)  # fmt: skip

    return post


def test_one_job_tells_what_was_found_and_lists_do_not(
    api: Client, asking: Job, owner: Role
) -> None:
    job: Any = api.get(f"/api/jobs/{asking.pk}", headers=owner.headers).json()
    assert job["found"]["rasters"][0]["width"] == 100
    assert job["error"]["options"][0]["id"] == "sst"
    (listed,) = api.get("/api/jobs", headers=owner.headers).json()["items"]
    assert "found" not in listed


def test_a_list_holds_the_jobs_of_one_state(api: Client, asking: Job, owner: Role) -> None:
    def count(state: str) -> int:
        return len(api.get(f"/api/jobs?state={state}", headers=owner.headers).json()["items"])

    assert (count("needs_input"), count("waiting"), count("published")) == (1, 1, 0)
    assert api.get("/api/jobs?state=odd", headers=owner.headers).json()["code"] == "invalid_state"


def test_a_preview_places_the_raster_and_saves_nothing(send: Any, asking: Job) -> None:
    answer = send(f"/api/jobs/{asking.pk}/preview", {"crs": "EPSG:32633"})
    assert answer.status_code == 200
    place = answer.json()["rasters"][0]
    assert place["bbox"][0] == pytest.approx(14.41, abs=0.01)
    assert place["footprint"]["type"] == "Polygon"
    asking.refresh_from_db()
    assert asking.answers == {}


def test_a_preview_is_the_owners_alone(send: Any, asking: Job, stranger: Role) -> None:
    path = f"/api/jobs/{asking.pk}/preview"
    assert send(path, {"crs": "EPSG:32633"}, by=stranger).status_code == 404


@pytest.mark.parametrize(
    "answer",
    [{"crs": "EPSG:999999"}, {"bounds": [3, 2, 1, 4]}, {"nodata": "none"},
     {"subdatasets": ["wind"]}, {"subdatasets": []}],
)  # fmt: skip
def test_an_answer_that_cannot_be_used_is_400_and_the_question_stays(
    send: Any, asking: Job, answer: dict[str, Any]
) -> None:
    response = send(f"/api/jobs/{asking.pk}/input", answer)
    assert response.status_code == 400
    assert response.json()["code"] in ("invalid_answer", "invalid_field")
    asking.refresh_from_db()
    assert asking.state == "needs_input"


def test_nodata_may_be_nan(send: Any, asking: Job) -> None:
    body = {"crs": 32633, "nodata": "nan", "subdatasets": ["*"]}
    assert send(f"/api/jobs/{asking.pk}/input", body).status_code == 202
    asking.refresh_from_db()
    assert asking.answers == {"crs": "EPSG:32633", "nodata": "nan", "subdatasets": ["*"]}


@pytest.fixture
def published(make_job: MakeJob, make_product: MakeProduct) -> Product:
    """A product, alps/land, whose job is known."""
    job, product = make_job("other"), make_product("land")
    Job.objects.filter(pk=job.pk).update(product=product, slug="land", state="published")
    return product


def test_a_new_version_is_202_with_the_address_of_its_job(send: Any, published: Product) -> None:
    answer = send("/api/products/alps/land/reprocess", {"nodata": 0, "datetime": "2024-01-01"})
    assert answer.status_code == 202
    assert answer["Location"] == f"/api/jobs/{answer.json()['id']}"
    job = Job.objects.get(pk=answer.json()["id"])
    assert job.answers == {"nodata": 0, "datetime": "2024-01-01T00:00:00Z"}


def test_nodata_by_patch_changes_the_rest_at_once_and_answers_202(
    send: Any, published: Product
) -> None:
    body = {"title": "New title", "nodata": "nan"}
    answer = send("/api/products/alps/land", body, method="PATCH")
    assert answer.status_code == 202
    assert Job.objects.get(pk=answer["Location"].rpartition("/")[2]).answers == {"nodata": "nan"}
    published.refresh_from_db()
    assert (published.title, published.version) == ("New title", 1)


def test_a_second_new_version_waits_for_the_first_and_changes_nothing(
    send: Any, published: Product
) -> None:
    send("/api/products/alps/land/reprocess", {"nodata": 0})
    body = {"title": "Other", "nodata": 1}
    answer = send("/api/products/alps/land", body, method="PATCH")
    assert (answer.status_code, answer.json()["code"]) == (409, "job_is_running")
    published.refresh_from_db()
    assert published.title == "Land"


@pytest.mark.parametrize(
    ("body", "code"),
    [({}, "empty_answer"), ({"nodata": "zero"}, "invalid_field"), ({"crs": "x"}, "invalid_answer"),
     ({"datetime": "soon"}, "invalid_datetime"), ({"colour": 1}, "invalid_field")],
)  # fmt: skip
def test_a_new_version_needs_answers_that_make_sense(
    send: Any, published: Product, body: dict[str, Any], code: str
) -> None:
    answer = send("/api/products/alps/land/reprocess", body)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_a_new_version_is_the_owners_to_make(
    send: Any, published: Product, stranger: Role, anonymous: Role
) -> None:
    path = "/api/products/alps/land/reprocess"
    assert send(path, {"nodata": 0}, by=stranger).status_code == 403
    assert send(path, {"nodata": 0}, by=anonymous).status_code == 401
