from __future__ import annotations

import base64
import hashlib
import os
import time
from collections import namedtuple
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from django.db.models.functions import Now
from django.test import Client
from starlette.testclient import TestClient

from repository import resumable, resumable_ending, resumable_sweeping
from repository.kept_digests import RUNNING
from repository.models import ApiToken, Collection, Job, Product, ResumableUpload, UploadedFile
from repository.resumable_files import LockedFile, file_of, folder
from repository.running_digest import RunningDigest
from repository.storage import object_store
from tests.repository.api.conftest import BODY, LENGTH, Create, Patch, encoded
from tests.repository.conftest import ORIGINAL_BYTES, MakeCollection, Role

pytestmark = pytest.mark.django_db
Usage = namedtuple("Usage", "total used free")


def row(address: str) -> ResumableUpload:
    return ResumableUpload.objects.get(pk=address.rpartition("/")[2])


def left_behind() -> list[Path]:
    return [path for path in folder().rglob("*") if path.is_file()]


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def test_options_tells_what_the_server_can_do(tus: TestClient, settings: Any) -> None:
    answer = tus.options("/api/uploads/", headers={"Tus-Resumable": ""})
    assert answer.status_code == 204
    assert answer.headers["tus-version"] == answer.headers["tus-resumable"] == "1.0.0"
    assert answer.headers["tus-max-size"] == str(settings.MAX_UPLOAD_BYTES)
    extensions = set(answer.headers["tus-extension"].split(","))
    assert extensions == {
        "creation", "creation-with-upload", "termination", "checksum", "expiration",
        "concatenation",
    }  # fmt: skip
    assert {"sha1", "sha256"} <= set(answer.headers["tus-checksum-algorithm"].split(","))


def test_a_new_upload_is_201_with_its_address(create: Create, tus: TestClient, owner: Role) -> None:
    answer = create(filetype="image/tiff")
    assert answer.status_code == 201
    assert answer.headers["location"].startswith("/api/uploads/")
    assert parsedate_to_datetime(answer.headers["upload-expires"])
    head = tus.head(answer.headers["location"], headers=owner.headers)
    assert head.status_code == 200
    assert (head.headers["upload-offset"], head.headers["upload-length"]) == ("0", str(LENGTH))
    assert encoded(filetype="image/tiff") in head.headers["upload-metadata"]
    assert head.headers["cache-control"] == "no-store"
    assert "upload-job" not in head.headers


def test_parts_become_the_file_and_the_last_one_names_the_job(
    address: str, patch: Patch, tus: TestClient, owner: Role, api: Client
) -> None:
    first = patch(address, ORIGINAL_BYTES[:300])
    assert (first.status_code, first.headers["upload-offset"]) == (204, "300")
    assert "upload-job" not in first.headers
    last = patch(address, ORIGINAL_BYTES[300:], 300)
    assert (last.status_code, last.headers["upload-offset"]) == (204, str(LENGTH))
    job = api.get(last.headers["upload-job"], headers=owner.headers).json()
    assert (job["state"], job["file_name"]) == ("queued", "dem.tif")
    upload = UploadedFile.objects.get()
    assert upload.sha256 == hashlib.sha256(ORIGINAL_BYTES).hexdigest()
    assert upload.md5 == hashlib.md5(ORIGINAL_BYTES).hexdigest()
    assert b"".join(object_store().read_range(upload.key, 0, LENGTH)) == ORIGINAL_BYTES
    assert left_behind() == []
    head = tus.head(address, headers=owner.headers)
    assert head.headers["upload-job"] == last.headers["upload-job"]


def test_metadata_becomes_the_product(create: Create, patch: Patch) -> None:
    answer = create(id="my.id", title="Títle", datetime="2024-08-24", visibility="private")
    patch(answer.headers["Location"], ORIGINAL_BYTES)
    product = Product.objects.get()
    assert (product.slug, product.title, product.visibility) == ("my.id", "Títle", "private")
    assert Job.objects.get().request["datetime"] == "2024-08-24T00:00:00Z"


def test_an_upload_may_come_with_its_creation(create: Create) -> None:
    answer = create(content=ORIGINAL_BYTES, headers=BODY)
    assert (answer.status_code, answer.headers["upload-offset"]) == (201, str(LENGTH))
    assert answer.headers["upload-job"] == f"/api/jobs/{Job.objects.get().pk}"


