from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client

from repository import jobs
from repository.models import Collection, Job, Product, Upload, UploadedFile
from repository.storage import object_store
from tests.repository.conftest import ORIGINAL_BYTES, MakeCollection, Role, tif

pytestmark = pytest.mark.django_db
ADDRESS = "/api/collections/alps/products"
BOUNDARY = "xxBOUNDARYxx"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"

Post = Callable[..., object]


@pytest.fixture
def post(api: Client, collection: Collection, owner: Role) -> Post:
    """Uploads as the owner."""

    def upload(**form: object) -> object:
        return api.post(ADDRESS, {"file": tif()} | form, headers=owner.headers)

    return upload


def left_behind(settings: object) -> list[Path]:
    """Files in scratch and store."""
    store = Path(object_store().base_location)
    return [p for folder in (settings.WORK_DIR, store) for p in folder.rglob("*") if p.is_file()]


def nothing_was_kept(settings: object) -> bool:
    rows = (Product, Upload, Job)
    return left_behind(settings) == [] and not any(model.objects.exists() for model in rows)


def test_an_upload_is_202_with_the_address_of_its_job(post: Post, api: Client, owner: Role) -> None:
    answer = post()
    assert answer.status_code == 202
    assert answer["Location"] == f"/api/jobs/{answer.json()['id']}"
    assert api.get(answer["Location"], headers=owner.headers).json()["state"] == "queued"


def test_a_job_has_the_shape_of_the_contract(post: Post) -> None:
    job = post().json()
    assert {"id", "state", "progress", "step", "product", "error", "warnings"} <= job.keys()
    assert (job["state"], job["progress"], job["product"], job["error"], job["warnings"]) == (
        "queued",
        0,
        None,
        None,
        [],
    )


def test_the_original_is_kept_with_its_checksums(post: Post, settings: object) -> None:
    from hashlib import md5, sha256

    post()
    upload = UploadedFile.objects.get()
    assert (upload.sha256, upload.md5) == (
        sha256(ORIGINAL_BYTES).hexdigest(),
        md5(ORIGINAL_BYTES).hexdigest(),
    )
    assert b"".join(object_store().read_range(upload.key, 0, upload.size)) == ORIGINAL_BYTES
    assert left_behind(settings) == [object_store().local_path(upload.key)]


def test_several_files_of_a_form_make_one_product(post: Post) -> None:
    post(file=[tif("a.tif"), tif("b.tif", content=b"II*\0other")])
    (upload,) = Upload.objects.all()
    assert [file.file_name for file in upload.files.all()] == ["a.tif", "b.tif"]
    assert upload.size == len(ORIGINAL_BYTES) + 9
    assert Job.objects.count() == Product.objects.count() == 1


def test_one_bad_file_of_several_refuses_all(post: Post, settings: object) -> None:
    answer = post(file=[tif("a.tif"), tif("b.tif", content=b"")])
    assert (answer.status_code, answer.json()["code"]) == (400, "empty_file")
    assert nothing_was_kept(settings)


