"""Pieces that came in parallel and are joined (tus 1.0.0, concatenation)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx2 as httpx
import pytest
from django.db.models import F
from django.db.models.functions import Now
from django.test import Client
from starlette.testclient import TestClient

from repository import resumable, resumable_joining, resumable_sweeping
from repository.errors import Conflict
from repository.models import Collection, Job, ResumableUpload, UploadedFile
from repository.principal import Principal
from repository.resumable_files import file_of, folder
from tests.repository.api.conftest import BODY, LENGTH, Create, Patch, encoded
from tests.repository.conftest import ORIGINAL_BYTES, Role

pytestmark = pytest.mark.django_db
PARTIAL = {"Upload-Concat": "partial"}
THIRD = LENGTH // 3
SHARES = ORIGINAL_BYTES[:THIRD], ORIGINAL_BYTES[THIRD : 2 * THIRD], ORIGINAL_BYTES[2 * THIRD :]

Join = Callable[..., httpx.Response]


@pytest.fixture
def pieces(create: Create, patch: Patch) -> list[str]:
    """Addresses of three whole pieces, sent last one first."""
    addresses = []
    for share in reversed(SHARES):
        answer = create(collection="", length=len(share), headers=PARTIAL)
        addresses.insert(0, answer.headers["location"])
        assert patch(addresses[0], share).status_code == 204
    return addresses


@pytest.fixture
def join(tus: TestClient, owner: Role, collection: Collection) -> Join:
    def post(pieces: list[str], *, by: Role = owner, **metadata: str) -> httpx.Response:
        own = {
            "Upload-Concat": f"final;{' '.join(pieces)}",
            "Upload-Metadata": encoded(**{"filename": "dem.tif", "collection": "alps"} | metadata),
        }
        return tus.post("/api/uploads/", headers=by.headers | own)

    return post


def pk(address: str) -> str:
    return address.rpartition("/")[2]


def left_behind() -> list[Path]:
    return [path for path in folder().rglob("*") if path.is_file()]


def is_the_original() -> bool:
    return UploadedFile.objects.get().sha256 == hashlib.sha256(ORIGINAL_BYTES).hexdigest()


def test_joined_pieces_become_the_file_and_nothing_of_them_is_left(
    pieces: list[str], join: Join, tus: TestClient, owner: Role
) -> None:
    answer = join(pieces, title="Three")
    assert answer.status_code == 201
    assert answer.headers["upload-job"] == f"/api/jobs/{Job.objects.get().pk}"
    assert is_the_original()
    assert left_behind() == []
    head = tus.head(answer.headers["location"], headers=owner.headers)
    assert head.headers["upload-concat"] == f"final;{' '.join(pieces)}"
    assert head.headers["upload-length"] == head.headers["upload-offset"] == str(LENGTH)


def test_a_piece_says_what_it_is_and_makes_no_job(
    pieces: list[str], tus: TestClient, owner: Role
) -> None:
    head = tus.head(pieces[0], headers=owner.headers)
    assert (head.headers["upload-concat"], head.headers["upload-offset"]) == ("partial", str(THIRD))
    assert "upload-job" not in head.headers
    assert not Job.objects.exists()


def test_addresses_may_be_whole_ones(pieces: list[str], join: Join) -> None:
    assert join([f"http://localhost{piece}" for piece in pieces]).headers["upload-job"]
    assert is_the_original()


def test_an_answer_that_was_lost_is_given_again(pieces: list[str], join: Join) -> None:
    answers = [join(pieces) for _ in range(3)]
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert len({answer.headers["upload-job"] for answer in answers}) == Job.objects.count() == 1


@pytest.mark.parametrize("chosen", [[0, 0], [0, 1, 2, 1]])
def test_a_piece_is_named_once(pieces: list[str], join: Join, chosen: list[int]) -> None:
    assert join([pieces[n] for n in chosen]).status_code == 400


def test_a_piece_belongs_to_one_whole(pieces: list[str], join: Join) -> None:
    join(pieces[:2], id="first")
    answer = join(pieces[1:], id="second")
    assert (answer.status_code, answer.json()["code"]) == (409, "upload_used")


def test_a_piece_that_is_not_whole_is_refused(
    pieces: list[str], join: Join, create: Create
) -> None:
    late = create(collection="", headers=PARTIAL).headers["location"]
    answer = join([*pieces, late])
    assert (answer.status_code, answer.json()["code"]) == (409, "upload_incomplete")
    assert join(pieces).status_code == 201


def test_an_upload_that_is_no_piece_is_refused(
    pieces: list[str], join: Join, create: Create, patch: Patch
) -> None:
    whole = create(collection="").headers["location"]
    patch(whole, ORIGINAL_BYTES)
    assert join([*pieces, whole]).json()["code"] == "upload_used"


def test_pieces_of_another_caller_are_not_there(
    pieces: list[str], join: Join, stranger: Role
) -> None:
    assert join(pieces, by=stranger).status_code == 404


@pytest.mark.parametrize("how", ["removed", "being removed"])
def test_a_piece_that_is_removed_while_it_is_joined_is_not_found(
    pieces: list[str], join: Join, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = resumable.find

    def find_and_lose(principal: Principal, name: str) -> ResumableUpload:
        found = find(principal, name)
        rows = ResumableUpload.objects.filter(pk=pk(pieces[0]))
        if how == "removed":
            rows.delete()
        else:
            rows.update(expires=F("created"))
        return found

    monkeypatch.setattr(resumable, "find", find_and_lose)
    assert join(pieces).status_code == 404
    assert not ResumableUpload.objects.exclude(made_of=[]).exists()


def test_a_piece_that_is_joined_while_it_is_removed_stays(
    pieces: list[str], join: Join, tus: TestClient, owner: Role, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = ResumableUpload.objects.get(pk=pk(pieces[0]))
    with monkeypatch.context() as patched:
        patched.setattr("repository.resumable_ending.WORK_SECONDS", -1)
        whole = join(pieces).headers["location"]
    with pytest.raises(Conflict):
        resumable.terminate(before)
    assert "upload-job" in tus.head(whole, headers=owner.headers).headers
    assert is_the_original()


def test_what_the_end_would_refuse_is_refused_and_the_pieces_stay(
    pieces: list[str], join: Join, make_product: Callable[..., object]
) -> None:
    make_product("taken")
    assert join(pieces, id="taken").json()["code"] == "duplicate_id"
    assert join(pieces, id="free").headers["upload-job"]


def test_a_joined_upload_takes_no_bytes(pieces: list[str], join: Join, patch: Patch) -> None:
    answer = patch(join(pieces).headers["location"], b"more", LENGTH)
    assert (answer.status_code, answer.json()["code"]) == (403, "final_upload")


def test_a_piece_is_no_product(
    pieces: list[str], api: Client, collection: Collection, owner: Role
) -> None:
    answer = api.post("/api/collections/alps/products", {"uploads": pieces}, "application/json",
                      headers=owner.headers)  # fmt: skip
    assert (answer.status_code, answer.json()["code"]) == (409, "upload_is_partial")


def test_a_piece_of_a_whole_cannot_be_removed_alone(
    pieces: list[str], join: Join, tus: TestClient, owner: Role, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("repository.resumable_ending.WORK_SECONDS", -1)
    whole = join(pieces).headers["location"]
    assert tus.delete(pieces[0], headers=owner.headers).json()["code"] == "upload_used"
    assert tus.delete(whole, headers=owner.headers).status_code == 204
    assert left_behind() == []
    assert not ResumableUpload.objects.exists()


def test_large_pieces_are_joined_bit_by_bit_and_their_room_is_given_back(
    pieces: list[str], join: Join, tus: TestClient, owner: Role, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that is killed between two bits goes on where it was."""
    monkeypatch.setattr(resumable_joining, "STEP_BYTES", 100)
    clock = iter(range(10_000))
    monkeypatch.setattr("repository.resumable_joining.time.monotonic", lambda: next(clock))
    monkeypatch.setattr("repository.resumable_ending.WORK_SECONDS", 2)
    answer = join(pieces)
    where = answer.headers["location"]
    assert "upload-offset" not in answer.headers, "nothing to go on at"
    row = ResumableUpload.objects.get(pk=pk(where))
    assert 0 < row.received < LENGTH
    with file_of(row.pk).open("ab") as stream:
        stream.write(b"never acknowledged")
    asked = 0
    while "upload-job" not in tus.head(where, headers=owner.headers).headers:
        asked += 1
        assert asked < 100
    assert is_the_original()
    assert left_behind() == []


