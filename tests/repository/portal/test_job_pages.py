"""The page of an upload without scripts: its diagnosis, its question, another try."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from repository import jobs
from repository.findings import BandFindings, FileFindings, Findings, Option, RasterFindings
from repository.models import Job, UploadedFile
from tests.repository.conftest import MakeJob, MakeProduct, Role
from tests.repository.portal.conftest import SignedIn

pytestmark = pytest.mark.services

SCRIPT = "<script>alert(1)</script>"
GRID = (30.0, 0.0, 458000.0, 0.0, -30.0, 5550000.0)
PLACED = RasterFindings(
    f"dem{SCRIPT}.tif", "GeoTIFF", 100, 80,
    (BandFindings(1, "uint16", None, f"red{SCRIPT}", "", 0.5, 1, 9, (2, 3), (0.0, 1.0, 2.0)),),
    f"WGS 84{SCRIPT}", 4326, bounds=(10, 45, 11, 46), bounds_wgs84=(10, 45, 11, 46),
)  # fmt: skip
UNPLACED = RasterFindings("scan.tif", "GeoTIFF", 100, 80, transform=GRID)
CRS_MISSING = {"code": "crs_missing", "message": "No CRS.", "hint": "Give `crs`."}


@pytest.fixture
def client_of_owner(signed_in: SignedIn, owner: Role) -> Client:
    return signed_in(owner)


def set_state(job: Job, state: str, **values: Any) -> None:
    found = values.pop("found", Findings())
    timeline = [["queued", "2026-01-01T00:00:00Z"], ["inspecting", "2026-01-01T00:00:02Z"],
                [state, "2026-01-01T00:00:05Z"]]  # fmt: skip
    Job.objects.filter(pk=job.pk).update(
        state=state, found=found.to_json(), timeline=timeline, **values
    )


def page_of(client: Client, job: Job) -> str:
    return client.get(f"/jobs/{job.pk}").content.decode()


def answer(client: Client, job: Job, **form: Any) -> HttpResponse:
    response: Any = client.post(f"/jobs/{job.pk}/answer", form)
    return response


def test_a_rejection_names_step_cause_fix_and_shows_what_was_found(
    client_of_owner: Client, job: Job
) -> None:
    error = {"code": "corrupt", "message": "It ends too early.", "hint": "Run `gdalinfo f.tif`.",
             "retryable": False}  # fmt: skip
    files = (FileFindings("scene.zip", 1000, "zip archive", "archive"),)
    found = Findings("describing", files, (PLACED,))
    set_state(job, "rejected", error=error, found=found)
    page = page_of(client_of_owner, job)
    for words in (
        "It ends too early.", "Run <code>gdalinfo f.tif</code>.", "It ended while looking at the",
        "<code>corrupt</code>", "scene.zip", "archive, unpacked", "100 × 80 pixels",
        "It lies between 10° E and 11° E", "50.0 %", "Half of the pixels", "Choose the file again",
        "Copy details for support",
    ):  # fmt: skip
        assert words in page
    assert "Try again" not in page


def test_text_of_the_file_is_never_markup(client_of_owner: Client, job: Job) -> None:
    error = {"code": "corrupt", "message": f"Tag {SCRIPT}", "hint": f"`{SCRIPT}`"}
    options = (Option(f'"{SCRIPT}', f"title{SCRIPT}", SCRIPT),)
    found = Findings(SCRIPT, (FileFindings(SCRIPT, 1, SCRIPT, SCRIPT),), (PLACED,), options)  # type: ignore[arg-type]
    for state, code in (("rejected", "corrupt"), ("needs_input", "choose_subdatasets")):
        warnings = [{"code": SCRIPT, "message": SCRIPT}]
        set_state(job, state, error={**error, "code": code}, found=found, warnings=warnings)
        UploadedFile.objects.filter(upload=job.upload).update(file_name=SCRIPT)
        page = page_of(client_of_owner, job)
        assert SCRIPT not in page
        assert "&lt;script&gt;alert(1)" in page


def test_only_what_may_go_better_can_be_tried_again(client_of_owner: Client, job: Job) -> None:
    error = {"code": "worker_lost", "message": "The worker died.", "hint": "", "retryable": True}
    set_state(job, "failed", error=error)
    assert "Try again" in page_of(client_of_owner, job)
    client_of_owner.post(f"/jobs/{job.pk}/retry")
    job.refresh_from_db()
    assert job.state == "queued"


def test_a_button_in_a_row_comes_back_to_the_list(client_of_owner: Client, job: Job) -> None:
    answer: Any = client_of_owner.post(f"/jobs/{job.pk}/cancel", {"back": "jobs"})
    assert answer["Location"] == "/jobs/"
    job.refresh_from_db()
    assert job.state == "cancelled"


def test_a_missing_system_alone_is_all_that_is_asked(client_of_owner: Client, job: Job) -> None:
    set_state(job, "needs_input", error=CRS_MISSING, found=Findings(rasters=(UNPLACED,)))
    page = page_of(client_of_owner, job)
    assert 'id="id_crs"' in page
    assert 'id="id_left"' not in page
    assert 'name="subdatasets"' not in page


def test_the_place_is_shown_before_anything_is_saved(client_of_owner: Client, job: Job) -> None:
    set_state(job, "needs_input", error=CRS_MISSING, found=Findings(rasters=(UNPLACED,)))
    response = answer(client_of_owner, job, crs="32633", check="1")
    page = response.content.decode()
    assert response.status_code == 200
    assert "WGS 84 / UTM zone 33N (EPSG:32633)" in page
    assert "It lies between 14.41" in page
    assert 'class="locator"' in page
    job.refresh_from_db()
    assert (job.state, job.answers) == ("needs_input", {})


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"crs": "EPSG:999999"}, "There is no coordinate system"),
        ({"crs": ""}, "Say which coordinate system it is."),
        ({"crs": "EPSG:4326", "check": "1"}, "They look like metres"),
        ({"crs": "EPSG:32633", "nodata": "none"}, "This is no number."),
        ({"crs": "EPSG:32633", "datetime": "soon"}, "is no date or time"),
    ],
)
def test_an_answer_that_cannot_be_used_is_asked_again_with_a_sentence(
    client_of_owner: Client, job: Job, form: dict[str, str], words: str
) -> None:
    set_state(job, "needs_input", error=CRS_MISSING, found=Findings(rasters=(UNPLACED,)))
    response = answer(client_of_owner, job, **form)
    page = response.content.decode()
    assert response.status_code == 422
    assert words in page
    assert "<h2>No CRS.</h2>" in page
    job.refresh_from_db()
    assert job.state == "needs_input"


def test_what_the_worker_could_not_use_stands_in_its_field_with_the_reason(
    client_of_owner: Client, job: Job
) -> None:
    error = {"code": "invalid_answer", "message": "The answer `nodata` is not valid.",
             "hint": "It lies outside of uint8."}  # fmt: skip
    set_state(job, "needs_input", error=error, answers={"nodata": -9999})
    page = page_of(client_of_owner, job)
    assert 'value="-9999"' in page
    field = page[page.index('id="id_nodata"') :]
    assert "It lies outside of uint8." in field[: field.index("</div>")]


def test_one_of_several_is_chosen(client_of_owner: Client, job: Job) -> None:
    options = (Option("sst", "Temperature", "", 360, 180, "float32"), Option("ice", "Ice"))
    error = {"code": "choose_subdatasets", "message": "It holds 2 variables.", "hint": ""}
    set_state(job, "needs_input", error=error, found=Findings(options=options))
    page = page_of(client_of_owner, job)
    assert "360 × 180 pixels, float32" in page
    assert "All 2" in page
    assert "Choose at least one." in answer(client_of_owner, job).content.decode()
    answer(client_of_owner, job, subdatasets=["ice"])
    job.refresh_from_db()
    assert (job.state, job.answers) == ("queued", {"subdatasets": ["ice"]})


def test_a_question_that_is_not_known_offers_every_answer(
    client_of_owner: Client, job: Job
) -> None:
    error = {"code": "some_new_question", "message": "What?", "hint": ""}
    set_state(job, "needs_input", error=error)
    page = page_of(client_of_owner, job)
    assert all(f'name="{name}"' in page for name in ("crs", "left", "nodata", "datetime"))
    answer(client_of_owner, job, nodata="nan")
    job.refresh_from_db()
    assert job.answers == {"nodata": "nan"}


def test_nobody_answers_for_another(signed_in: SignedIn, job: Job, stranger: Role) -> None:
    set_state(job, "needs_input", error=CRS_MISSING)
    assert answer(signed_in(stranger), job, crs="EPSG:4326").status_code == 404


def test_systems_are_found_by_those_who_are_signed_in(
    client: Client, client_of_owner: Client
) -> None:
    found: Any = client_of_owner.get("/jobs/systems?q=krovak east").json()
    assert "EPSG:5514" in [item["code"] for item in found["items"]]
    assert client.get("/jobs/systems?q=utm").status_code == 302


def test_the_list_is_narrowed_by_state_and_name(client_of_owner: Client, make_job: MakeJob) -> None:
    jobs.cancel(make_job("old"))
    make_job("new")

    def names(query: str) -> list[str]:
        page = client_of_owner.get(f"/jobs/?{query}").content.decode()
        return [name for name in ("old.tif", "new.tif") if f">{name}</a>" in page]

    assert names("") == ["old.tif", "new.tif"]
    assert names("show=problems") == ["old.tif"]
    assert names("show=active") == ["new.tif"]
    assert names("q=NEW") == ["new.tif"]
    assert names("show=published") == []
    assert client_of_owner.get("/jobs/?show=elsewhere").status_code == 400


AMBIGUOUS = ["nodata_ambiguous", "17 % of the pixels are 0."]


def test_a_map_with_an_unclear_nodata_offers_to_say_it(
    client_of_owner: Client, client: Client, make_product: MakeProduct, job: Job
) -> None:
    product = make_product("land")
    product.raster["warnings"] = [AMBIGUOUS]  # type: ignore[index]
    product.save()
    page = client_of_owner.get("/products/alps/land").content.decode()
    assert "17 % of the pixels are 0." in page
    assert "/products/alps/land/reprocess#id_nodata" in page
    public = client.get("/products/alps/land").content.decode()
    assert "17 % of the pixels are 0." in public
    assert "reprocess" not in public


@pytest.fixture
def published(job: Job, make_product: MakeProduct) -> Job:
    """A published map and the job that made it."""
    product = make_product("land")
    set_state(job, "published")
    Job.objects.filter(pk=job.pk).update(product=product, slug="land")
    job.refresh_from_db()
    return job


def test_a_nodata_value_set_afterwards_makes_a_new_version_job(
    client_of_owner: Client, published: Job
) -> None:
    response: Any = client_of_owner.post("/products/alps/land/reprocess", {"nodata": "0"})
    new = Job.objects.exclude(pk=published.pk).get()
    assert response["Location"] == f"/jobs/{new.pk}"
    assert (new.answers, new.upload_id) == ({"nodata": 0}, published.upload_id)
    page = page_of(client_of_owner, new)
    assert "A new version of" in page
    assert "The present version is served meanwhile." in page
    assert "A new version is on its way" in (
        client_of_owner.get("/products/alps/land").content.decode()
    )


@pytest.mark.parametrize(
    ("form", "words"),
    [({}, "Fill in at least one field."), ({"nodata": "zero"}, "This is no number."),
     ({"left": "1"}, "Give all four edges, or none.")],
)  # fmt: skip
def test_a_reprocess_form_says_what_is_wrong(
    client_of_owner: Client, published: Job, form: dict[str, str], words: str
) -> None:
    response: Any = client_of_owner.post("/products/alps/land/reprocess", form)
    assert response.status_code == 422
    assert words in response.content.decode()
    assert Job.objects.count() == 1


def test_only_the_owner_makes_a_new_version(
    signed_in: SignedIn, published: Job, stranger: Role
) -> None:
    assert signed_in(stranger).get("/products/alps/land/reprocess").status_code == 403


def test_several_rasters_of_a_map_are_listed(client: Client, make_product: MakeProduct) -> None:
    product = make_product("set")
    first = product.assets.get(role="data")
    first.pk, first.position, first.file_name = None, 1, "set-second.cog.tif"
    first.raster = product.raster
    first.save()
    product.assets.filter(role="data", position=0).update(raster=product.raster)
    first.pk, first.role, first.file_name, first.raster = None, "attachment", "report.pdf", None
    first.save()
    page = client.get("/products/alps/set").content.decode()
    assert "made of 2 rasters" in page
    assert page.count("set-second.cog.tif") >= 2
    assert "Kept beside the map" in page


def test_files_that_belong_together_are_one_upload(
    client_of_owner: Client, collection: object
) -> None:
    from tests.repository.conftest import tif

    form = {"collection": "alps", "file": [tif("a.dat"), tif("a.hdr")], "together": "1"}
    client_of_owner.post("/upload", form)
    job = Job.objects.get()
    assert [file.file_name for file in job.upload.files.all()] == ["a.dat", "a.hdr"]