def test_a_part_may_come_with_the_creation(create: Create, patch: Patch) -> None:
    answer = create(content=ORIGINAL_BYTES[:99], headers=BODY)
    assert (answer.status_code, answer.headers["upload-offset"]) == (201, "99")
    assert patch(answer.headers["location"], ORIGINAL_BYTES[99:], 99).headers["upload-job"]


def test_a_creation_whose_bytes_are_refused_leaves_nothing(create: Create) -> None:
    wrong = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    headers = BODY | {"Upload-Checksum": f"sha256 {wrong}"}
    assert problem(create(content=ORIGINAL_BYTES, headers=headers)) == (460, "wrong_checksum")
    assert left_behind() == []
    assert not ResumableUpload.objects.exists()


def test_patch_may_be_sent_as_post(address: str, tus: TestClient, owner: Role) -> None:
    headers = BODY | {"Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    answer = tus.post(address, content=b"12345", headers=owner.headers | headers)
    assert (answer.status_code, answer.headers["upload-offset"]) == (204, "5")


@pytest.mark.parametrize("version", ["0.2.2", "2.0.0", ""])
@pytest.mark.parametrize("method", ["HEAD", "PATCH", "DELETE", "POST"])
def test_another_version_of_tus_is_412(
    tus: TestClient, owner: Role, address: str, method: str, version: str
) -> None:
    where = "/api/uploads/" if method == "POST" else address
    answer = tus.request(method, where, headers=owner.headers | {"Tus-Resumable": version})
    assert answer.status_code == 412
    assert answer.headers["tus-version"] == "1.0.0"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Upload-Length": ""}, "invalid_header"),
        ({"Upload-Length": "-1"}, "invalid_header"),
        ({"Upload-Length": "1e3"}, "invalid_header"),
        ({"Upload-Length": "0"}, "empty_file"),
        ({"Upload-Defer-Length": "1"}, "unsupported_extension"),
        ({"Upload-Concat": "half"}, "invalid_header"),
        ({"Upload-Concat": "final"}, "invalid_header"),
        ({"Upload-Concat": "final;"}, "invalid_header"),
        ({"Upload-Metadata": "filename ???"}, "invalid_metadata"),
        ({"Upload-Metadata": "filename /w=="}, "invalid_metadata"),
        ({"Upload-Metadata": encoded(title="a\0")}, "invalid_metadata"),
        ({"Upload-Metadata": "a YQ==,a YQ=="}, "invalid_metadata"),
        ({"Upload-Metadata": encoded(title="x" * 301)}, "invalid_field"),
        ({"Upload-Checksum": "crc32 AAAA"}, "invalid_checksum"),
        ({"Upload-Checksum": "sha1 ?"}, "invalid_checksum"),
    ],
)
def test_a_creation_that_cannot_be_read_is_400(
    create: Create, headers: dict[str, str], code: str
) -> None:
    assert problem(create(headers=headers)) == (400, code)
    assert left_behind() == []


@pytest.mark.parametrize(
    ("metadata", "status", "code"),
    [
        ({"collection": "none"}, 404, "not_found"),
        ({"id": "Not An Id"}, 400, "invalid_id"),
        ({"datetime": "soon"}, 400, "invalid_datetime"),
        ({"visibility": "secret"}, 400, "invalid_visibility"),
        ({"id": "dem"}, 409, "duplicate_id"),
    ],
)
def test_what_the_end_would_refuse_is_refused_before_a_byte(
    create: Create, product: Product, metadata: dict[str, str], status: int, code: str
) -> None:
    assert problem(create(**metadata)) == (status, code)
    assert left_behind() == []


def test_a_file_beyond_the_limit_is_413_before_a_byte(create: Create, settings: Any) -> None:
    settings.MAX_UPLOAD_BYTES = 1000
    assert problem(create(length=1001)) == (413, "too_large")


def test_a_file_that_does_not_fit_is_507_before_a_byte(
    create: Create, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(10**6, 0, 10**6))
    settings.MIN_FREE_BYTES = 10**6 - LENGTH + 1
    answer = create()
    assert problem(answer) == (507, "out_of_space")
    assert answer.headers["retry-after"]


@pytest.mark.parametrize("offset", [1, 299, 301, 10**6])
def test_a_wrong_offset_is_409(address: str, patch: Patch, offset: int) -> None:
    patch(address, ORIGINAL_BYTES[:300])
    assert problem(patch(address, b"x", offset)) == (409, "wrong_offset")
    assert row(address).received == 300