def test_the_doorbell_rings_once_the_job_is_committed(
    post: Post, rung: list[str], django_capture_on_commit_callbacks: object
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        job = post().json()
        assert rung == []
    assert rung == [job["id"]]


@pytest.mark.django_db(transaction=True)
def test_an_upload_is_accepted_while_the_broker_is_down(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    from celery import Celery

    dead = Celery(broker="redis://127.0.0.1:1/0", set_as_current=False)
    dead.conf.task_publish_retry = False
    monkeypatch.setattr("repository.jobs.current_app", dead)
    assert post().status_code == 202
    assert Job.objects.get().state == "queued"


def test_what_the_form_says_is_kept(post: Post) -> None:
    post(
        id="my.id",
        title="Title",
        description="About",
        datetime="2024-08-24",
        visibility="private",
        properties='{"sensor": "S2A"}',
    )
    product = Product.objects.get()
    assert (product.slug, product.title, product.description) == ("my.id", "Title", "About")
    assert (product.visibility, product.properties) == ("private", {"sensor": "S2A"})
    assert Job.objects.get().request["datetime"] == "2024-08-24T00:00:00Z"


def test_a_product_is_as_visible_as_its_collection_by_default(
    api: Client, make_collection: MakeCollection, owner: Role
) -> None:
    make_collection(visibility="private")
    api.post(ADDRESS, {"file": tif()}, headers=owner.headers)
    assert Product.objects.get().visibility == "private"


def test_the_id_comes_from_the_file_name_with_a_suffix_where_taken(post: Post) -> None:
    for _ in range(3):
        assert post(file=tif("My DEM.tif")).status_code == 202
    slugs = Product.objects.order_by("slug").values_list("slug", flat=True)
    assert list(slugs) == ["my-dem", "my-dem-2", "my-dem-3"]


def test_the_same_id_again_is_409_and_leaves_nothing(
    post: Post, product: Product, settings: object
) -> None:
    before = sorted(left_behind(settings))
    answer = post(id="dem")
    assert (answer.status_code, answer.json()["code"]) == (409, "duplicate_id")
    assert sorted(left_behind(settings)) == before
    assert not Upload.objects.exists()


def test_the_id_of_a_tombstone_stays_taken(
    post: Post, api: Client, product: Product, owner: Role
) -> None:
    api.delete("/api/products/alps/dem", headers=owner.headers)
    assert post(id="dem").status_code == 409


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"file": tif(content=b"")}, "empty_file"),
        ({"file": ""}, "file_missing"),
        ({"id": "Not An Id"}, "invalid_id"),
        ({"id": "a\0"}, "invalid_id"),
        ({"id": "info"}, "invalid_id"),
        ({"datetime": "soon"}, "invalid_datetime"),
        ({"datetime": "2024-01-01/.."}, "invalid_datetime"),
        ({"visibility": "secret"}, "invalid_visibility"),
        ({"properties": "[]"}, "invalid_properties"),
        ({"properties": "{"}, "invalid_properties"),
        ({"properties": "[" * 100_000}, "invalid_properties"),
        ({"properties": '{"a": NaN}'}, "invalid_properties"),
        ({"properties": '{"a": "\\u0000"}'}, "invalid_properties"),
        ({"title": "x" * 301}, "invalid_field"),
        ({"title": "a\0"}, "invalid_field"),
        ({"description": "a\0"}, "invalid_field"),
    ],
)
def test_a_form_that_cannot_be_used_is_400_and_leaves_nothing(
    api: Client,
    collection: Collection,
    owner: Role,
    settings: object,
    form: dict[str, object],
    code: str,
) -> None:
    from django.db import transaction

    files = form.get("file")
    for file in files if isinstance(files, list) else [files]:
        if file:
            file.seek(0)
    with transaction.atomic():
        answer = api.post(ADDRESS, {"file": tif()} | form, headers=owner.headers)
        transaction.set_rollback(code == "invalid_field")
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert nothing_was_kept(settings)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded"])
def test_another_kind_of_body_is_400(
    api: Client, collection: Collection, owner: Role, content_type: str
) -> None:
    answer = api.post(ADDRESS, b"x=1", content_type, headers=owner.headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "multipart_expected")


def part(name: str, content: bytes, *, file_name: str = "") -> bytes:
    extra = f'; filename="{file_name}"' if file_name else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n'
    return head.encode() + content + b"\r\n"


WHOLE = part("file", b"x" * 5000, file_name="a.tif") + f"--{BOUNDARY}--\r\n".encode()


@pytest.mark.parametrize(
    "body",
    [WHOLE[:100], WHOLE[:3000], b"", b"no form at all"],
    ids=["in its head", "in the file", "empty", "no boundary"],
)
def test_a_form_that_is_cut_is_400_and_leaves_nothing(
    api: Client, collection: Collection, owner: Role, settings: object, body: bytes
) -> None:
    answer = api.post(ADDRESS, body, MULTIPART, headers=owner.headers)
    assert answer.status_code == 400
    assert nothing_was_kept(settings)


def test_a_boundary_that_is_none_is_400(api: Client, collection: Collection, owner: Role) -> None:
    answer = api.post(ADDRESS, WHOLE, "multipart/form-data", headers=owner.headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "unreadable_body")


class Unread:
    """A body that nobody may look at."""

    def __init__(self) -> None:
        self.was_read = False

    def read(self, *size: int) -> bytes:
        self.was_read = True
        return b""

    readline = read


@pytest.mark.parametrize(
    ("address", "role", "status"),
    [
        ("/api/collections/none/products", "owner", 404),
        (ADDRESS, "stranger", 403),
        (ADDRESS, "anonymous", 401),
    ],
)
def test_a_refusal_comes_before_the_body_is_read(
    api: Client,
    collection: Collection,
    roles: dict[str, Role],
    address: str,
    role: str,
    status: int,
) -> None:
    body = Unread()
    answer = api.generic(
        "POST",
        address,
        b"",
        MULTIPART,
        headers=roles[role].headers,
        **{"wsgi.input": body, "CONTENT_LENGTH": "1000"},
    )
    assert answer.status_code == status
    assert not body.was_read


def test_a_session_without_its_token_is_refused_before_the_body_is_read(
    api: Client, collection: Collection, owner: Role
) -> None:
    api.force_login(owner.user)
    body = Unread()
    answer = api.generic(
        "POST",
        ADDRESS,
        b"",
        MULTIPART,
        headers={"X-CSRFToken": "x" * 32},
        **{"wsgi.input": body, "CONTENT_LENGTH": "1000"},
    )
    assert answer.status_code == 403
    assert not body.was_read


