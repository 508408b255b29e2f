"""Several uploads that make one product: all of them, or none."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import httpx2 as httpx
import pytest
from django.test import Client

from repository.models import Collection, Job, Product, ResumableUpload, Upload
from repository.resumable_files import LockedFile, folder
from tests.repository.api.conftest import LENGTH, Create, Patch
from tests.repository.conftest import ORIGINAL_BYTES, Role

pytestmark = pytest.mark.django_db
OTHER_BYTES = ORIGINAL_BYTES[::-1]

Use = Callable[..., httpx.Response]


@pytest.fixture
def sent(create: Create, patch: Patch) -> list[str]:
    """Addresses of two whole uploads that wait to be used."""
    addresses = []
    for name, content in (("a.tif", ORIGINAL_BYTES), ("b.tif", OTHER_BYTES)):
        addresses.append(create(collection="", filename=name).headers["location"])
        patch(addresses[-1], content)
    return addresses


@pytest.fixture
def use(api: Client, collection: Collection, owner: Role) -> Use:
    def post(uploads: list[str], **fields: str) -> object:
        return api.post("/api/collections/alps/products", {"uploads": uploads} | fields,
                        "application/json", headers=owner.headers)  # fmt: skip

    return post


def test_several_uploads_make_one_product_in_their_order(sent: list[str], use: Use) -> None:
    answer = use(sent[::-1], title="Both")
    assert answer.status_code == 202
    files = list(Upload.objects.get().files.all())
    assert [file.file_name for file in files] == ["b.tif", "a.tif"]
    assert [file.sha256 for file in files] == [
        hashlib.sha256(content).hexdigest() for content in (OTHER_BYTES, ORIGINAL_BYTES)
    ]
    assert Product.objects.get().title == "Both"
    assert list(folder().iterdir()) == []


def test_the_same_request_again_is_the_same_job(sent: list[str], use: Use) -> None:
    assert use(sent)["Location"] == use(sent)["Location"]
    assert Job.objects.count() == 1


def test_one_that_is_not_whole_refuses_all(
    sent: list[str], use: Use, create: Create, patch: Patch
) -> None:
    late = create(collection="").headers["location"]
    patch(late, ORIGINAL_BYTES[:10])
    answer = use([*sent, late])
    assert (answer.status_code, answer.json()["code"]) == (409, "upload_incomplete")
    assert not Job.objects.exists()
    patch(late, ORIGINAL_BYTES[10:], 10)
    assert use([*sent, late]).status_code == 202
    assert Upload.objects.get().size == 3 * LENGTH


def test_one_that_was_used_refuses_all(sent: list[str], use: Use) -> None:
    use(sent[:1])
    answer = use(sent)
    assert (answer.status_code, answer.json()["code"]) == (409, "upload_used")
    assert ResumableUpload.objects.filter(job=None).count() == 1


def test_an_upload_is_named_once(sent: list[str], use: Use) -> None:
    assert use([sent[0], sent[0]]).status_code == 400


def test_one_that_is_at_work_is_waited_for(
    sent: list[str], use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("repository.resumable_files.LOCK_SECONDS", 0.1)
    with LockedFile(ResumableUpload.objects.get(file_name="b.tif").pk):
        assert use(sent).status_code == 423
    assert use(sent).status_code == 202


def test_one_that_is_being_hashed_is_503_and_asked_for_again(
    sent: list[str], use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("repository.resumable_ending.make_ready", lambda *_: False)
        answer = use(sent)
    assert (answer.status_code, answer.json()["code"]) == (503, "upload_being_checked")
    assert use(sent).status_code == 202


def test_a_commit_that_fails_keeps_all_of_them(
    sent: list[str], use: Use, make_product: Callable[..., object]
) -> None:
    make_product("taken")
    assert use(sent, id="taken").json()["code"] == "duplicate_id"
    assert len(list(folder().iterdir())) == 2
    assert use(sent, id="free").status_code == 202