@pytest.mark.parametrize("offset", ["", "-1", "x"])
def test_an_offset_that_is_none_is_400(address: str, patch: Patch, offset: str) -> None:
    assert problem(patch(address, b"x", offset)) == (400, "invalid_header")


def test_another_kind_of_body_is_415(address: str, patch: Patch) -> None:
    answer = patch(address, b"x", 0, Content_Type="image/tiff")
    assert problem(answer) == (415, "wrong_media_type")


@pytest.mark.parametrize("chunked", [False, True])
def test_more_bytes_than_announced_are_413_and_not_kept(
    address: str, patch: Patch, tus: TestClient, owner: Role, chunked: bool
) -> None:
    body: Any = ORIGINAL_BYTES + b"x"
    assert problem(patch(address, iter([body]) if chunked else body)) == (413, "too_large")
    assert tus.head(address, headers=owner.headers).headers["upload-offset"] == "0"
    assert patch(address, ORIGINAL_BYTES).headers["upload-job"]


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "md5"])
def test_a_part_with_its_checksum_is_taken(address: str, patch: Patch, algorithm: str) -> None:
    digest = base64.b64encode(hashlib.new(algorithm, b"12345").digest()).decode()
    answer = patch(address, b"12345", 0, Upload_Checksum=f"{algorithm} {digest}")
    assert (answer.status_code, answer.headers["upload-offset"]) == (204, "5")


def test_a_part_that_changed_on_the_way_is_460_and_not_kept(address: str, patch: Patch) -> None:
    patch(address, ORIGINAL_BYTES[:10])
    digest = base64.b64encode(hashlib.sha1(b"12345").digest()).decode()
    answer = patch(address, b"12346", 10, Upload_Checksum=f"sha1 {digest}")
    assert problem(answer) == (460, "wrong_checksum")
    assert (row(address).received, file_of(row(address).pk).stat().st_size) == (10, 10)
    assert patch(address, ORIGINAL_BYTES[10:], 10).headers["upload-job"]
    assert UploadedFile.objects.get().sha256 == hashlib.sha256(ORIGINAL_BYTES).hexdigest()


def test_a_terminated_upload_is_gone_with_its_bytes(
    address: str, patch: Patch, tus: TestClient, owner: Role
) -> None:
    patch(address, b"12345")
    assert tus.delete(address, headers=owner.headers).status_code == 204
    assert tus.head(address, headers=owner.headers).status_code == 404
    assert problem(patch(address, b"6", 5)) == (404, "not_found")
    assert left_behind() == []


def test_terminating_a_finished_upload_leaves_its_job(
    address: str, patch: Patch, tus: TestClient, owner: Role
) -> None:
    patch(address, ORIGINAL_BYTES)
    assert tus.delete(address, headers=owner.headers).status_code == 204
    assert Job.objects.get().state == "queued"


@pytest.mark.parametrize("role", ["stranger", "colleague", "operator"])
@pytest.mark.parametrize("method", ["HEAD", "PATCH", "DELETE"])
def test_an_upload_is_its_owners_alone(
    address: str, tus: TestClient, roles: dict[str, Role], role: str, method: str
) -> None:
    headers = roles[role].headers | BODY | {"Upload-Offset": "0"}
    answer = tus.request(method, address, headers=headers)
    assert answer.status_code == 404
    assert "upload-offset" not in answer.headers
    assert row(address).received == 0


@pytest.mark.parametrize("method", ["HEAD", "PATCH", "DELETE"])
def test_the_public_is_asked_to_sign_in(address: str, tus: TestClient, method: str) -> None:
    answer = tus.request(method, address, headers=BODY | {"Upload-Offset": "0"})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"]


def test_the_public_begins_no_upload(create: Create, anonymous: Role) -> None:
    assert problem(create(by=anonymous)) == (401, "sign_in_required")


def test_a_stranger_begins_no_upload_for_a_collection_of_others(
    create: Create, stranger: Role
) -> None:
    assert problem(create(by=stranger)) == (403, "forbidden")
    assert left_behind() == []


def test_a_token_that_may_only_read_begins_no_upload(create: Create, owner: Role) -> None:
    ApiToken.objects.filter(user=owner.user).update(scopes=["read"])
    assert problem(create()) == (403, "read_only_token")