def test_a_member_adds_to_a_collection_that_is_open_to_members(
    api: Client, make_collection: MakeCollection, colleague: Role
) -> None:
    make_collection(contributors="members")
    answer = api.post(ADDRESS, {"file": tif()}, headers=colleague.headers)
    assert answer.status_code == 202


def test_a_file_beyond_the_limit_is_413_and_leaves_nothing(post: Post, settings: object) -> None:
    settings.MAX_UPLOAD_BYTES = 100
    answer = post()
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert nothing_was_kept(settings)


def test_two_files_that_are_too_large_together_leave_nothing(post: Post, settings: object) -> None:
    settings.MAX_UPLOAD_BYTES = len(ORIGINAL_BYTES) + 10
    assert post(file=[tif("a.tif"), tif("b.tif")]).status_code == 413
    assert nothing_was_kept(settings)


def test_a_text_field_beyond_the_limit_is_413_and_leaves_nothing(
    post: Post, settings: object
) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    assert post(description="x" * 2000).status_code == 413
    assert nothing_was_kept(settings)


Usage = namedtuple("Usage", "total used free")


def test_an_upload_that_does_not_fit_is_507_before_it_is_read(
    api: Client,
    collection: Collection,
    owner: Role,
    settings: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("repository.storage.shutil.disk_usage", lambda _: Usage(10**6, 0, 10**6))
    settings.MIN_FREE_BYTES = 10**6 - 100
    body = Unread()
    answer = api.generic(
        "POST",
        ADDRESS,
        b"",
        MULTIPART,
        headers=owner.headers,
        **{"wsgi.input": body, "CONTENT_LENGTH": "1000"},
    )
    assert (answer.status_code, answer.json()["code"]) == (507, "out_of_space")
    assert not body.was_read


def test_a_disk_that_fills_up_on_the_way_is_507_and_leaves_nothing(
    post: Post, settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("repository.storage.os.fsync", full)
    assert post().status_code == 507
    assert nothing_was_kept(settings)


def test_a_public_map_in_a_private_collection_is_400(
    api: Client, make_collection: MakeCollection, owner: Role
) -> None:
    make_collection(visibility="private")
    answer = api.post(ADDRESS, {"file": tif(), "visibility": "public"}, headers=owner.headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "collection_is_private")


def test_a_hostile_file_name_becomes_text_to_show(post: Post) -> None:
    post(file=tif('../../<script>"\r\n.tif'))
    name = Upload.objects.get().file_name
    assert "/" not in name
    assert "\n" not in name


def test_a_collection_that_goes_during_the_upload_is_404_and_leaves_nothing(
    post: Post, settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import IntegrityError

    def gone(**fields: object) -> None:
        raise IntegrityError("foreign key")

    monkeypatch.setattr("repository.jobs.enqueue", gone)
    assert post().status_code == 404
    assert left_behind(settings) == []


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({}, "empty_answer"),
        ({"bounds": [1, 2]}, "invalid_field"),
        ({"datetime": "soon"}, "invalid_datetime"),
        ({"unknown": 1}, "invalid_field"),
        ('{"nodata": NaN}', "invalid_field"),
        ('{"bounds": [0, 0, Infinity, 1]}', "invalid_field"),
        ("[]", "invalid_field"),
    ],
)
def test_an_answer_that_cannot_be_used_is_400(
    api: Client, make_job: object, owner: Role, answer: object, code: str
) -> None:
    response = api.post(
        f"/api/jobs/{make_job().pk}/input", answer, "application/json", headers=owner.headers
    )
    assert (response.status_code, response.json()["code"]) == (400, code)


def test_a_job_is_cancelled_and_started_over(api: Client, make_job: object, owner: Role) -> None:
    address = f"/api/jobs/{make_job().pk}"
    assert api.post(f"{address}/cancel", headers=owner.headers).json()["state"] == "cancelled"
    again = api.post(f"{address}/cancel", headers=owner.headers)
    assert (again.status_code, again.json()["code"]) == (409, "job_has_ended")
    retried = api.post(f"{address}/retry", headers=owner.headers)
    assert (retried.status_code, retried.json()["state"]) == (202, "queued")


def test_whoever_may_not_add_to_the_collection_any_more_starts_no_job_over(
    api: Client, make_job: object, colleague: Role, collection: Collection
) -> None:
    job = make_job(by=colleague.user)
    jobs.cancel(job)
    answer = api.post(f"/api/jobs/{job.pk}/retry", headers=colleague.headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    Collection.objects.filter(pk=collection.pk).update(contributors="members")
    assert api.post(f"/api/jobs/{job.pk}/retry", headers=colleague.headers).status_code == 202
