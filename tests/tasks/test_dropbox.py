"""The drop box as a folder and as a bucket: the same things happen in both."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, Protocol

import pytest
from django.db import DataError, connection
from django.db.models.functions import Now

from repository import imports, jobs
from repository.models import Asset, Collection, DroppedItem, Job, Product, UploadedFile
from tasks.dropbox import look_round
from tasks.ingest import ingest
from tests.rasters import gradient, write_raster
from tests.repository.conftest import MakeCollection, Role

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]


class Box(Protocol):
    """What these tests do to a drop box from outside."""

    def put(self, path: str, content: bytes) -> None: ...
    def names(self) -> list[str]: ...
    def read(self, path: str) -> bytes: ...


class Folder:
    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, path: str, content: bytes) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_bytes(content)

    def names(self) -> list[str]:
        files = (p for p in self.root.rglob("*") if p.is_file())
        return sorted(str(path.relative_to(self.root)) for path in files)

    def read(self, path: str) -> bytes:
        return (self.root / path).read_bytes()


class Bucket:
    def __init__(self, store: Any, prefix: str) -> None:
        self.client, self.prefix = store.client(), prefix

    def put(self, path: str, content: bytes) -> None:
        self.client.put_object(Bucket="dropped", Key=f"{self.prefix}/{path}", Body=content)

    def names(self) -> list[str]:
        rows = self.client.list_objects_v2(Bucket="dropped", Prefix=f"{self.prefix}/")
        keys = (row["Key"] for row in rows.get("Contents", []))
        return sorted(key.removeprefix(f"{self.prefix}/") for key in keys)

    def read(self, path: str) -> bytes:
        key = f"{self.prefix}/{path}"
        return self.client.get_object(Bucket="dropped", Key=key)["Body"].read()


@pytest.fixture(params=["folder", "bucket"])
def box(request: pytest.FixtureRequest, settings: Any, tmp_path: Path) -> Box:
    """An empty drop box of either kind, whose items need not rest between two rounds."""
    settings.SWEEP_SECONDS = 0
    if request.param == "folder":
        settings.DROPBOX = {"folder": str(tmp_path / "dropbox")}
        return Folder(tmp_path / "dropbox")
    store = request.getfixturevalue("object_store")
    store.make_bucket("dropped")
    prefix = f"box/{tmp_path.name}"
    settings.DROPBOX = {
        "bucket": {
            "name": "dropped", "prefix": prefix, "endpoint": store.endpoint,
            "access_key": store.access_key, "secret_key": store.secret_key,
        }
    }  # fmt: skip
    return Bucket(store, prefix)


@pytest.fixture
def raster(tmp_path: Path) -> bytes:
    path = tmp_path / "source.tif"
    write_raster(path, gradient("int16"), crs="EPSG:32633", nodata=-1)
    return path.read_bytes()


def work() -> None:
    for job in Job.objects.filter(state="queued"):
        ingest(str(job.pk))


def states() -> list[str]:
    return sorted(Job.objects.values_list("state", flat=True))


def test_a_file_becomes_a_product_and_is_moved_to_done(
    box: Box, collection: Collection, owner: Role, raster: bytes
) -> None:
    box.put("alps/dem.tif", raster)
    assert [look_round(), look_round()] == [0, 1]
    work()
    product = Product.objects.get()
    assert (product.slug, product.state, product.owner) == ("dem", "published", owner.user)
    assert Asset.objects.filter(role="original").get().file_name == "dem.tif"
    assert box.names() == ["alps/dem.tif"]  # moved once its job has ended
    look_round()
    assert box.names() == ["alps/done/dem.tif"]
    assert box.read("alps/done/dem.tif") == raster
    assert [look_round(), look_round(), Job.objects.count()] == [0, 0, 1]
    assert not DroppedItem.objects.exists()


def test_a_rejected_file_is_moved_with_a_note_that_says_why(
    box: Box, collection: Collection
) -> None:
    box.put("alps/notes.tif", b"no raster at all, only a long enough text")
    look_round(), look_round(), work(), look_round()
    assert box.names() == ["alps/rejected/notes.tif", "alps/rejected/notes.tif.txt"]
    note = box.read("alps/rejected/notes.tif.txt").decode()
    job = Job.objects.get()
    assert job.error is not None
    assert job.error["message"] in note
    assert job.error["hint"] in note
    assert f"/jobs/{job.pk}" in note


def test_the_files_of_a_folder_become_one_product(
    box: Box, collection: Collection, raster: bytes
) -> None:
    box.put("alps/set/b.tif", raster)
    box.put("alps/set/a.tif", raster)
    box.put("alps/set/.hidden", b"x")
    look_round(), look_round()
    assert Job.objects.get().upload.file_name == "set"
    work()
    names = list(UploadedFile.objects.order_by("position").values_list("file_name", flat=True))
    assert (names, states()) == (["a.tif", "b.tif"], ["published"])
    look_round()
    assert box.names() == ["alps/done/set/.hidden", "alps/done/set/a.tif", "alps/done/set/b.tif"]


def test_a_name_that_is_too_long_to_be_noted_holds_up_nothing_else(
    box: Box, make_collection: MakeCollection, raster: bytes, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    make_collection("alps"), make_collection("andes")
    monkeypatch.setattr("repository.dropbox.box.LONGEST_PLACE", 100)
    monkeypatch.setattr(DroppedItem._meta.get_field("place"), "max_length", 100)
    name = f"alps/{'x' * 100}.tif"
    for path in (name, "alps/dem.tif", "andes/dem.tif"):
        box.put(path, raster)
    look_round()
    assert look_round() == 2
    assert "too long" in caplog.text
    assert name in box.names()


def test_an_error_of_the_database_in_one_collection_holds_up_no_other(
    box: Box, make_collection: MakeCollection, raster: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_collection("alps"), make_collection("andes")
    box.put("alps/dem.tif", raster), box.put("andes/dem.tif", raster)
    look_round()
    accept = imports.accept

    def refuse_alps(principal: Any, collection: Collection, *args: Any, **named: Any) -> Job:
        if collection.pk == "alps":
            raise DataError("value too long")
        return accept(principal, collection, *args, **named)

    monkeypatch.setattr(imports, "accept", refuse_alps)
    assert look_round() == 1


def test_a_file_that_grows_is_left_alone(
    box: Box, collection: Collection, raster: bytes, settings: Any
) -> None:
    for part in (100, 200, 300):
        box.put("alps/dem.tif", raster[:part])
        assert look_round() == 0
    box.put("alps/dem.tif", raster)
    look_round()
    settings.SWEEP_SECONDS = 1000
    assert look_round() == 0
    DroppedItem.objects.update(seen=Now() - timedelta(seconds=1001))
    assert look_round() == 1


@pytest.mark.parametrize(
    "name",
    ["alps/.dem.tif.Xy12", "alps/dem.tif.part", "alps/dem.tif.TMP", "alps/dem.tif.filepart",
     "alps/set/dem.tif.part", "alps/.hidden/dem.tif", "unknown/dem.tif", "dem.tif",
     "alps/done/dem.tif", "alps/rejected/dem.tif"],
)  # fmt: skip
def test_what_is_unfinished_or_not_for_us_stays(
    box: Box, collection: Collection, raster: bytes, name: str
) -> None:
    box.put(name, raster)
    assert [look_round(), look_round(), look_round()] == [0, 0, 0]
    assert box.names() == [name]


def test_a_folder_with_folders_is_refused_with_a_note(
    box: Box, collection: Collection, raster: bytes
) -> None:
    box.put("alps/set/deep/a.tif", raster)
    box.put("alps/set/b.tif", raster)
    look_round(), look_round()
    assert box.names() == [
        "alps/rejected/set.txt", "alps/rejected/set/b.tif", "alps/rejected/set/deep/a.tif",
    ]  # fmt: skip
    assert "folders of its own" in box.read("alps/rejected/set.txt").decode()
    assert not Job.objects.exists()


def test_a_name_that_is_taken_in_done_is_kept_beside_it(
    box: Box, collection: Collection, raster: bytes
) -> None:
    box.put("alps/done/dem.tif", b"older")
    box.put("alps/dem.tif", raster)
    look_round(), look_round(), work(), look_round()
    assert box.read("alps/done/dem.tif") == b"older"
    (other,) = set(box.names()) - {"alps/done/dem.tif"}
    assert other.startswith("alps/done/dem-")
    assert box.read(other) == raster


def test_a_file_that_waits_for_an_answer_stays(
    box: Box, collection: Collection, tmp_path: Path
) -> None:
    write_raster(tmp_path / "bare.tif", gradient("int16"), crs=None)
    box.put("alps/bare.tif", (tmp_path / "bare.tif").read_bytes())
    look_round(), look_round(), work(), look_round()
    assert (states(), box.names()) == (["needs_input"], ["alps/bare.tif"])
    jobs.answer(Job.objects.get(), {"crs": "EPSG:32633"})
    work(), look_round()
    assert (states(), box.names()) == (["published"], ["alps/done/bare.tif"])


def test_a_file_that_changes_while_it_waits_is_read_again_as_it_is_then(
    box: Box, collection: Collection, raster: bytes
) -> None:
    box.put("alps/dem.tif", raster[:-10])
    look_round(), look_round()
    box.put("alps/dem.tif", raster)
    work()
    job = Job.objects.get()
    assert job.error is not None
    assert (job.state, job.error["code"]) == ("rejected", "import_changed")
    look_round(), look_round(), work(), look_round()
    assert states() == ["published", "rejected"]
    assert (Product.objects.count(), box.names()) == (1, ["alps/done/dem.tif"])


def test_the_same_name_may_come_again(box: Box, collection: Collection, raster: bytes) -> None:
    for _ in range(2):
        box.put("alps/dem.tif", raster)
        look_round(), look_round(), work(), look_round()
    assert sorted(Product.objects.values_list("slug", flat=True)) == ["dem", "dem-2"]


def test_a_file_that_is_taken_away_is_forgotten(
    box: Box, collection: Collection, raster: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.put("alps/dem.tif", raster)
    look_round()
    monkeypatch.setattr("repository.dropbox.folder.FolderBox.items", lambda *_: [])
    monkeypatch.setattr("repository.dropbox.bucket.BucketBox.items", lambda *_: [])
    look_round()
    assert not DroppedItem.objects.exists()


class Crash(BaseException):
    """A SIGKILL, as far as the database and the box can tell."""


def crashing(monkeypatch: pytest.MonkeyPatch, target: str, *, after: bool) -> None:
    """The next call of `target` is the last thing that happens."""
    real: Callable[..., Any] = resolve_name(target)

    def crash(*arguments: Any, **options: Any) -> Any:
        if after:
            real(*arguments, **options)
        raise Crash

    monkeypatch.setattr(target, crash)


MOMENTS = [
    ("folder", "repository.imports.jobs.enqueue"),
    ("folder", "repository.imports.accept"),
    ("folder", "repository.jobs.ring"),
    ("folder", "repository.imports.keep"),
    ("folder", "repository.dropbox.folder.FolderBox.settle"),
    ("folder", "repository.models.DroppedItem.delete"),
    ("bucket", "repository.dropbox.bucket.BucketBox.settle"),
    ("bucket", "repository.dropbox.bucket.BucketBox._move"),
]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(("box", "target"), MOMENTS, indirect=["box"])
def test_a_crash_at_any_moment_gives_one_product_and_one_moved_file(
    box: Box, collection: Collection, raster: bytes, monkeypatch: pytest.MonkeyPatch,
    target: str, after: bool,
) -> None:  # fmt: skip
    box.put("alps/dem.tif", raster)
    with monkeypatch.context() as broken:
        crashing(broken, target, after=after)
        with pytest.raises(Crash):
            look_round(), look_round(), work(), look_round()
    Job.objects.filter(state="inspecting").update(lease_until=Now() - timedelta(seconds=1))
    for _ in range(4):
        look_round()
        for job in Job.objects.exclude(state="published"):
            ingest(str(job.pk))
    assert (states(), Product.objects.count()) == (["published"], 1)
    assert (box.names(), DroppedItem.objects.count()) == (["alps/done/dem.tif"], 0)


def test_two_schedulers_take_an_item_once(box: Box, collection: Collection, raster: bytes) -> None:
    box.put("alps/dem.tif", raster)
    look_round()
    start, taken = threading.Barrier(4), []

    def look() -> None:
        start.wait()
        try:
            taken.append(look_round())
        finally:
            connection.close()

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (sorted(taken), Job.objects.count()) == ([0, 0, 0, 1], 1)


def test_a_private_collection_keeps_what_is_dropped_private(
    box: Box, make_collection: MakeCollection, raster: bytes
) -> None:
    make_collection("hidden", visibility="private")
    box.put("hidden/dem.tif", raster)
    look_round(), look_round(), work()
    assert Product.objects.get().visibility == "private"


def test_an_owner_who_left_publishes_nothing(
    box: Box, collection: Collection, owner: Role, raster: bytes
) -> None:
    assert owner.user is not None
    owner.user.is_active = False
    owner.user.save()
    box.put("alps/dem.tif", raster)
    look_round(), look_round()
    assert not Job.objects.exists()
    assert "owner of the collection" in box.read("alps/rejected/dem.tif.txt").decode()


def test_a_box_that_is_turned_off_is_not_looked_at(
    box: Box, collection: Collection, raster: bytes, settings: Any
) -> None:
    box.put("alps/dem.tif", raster)
    settings.DROPBOX = None
    assert [look_round(), look_round()] == [0, 0]
    assert not DroppedItem.objects.exists()
