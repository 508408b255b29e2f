"""A folder into which anybody may have put anything."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from repository.dropbox.box import DONE, REJECTED, place_of, split_place
from repository.dropbox.folder import FolderBox
from repository.errors import RastrumError, Rejected
from repository.fetching.download import Downloaded, Limits, download
from repository.uploads import MAX_FILES

SECRET = b"root:x:0:0"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_bytes(SECRET)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "dem.tif").write_bytes(SECRET)
    (tmp_path / "box" / "alps").mkdir(parents=True)
    return tmp_path / "box"


@pytest.fixture
def box(root: Path) -> FolderBox:
    return FolderBox(root)


def read(box: FolderBox, place: str, folder: Path) -> list[Downloaded]:
    limits = Limits(10**6, tries=1, wait_seconds=0)
    return [
        download(source, folder / f"got-{number}", limits, lambda received, size: None)
        for number, source in enumerate(box.sources(place))
    ]


NAMES = [
    b"plain.tif", b"two words.tif", b"new\nline.tif", b"\xff\xfe.tif", "Žilina.tif".encode(),
    b"100%25.tif", b"%2e%2e%2fx.tif", b"-rf *.tif", b"$(reboot).tif", b"a;b|c&d.tif",
    b"<img src=x onerror=alert(1)>.tif", b"' or 1=1 --.tif", b"x" * 250 + b".tif", b"\x01\x7f.tif",
    "\u202etif.exe".encode(), b"\\..\\x.tif", b"con", b"s3:", b"dropbox:x",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_hostile_name_is_only_a_name(
    box: FolderBox, root: Path, tmp_path: Path, name: bytes
) -> None:
    (root / "alps" / os.fsdecode(name)).write_bytes(b"content")
    (item,) = box.items("alps")
    assert item.place.isascii()
    assert item.place.isprintable()
    assert len(item.place) <= 900
    assert "/" not in item.file_name
    assert item.file_name.isprintable()
    assert split_place(item.place) == ("alps", os.fsdecode(name))
    assert box.find(item.place) == item
    (got,) = read(box, item.place, tmp_path)
    assert got.path.read_bytes() == b"content"
    box.settle(item, REJECTED, "mark", "why")
    kept = os.listdir(os.fsencode(root / "alps" / REJECTED))
    assert (name in kept, len(kept)) == (True, 2)
    assert not box.items("alps")


@pytest.mark.parametrize("target", ["../../secret", "/etc/passwd", "../../secrets", "nowhere"])
def test_a_link_is_not_followed(box: FolderBox, root: Path, tmp_path: Path, target: str) -> None:
    (root / "alps" / "dem.tif").symlink_to(target)
    (item,) = box.items("alps")
    assert "link" in item.problem
    with pytest.raises(Rejected):
        read(box, item.place, tmp_path)
    box.settle(item, REJECTED, "mark", "It is a link.")
    assert (root / "alps" / REJECTED / "dem.tif").is_symlink()
    assert (tmp_path / "secret").read_bytes() == SECRET


def test_a_link_in_a_set_is_not_followed(box: FolderBox, root: Path, tmp_path: Path) -> None:
    (root / "alps" / "set").mkdir()
    (root / "alps" / "set" / "a.tif").write_bytes(b"content")
    (root / "alps" / "set" / "b.tif").symlink_to(tmp_path / "secret")
    (item,) = box.items("alps")
    assert "link" in item.problem
    assert [got.file_name for got in read(box, item.place, tmp_path)] == ["a.tif"]


def test_a_file_that_becomes_a_link_is_not_followed(
    box: FolderBox, root: Path, tmp_path: Path
) -> None:
    path = root / "alps" / "dem.tif"
    path.write_bytes(b"content")
    (source,) = box.sources(place_of("alps", "dem.tif"))
    path.unlink()
    path.symlink_to(tmp_path / "secret")
    with pytest.raises(Rejected) as refused, source.open(0, ""):
        pass
    assert refused.value.code == "import_changed"


def test_a_set_that_becomes_a_link_is_not_followed(
    box: FolderBox, root: Path, tmp_path: Path
) -> None:
    (root / "alps" / "set").mkdir()
    (root / "alps" / "set" / "dem.tif").write_bytes(b"content")
    (source,) = box.sources(place_of("alps", "set"))
    (root / "alps" / "set").rename(root / "alps" / "other")
    (root / "alps" / "set").symlink_to(tmp_path / "secrets")
    with pytest.raises(Rejected), source.open(0, ""):
        pass


def test_a_collection_that_is_a_link_is_no_collection(
    box: FolderBox, root: Path, tmp_path: Path
) -> None:
    (root / "linked").symlink_to(tmp_path / "secrets")
    assert box.collections() == ["alps"]
    with pytest.raises(OSError, match=r"link|directory"):
        box.items("linked")


def test_nothing_is_moved_through_a_link(box: FolderBox, root: Path, tmp_path: Path) -> None:
    (root / "alps" / "dem.tif").write_bytes(b"content")
    (root / "alps" / REJECTED).symlink_to(tmp_path / "secrets")
    (item,) = box.items("alps")
    with pytest.raises(OSError, match=r"link|directory"):
        box.settle(item, REJECTED, "mark", "why")
    assert (root / "alps" / "dem.tif").is_file()
    assert (tmp_path / "secrets" / "dem.tif").read_bytes() == SECRET


def test_no_note_is_written_through_a_link(box: FolderBox, root: Path, tmp_path: Path) -> None:
    (root / "alps" / "dem.tif").write_bytes(b"content")
    (root / "alps" / REJECTED).mkdir()
    (root / "alps" / REJECTED / "dem.tif.txt").symlink_to(tmp_path / "secret")
    (item,) = box.items("alps")
    box.settle(item, REJECTED, "mark", "why")
    assert (tmp_path / "secret").read_bytes() == SECRET
    assert (root / "alps" / REJECTED / "dem.tif.txt").read_text() == "why"


def test_a_pipe_or_a_socket_is_not_waited_for(box: FolderBox, root: Path, tmp_path: Path) -> None:
    os.mkfifo(root / "alps" / "pipe.tif")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(os.path.relpath(root / "alps" / "socket.tif"))
    codes = {}
    for item in box.items("alps"):
        assert "device" in item.problem
        with pytest.raises(RastrumError) as refused:
            read(box, item.place, tmp_path)
        codes[item.file_name] = refused.value.code
        (tmp_path / "got-0").unlink(missing_ok=True)
    assert codes == {"pipe.tif": "import_changed", "socket.tif": "import_unavailable"}
    listening.close()


def test_a_long_name_that_is_taken_is_cut(box: FolderBox, root: Path) -> None:
    name = "x" * 250 + ".tif"
    (root / "alps" / DONE).mkdir()
    for path in (root / "alps" / DONE / name, root / "alps" / name):
        path.write_bytes(b"content")
    (item,) = box.items("alps")
    box.settle(item, DONE, "mark", "")
    assert sorted(map(len, os.listdir(root / "alps" / DONE))) == [249, 254]


def test_a_file_that_was_touched_is_not_moved(box: FolderBox, root: Path) -> None:
    path = root / "alps" / "dem.tif"
    path.write_bytes(b"content")
    (item,) = box.items("alps")
    path.write_bytes(b"other content")
    box.settle(item, REJECTED, "mark", "why")
    assert path.read_bytes() == b"other content"


def test_a_set_of_too_many_files_is_told(box: FolderBox, root: Path) -> None:
    (root / "alps" / "set").mkdir()
    for number in range(MAX_FILES + 1):
        (root / "alps" / "set" / f"{number}.tif").write_bytes(b"x")
    (item,) = box.items("alps")
    assert "101 files" in item.problem


def test_an_empty_folder_is_not_whole(box: FolderBox, root: Path) -> None:
    (root / "alps" / "set").mkdir()
    (item,) = box.items("alps")
    assert not item.is_whole


def test_a_box_that_is_missing_is_made(tmp_path: Path) -> None:
    assert FolderBox(tmp_path / "a" / "b").collections() == []
    assert (tmp_path / "a" / "b").is_dir()