def test_a_joined_upload_whose_client_left_is_ended_by_the_sweeper(
    pieces: list[str], join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("repository.resumable_ending.WORK_SECONDS", -1)
        join(pieces)
    assert not Job.objects.exists()
    ResumableUpload.objects.update(updated=Now() - timedelta(minutes=1))
    resumable_sweeping.sweep()
    assert is_the_original()


@pytest.mark.parametrize("lost", ["row", "file"])
def test_a_whole_whose_piece_was_lost_is_410(
    pieces: list[str], join: Join, tus: TestClient, owner: Role, lost: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    with monkeypatch.context() as patched:
        patched.setattr("repository.resumable_ending.WORK_SECONDS", -1)
        whole = join(pieces).headers["location"]
    if lost == "row":
        ResumableUpload.objects.filter(pk=pk(pieces[1])).delete()
    else:
        file_of(UUID(pk(pieces[1]))).unlink()
    head = tus.head(whole, headers=owner.headers)
    assert head.status_code == 410
    assert not Job.objects.exists()


def test_pieces_that_nobody_joins_expire(pieces: list[str]) -> None:
    ResumableUpload.objects.update(expires=Now() - timedelta(seconds=1))
    assert resumable_sweeping.sweep() == 3
    assert left_behind() == []


def test_pieces_may_come_with_their_creation(create: Create, join: Join) -> None:
    addresses = [
        create(collection="", length=len(share), content=share, headers=PARTIAL | BODY)
        .headers["location"] for share in SHARES
    ]  # fmt: skip
    assert join(addresses).headers["upload-job"]
    assert is_the_original()
