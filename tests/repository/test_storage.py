from __future__ import annotations

import errno
import hashlib
import uuid
from pathlib import Path

import pytest

from repository.errors import OutOfSpace, StepFailed
from repository.storage import LocalObjects, checksums_of, object_key

CONTENT = b"pixels" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
KEY = object_key(uuid.UUID(int=1), SHA256, "data.tif")


@pytest.fixture
def store(tmp_path: Path) -> LocalObjects:
    return LocalObjects(location=str(tmp_path / "objects"))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(CONTENT)
    return path


def everything_in(store: LocalObjects) -> list[Path]:
    return [path for path in Path(store.base_location).rglob("*") if path.is_file()]


@pytest.mark.parametrize("may_link", [True, False])
def test_a_put_object_has_the_files_bytes(
    store: LocalObjects, source: Path, may_link: bool
) -> None:
    store.put(KEY, source, SHA256, may_link=may_link)
    assert Path(store.path(KEY)).read_bytes() == CONTENT
    assert everything_in(store) == [Path(store.path(KEY))]


def test_a_copy_that_arrives_changed_is_not_kept(store: LocalObjects, source: Path) -> None:
    with pytest.raises(StepFailed) as refused:
        store.put(KEY, source, "0" * 64, may_link=False)
    assert refused.value.code == "checksum_mismatch"
    assert everything_in(store) == []


def test_an_object_with_the_right_bytes_is_not_written_again(
    store: LocalObjects, source: Path, tmp_path: Path
) -> None:
    store.put(KEY, source, SHA256)
    before = Path(store.path(KEY)).stat().st_ino
    copy = tmp_path / "copy"
    copy.write_bytes(CONTENT)
    store.put(KEY, copy, SHA256)
    assert Path(store.path(KEY)).stat().st_ino == before


def test_a_put_that_does_not_match_leaves_the_object_alone(
    store: LocalObjects, source: Path, tmp_path: Path
) -> None:
    store.put(KEY, source, SHA256)
    other = tmp_path / "other"
    other.write_bytes(b"other bytes")
    with pytest.raises(StepFailed):
        store.put(KEY, other, "0" * 64, may_link=False)
    assert Path(store.path(KEY)).read_bytes() == CONTENT


def test_a_file_of_the_users_is_copied_so_that_later_edits_do_not_reach_the_store(
    store: LocalObjects, source: Path
) -> None:
    store.put(KEY, source, SHA256, may_link=False)
    with open(source, "r+b") as stream:
        stream.write(b"edited")
    assert Path(store.path(KEY)).read_bytes() == CONTENT


def test_fetch_brings_the_object(store: LocalObjects, source: Path, tmp_path: Path) -> None:
    store.put(KEY, source, SHA256)
    store.fetch(KEY, tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == CONTENT


def test_a_range_is_read_from_its_start_for_its_length(store: LocalObjects, source: Path) -> None:
    store.put(KEY, source, SHA256)
    assert b"".join(store.read_range(KEY, 7, 100)) == CONTENT[7:107]


def test_a_deleted_object_leaves_no_empty_folders(store: LocalObjects, source: Path) -> None:
    store.put(KEY, source, SHA256)
    store.delete(KEY)
    assert not Path(store.path(f"products/{uuid.UUID(int=1)}")).exists()


def test_deleting_what_is_not_there_does_nothing(store: LocalObjects) -> None:
    store.delete(KEY)


@pytest.mark.parametrize("call", ["mkdir", "fsync"])
def test_a_full_disk_is_out_of_space(
    store: LocalObjects, source: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def full(*args: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(
        "repository.storage.os.fsync" if call == "fsync" else "pathlib.Path.mkdir", full
    )
    with pytest.raises(OutOfSpace):
        store.put(KEY, source, SHA256)
    monkeypatch.undo()
    assert everything_in(store) == []


def test_checksums_are_sha256_and_md5(source: Path) -> None:
    assert checksums_of(source) == (SHA256, hashlib.md5(CONTENT).hexdigest())


@pytest.mark.parametrize("key", ["../outside", "/etc/passwd"])
def test_no_key_leads_out_of_the_store(store: LocalObjects, key: str) -> None:
    from django.core.exceptions import SuspiciousFileOperation

    with pytest.raises(SuspiciousFileOperation):
        store.path(key)