def test_a_session_needs_its_csrf_token(
    tus: TestClient, api: Client, owner: Role, collection: Collection, settings: Any
) -> None:
    api.force_login(owner.user)
    tus.cookies.set("sessionid", api.cookies["sessionid"].value)
    headers = {"Upload-Length": "5", "Upload-Metadata": encoded(collection="alps")}
    assert problem(tus.post("/api/uploads/", headers=headers)) == (403, "csrf_failed")
    token = "x" * 32
    tus.cookies.set("csrftoken", token)
    answer = tus.post("/api/uploads/", headers=headers | {"X-CSRFToken": token})
    assert answer.status_code == 201
    assert tus.head(answer.headers["location"]).status_code == 200


@pytest.mark.parametrize("name", ["x", "00000000-0000-0000-0000-000000000000", "%00"])
def test_an_unknown_upload_is_404(tus: TestClient, owner: Role, name: str) -> None:
    assert tus.head(f"/api/uploads/{name}", headers=owner.headers).status_code == 404


def test_get_is_not_a_method_of_uploads(tus: TestClient, owner: Role, address: str) -> None:
    answer = tus.get(address, headers=owner.headers)
    assert problem(answer) == (405, "method_not_allowed")
    assert "PATCH" in answer.headers["allow"]


@pytest.mark.parametrize("method", ["HEAD", "PATCH", "DELETE"])
def test_a_request_beside_another_is_423(
    address: str, tus: TestClient, owner: Role, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("repository.resumable_files.LOCK_SECONDS", 0.1)
    headers = owner.headers | BODY | {"Upload-Offset": "0"}
    with LockedFile(row(address).pk):
        assert tus.request(method, address, headers=headers).status_code == 423
    assert tus.request(method, address, headers=headers).status_code in (200, 204)


def test_bytes_that_a_dead_process_left_behind_the_offset_are_cut_off(
    address: str, patch: Patch
) -> None:
    patch(address, ORIGINAL_BYTES[:300])
    with file_of(row(address).pk).open("ab") as stream:
        stream.write(b"never acknowledged" * 10)
    assert patch(address, ORIGINAL_BYTES[300:], 300).headers["upload-job"]
    assert UploadedFile.objects.get().sha256 == hashlib.sha256(ORIGINAL_BYTES).hexdigest()


def test_a_file_that_is_shorter_than_its_offset_is_410(address: str, patch: Patch) -> None:
    patch(address, ORIGINAL_BYTES[:300])
    os.truncate(file_of(row(address).pk), 200)
    assert problem(patch(address, ORIGINAL_BYTES[300:], 300)) == (410, "upload_lost")


def test_a_disk_that_fills_up_is_507_and_the_upload_goes_on_later(
    address: str, patch: Patch, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    patch(address, ORIGINAL_BYTES[:300])
    with monkeypatch.context() as patched:
        patched.setattr("repository.resumable_files.os.pwrite", full)
        assert problem(patch(address, ORIGINAL_BYTES[300:], 300)) == (507, "out_of_space")
    assert patch(address, ORIGINAL_BYTES[300:], 300).headers["upload-job"]
    assert UploadedFile.objects.get().sha256 == hashlib.sha256(ORIGINAL_BYTES).hexdigest()


def test_a_sync_that_fails_acknowledges_nothing(
    address: str, patch: Patch, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("repository.resumable_files.os.fdatasync", full)
    assert patch(address, ORIGINAL_BYTES[:300]).status_code == 507
    assert row(address).received == 0


def test_the_offset_is_committed_after_the_sync(
    address: str, patch: Patch, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    acknowledge, sync = resumable.acknowledge, os.fdatasync
    monkeypatch.setattr("repository.resumable_files.os.fdatasync",
                        lambda fd: (order.append("sync"), sync(fd)))  # fmt: skip
    monkeypatch.setattr("repository.resumable.acknowledge",
                        lambda *a: (order.append("row"), acknowledge(*a)))  # fmt: skip
    patch(address, b"12345")
    assert order == ["sync", "row"]


def test_an_upload_that_was_whole_when_the_server_died_is_finished_by_head(
    address: str, patch: Patch, tus: TestClient, owner: Role, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr("repository.uploads.accept", die)
        assert patch(address, ORIGINAL_BYTES).status_code == 500
    head = tus.head(address, headers=owner.headers)
    assert head.headers["upload-job"] == f"/api/jobs/{Job.objects.get().pk}"


def test_an_answer_that_was_lost_is_given_again_with_the_same_job(
    address: str, patch: Patch, tus: TestClient, owner: Role
) -> None:
    jobs = {patch(address, ORIGINAL_BYTES).headers["upload-job"]}
    for _ in range(3):
        jobs.add(patch(address, b"", LENGTH).headers["upload-job"])
        jobs.add(tus.head(address, headers=owner.headers).headers["upload-job"])
    assert len(jobs) == Job.objects.count() == Product.objects.count() == 1


def test_more_bytes_for_a_finished_upload_are_refused(address: str, patch: Patch) -> None:
    patch(address, ORIGINAL_BYTES)
    assert patch(address, b"x", LENGTH).status_code == 413
    assert patch(address, b"x", 0).status_code == 409


def test_two_finishers_at_once_make_one_job(address: str, patch: Patch, owner: Role) -> None:
    """The row's own guard, should a lock ever fail."""
    from repository.errors import Conflict

    patch(address, ORIGINAL_BYTES[:-1])
    resumable.acknowledge(row(address).pk, LENGTH)
    with file_of(row(address).pk).open("ab") as stream:
        stream.write(ORIGINAL_BYTES[-1:])
    second = row(address)
    os.link(file_of(second.pk), f"{file_of(second.pk)}.copy")
    with LockedFile(second.pk) as file:
        resumable_ending.finish(owner.principal, row(address), file)
        os.rename(f"{file_of(second.pk)}.copy", file_of(second.pk))
        with pytest.raises(Conflict):
            resumable_ending.finish(owner.principal, second, file)
    assert Job.objects.count() == Product.objects.count() == 1


def test_an_id_that_was_taken_meanwhile_is_409_and_the_bytes_stay(
    create: Create, patch: Patch, api: Client, owner: Role, make_product: Any
) -> None:
    address = create(id="late").headers["location"]
    make_product("late")
    assert problem(patch(address, ORIGINAL_BYTES)) == (409, "duplicate_id")
    body = {"uploads": [address], "id": "later"}
    answer = api.post("/api/collections/alps/products", body, "application/json",
                      headers=owner.headers)  # fmt: skip
    assert answer.status_code == 202


def test_an_upload_without_a_collection_waits_to_be_used(
    create: Create, patch: Patch, api: Client, tus: TestClient, owner: Role
) -> None:
    address = create(collection="").headers["location"]
    use = "/api/collections/alps/products"
    body = {"uploads": [address], "id": "mine", "title": "Mine", "properties": {"a": 1}}
    early = api.post(use, body, "application/json", headers=owner.headers)
    assert (early.status_code, early.json()["code"]) == (409, "upload_incomplete")
    assert "upload-job" not in patch(address, ORIGINAL_BYTES).headers
    answers = [api.post(use, body, "application/json", headers=owner.headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0]["Location"] == answers[1]["Location"]
    head = tus.head(address, headers=owner.headers)
    assert head.headers["upload-job"] == answers[0]["Location"]
    assert (Product.objects.get().slug, Product.objects.get().properties) == ("mine", {"a": 1})


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("x", 400, "invalid_field"),
        ({}, 400, "invalid_field"),
        ({"uploads": "a"}, 400, "invalid_field"),
        ({"uploads": []}, 400, "invalid_field"),
        ({"uploads": ["a"] * 101}, 400, "invalid_field"),
        ({"uploads": ["a"], "unknown": 1}, 400, "invalid_field"),
        ({"uploads": ["a"]}, 404, "not_found"),
    ],
)
def test_a_use_that_cannot_be_read_is_refused(
    api: Client, collection: Collection, owner: Role, body: object, status: int, code: str
) -> None:
    answer = api.post("/api/collections/alps/products", body, "application/json",
                      headers=owner.headers)  # fmt: skip
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_anothers_upload_cannot_be_used(
    create: Create, patch: Patch, api: Client, stranger: Role, make_collection: MakeCollection
) -> None:
    address = create(collection="").headers["location"]
    patch(address, ORIGINAL_BYTES)
    make_collection("theirs", owner=stranger.user)
    answer = api.post("/api/collections/theirs/products", {"uploads": [address]},
                      "application/json", headers=stranger.headers)  # fmt: skip
    assert answer.status_code == 404


def expire(address: str) -> None:
    ResumableUpload.objects.filter(pk=row(address).pk).update(expires=Now() - timedelta(seconds=1))


def test_an_expired_upload_is_410_until_it_is_swept(
    address: str, patch: Patch, tus: TestClient, owner: Role
) -> None:
    patch(address, b"12345")
    expire(address)
    assert tus.head(address, headers=owner.headers).status_code == 410
    assert problem(patch(address, b"6", 5)) == (410, "upload_expired")
    assert resumable_sweeping.sweep() == 1
    assert left_behind() == []
    assert tus.head(address, headers=owner.headers).status_code == 404


def test_each_part_puts_the_expiry_off(address: str, patch: Patch, settings: Any) -> None:
    settings.UPLOAD_KEEP_SECONDS *= 2
    before = row(address).expires
    patch(address, b"12345")
    assert row(address).expires > before


def test_the_sweeper_leaves_uploads_that_may_go_on(address: str, patch: Patch) -> None:
    patch(address, b"12345")
    assert resumable_sweeping.sweep() == 0
    assert row(address).received == 5


def test_the_sweeper_leaves_an_expired_upload_that_is_at_work(address: str) -> None:
    expire(address)
    with LockedFile(row(address).pk):
        assert resumable_sweeping.sweep() == 0
    assert ResumableUpload.objects.exists()


def test_the_sweeper_removes_files_without_an_upload(address: str, db: None) -> None:
    from uuid import uuid4

    from repository import resumable_files

    old, new = uuid4(), uuid4()
    for upload_id in (old, new):
        resumable_files.make(upload_id)
    for path in (file_of(old), file_of(row(address).pk)):
        os.utime(path, (0, 0))
    assert resumable_sweeping.sweep() == 1
    assert sorted(left_behind()) == sorted([file_of(new), file_of(row(address).pk)])


def test_a_digest_goes_on_in_another_process(
    address: str, patch: Patch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each part comes to a process that knows nothing, and no byte is read again."""
    monkeypatch.setattr("repository.resumable_ending.blocks_of", None)
    monkeypatch.setattr("repository.resumable_files.blocks_of", None)
    for start in range(0, LENGTH, 100):
        RUNNING.forget(row(address).pk)
        patch(address, ORIGINAL_BYTES[start : start + 100], start)
    assert UploadedFile.objects.get().sha256 == hashlib.sha256(ORIGINAL_BYTES).hexdigest()


def test_a_digest_that_cannot_be_kept_is_made_up_for(
    address: str, patch: Patch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This process saw bytes 0-99 and 200 on; another one took 100-199."""
    from repository import kept_digests, resumable_ending, resumable_files, running_digest

    monkeypatch.setattr(running_digest, "CAN_BE_KEPT", False)
    patch(address, ORIGINAL_BYTES[:100])
    modules = (kept_digests, resumable_ending, resumable_files)
    with monkeypatch.context() as other:
        process = kept_digests.RunningDigests()
        for module in modules:
            other.setattr(module, "RUNNING", process)
        patch(address, ORIGINAL_BYTES[100:200], 100)
    patch(address, ORIGINAL_BYTES[200:], 200)
    file = UploadedFile.objects.get()
    assert file.sha256 == hashlib.sha256(ORIGINAL_BYTES).hexdigest()
    assert file.md5 == hashlib.md5(ORIGINAL_BYTES).hexdigest()


def test_a_digest_beyond_the_offset_is_not_believed(address: str, patch: Patch) -> None:
    """As after a commit that was lost: the same bytes may come again as others."""
    patch(address, b"x" * 100)
    ahead = row(address).digest
    ResumableUpload.objects.filter(pk=row(address).pk).update(received=50, digest=ahead)
    RUNNING.forget(row(address).pk)
    with file_of(row(address).pk).open("r+b") as stream:
        stream.write(ORIGINAL_BYTES[:50])
    patch(address, ORIGINAL_BYTES[50:], 50)
    assert UploadedFile.objects.get().sha256 == hashlib.sha256(ORIGINAL_BYTES).hexdigest()


def test_a_whole_upload_whose_client_left_is_ended_by_the_sweeper(
    address: str, patch: Patch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("repository.resumable_ending.make_ready", lambda *_: False)
    last = patch(address, ORIGINAL_BYTES)
    assert (last.status_code, last.headers["upload-offset"]) == (204, str(LENGTH))
    assert "upload-job" not in last.headers
    monkeypatch.undo()
    resumable_sweeping.sweep()
    assert not Job.objects.exists(), "its client may ask yet"
    ResumableUpload.objects.update(updated=Now() - timedelta(minutes=1))
    resumable_sweeping.sweep()
    assert UploadedFile.objects.get().size == LENGTH
    assert left_behind() == []


def test_an_end_that_fails_holds_up_no_other(
    create: Create, patch: Patch, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("repository.resumable_ending.make_ready", lambda *_: False)
        broken, sound = (create(title=title).headers["location"] for title in ("A", "B"))
        for address in (broken, sound):
            patch(address, ORIGINAL_BYTES)
    for age, address in ((2, broken), (1, sound)):
        rows = ResumableUpload.objects.filter(pk=row(address).pk)
        rows.update(updated=Now() - timedelta(minutes=age))
    finish = resumable_ending.finish

    def finish_or_fail(principal: Any, upload: ResumableUpload, *rest: Any, **more: Any) -> Any:
        if upload.pk == row(broken).pk:
            raise RuntimeError("nobody thought of this")
        return finish(principal, upload, *rest, **more)

    monkeypatch.setattr(resumable_sweeping, "finish", finish_or_fail)
    before = row(broken).updated
    assert resumable_sweeping.end_what_is_whole() == 1
    assert row(sound).job is not None
    assert row(broken).updated > before, "it goes to the end of the queue"


def test_an_upload_that_is_at_work_goes_to_the_end_of_the_sweepers_queue(
    address: str, patch: Patch, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("repository.resumable_ending.make_ready", lambda *_: False)
        patch(address, ORIGINAL_BYTES)
    ResumableUpload.objects.update(updated=Now() - timedelta(minutes=1))
    before = row(address).updated
    with LockedFile(row(address).pk):
        assert resumable_sweeping.end_what_is_whole() == 0
    assert row(address).updated > before


@pytest.mark.parametrize("left", [None, 0, LENGTH - 1])
def test_a_whole_upload_that_lost_bytes_is_410(
    address: str, patch: Patch, tus: TestClient, owner: Role, left: int | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    with monkeypatch.context() as patched:
        patched.setattr("repository.resumable_ending.make_ready", lambda *_: False)
        patch(address, ORIGINAL_BYTES)
    ResumableUpload.objects.update(digest=b"")
    RUNNING.forget(row(address).pk)
    path = file_of(row(address).pk)
    path.unlink() if left is None else os.truncate(path, left)
    assert tus.head(address, headers=owner.headers).status_code == 410
    assert not Job.objects.exists()


def test_the_hash_of_a_large_file_is_made_bit_by_bit(
    address: str, patch: Patch, tus: TestClient, owner: Role, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("repository.resumable_files.CHUNK_BYTES", 300)
    monkeypatch.setattr("repository.resumable_ending.WORK_SECONDS", -1)
    patch(address, ORIGINAL_BYTES[:-1])
    ResumableUpload.objects.update(digest=b"")
    RUNNING.forget(row(address).pk)
    monkeypatch.setattr("repository.resumable_files.CATCH_UP_BYTES", 0)
    assert "upload-job" not in patch(address, ORIGINAL_BYTES[-1:], LENGTH - 1).headers
    asked = 0
    while "upload-job" not in tus.head(address, headers=owner.headers).headers:
        asked += 1
        assert asked < 10
    assert asked > 0
    assert UploadedFile.objects.get().sha256 == hashlib.sha256(ORIGINAL_BYTES).hexdigest()


def test_the_end_of_six_gigabytes_whose_digest_is_lost_is_answered_at_once(
    create: Create, patch: Patch, tus: TestClient, owner: Role
) -> None:
    """Sparse, so that it is quick to make; to hash it takes many times as long."""
    length = 6 * 10**9
    address = create(length=length).headers["location"]
    os.truncate(file_of(row(address).pk), length - 1)
    resumable.acknowledge(row(address).pk, length - 1)
    began = time.monotonic()
    answer = patch(address, b"x", length - 1)
    assert time.monotonic() - began < 3 * resumable_ending.WORK_SECONDS
    assert (answer.status_code, answer.headers["upload-offset"]) == (204, str(length))
    assert "upload-job" not in answer.headers
    tus.head(address, headers=owner.headers)
    assert 0 < RunningDigest.from_state(bytes(row(address).digest)).offset < length
    assert tus.delete(address, headers=owner.headers).status_code == 204
