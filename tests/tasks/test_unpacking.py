from __future__ import annotations

import bz2
import gzip
import io
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from repository.errors import OutOfSpace, Rejected
from tasks.archives import allowance, zips
from tasks.archives.allowance import ArchiveLimits
from tasks.raster_source import HandedFile
from tasks.unpacking import archive_kind, unpack


def zipped(*members: tuple[str, bytes], mode: int = 0, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members:
            entry = zipfile.ZipInfo(name)
            entry.compress_type, entry.external_attr = method, mode << 16
            archive.writestr(entry, content)
    return file.getvalue()


def tarred(*members: tuple[str, bytes], kind: bytes = tarfile.REGTYPE) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname, entry.size = kind, "elsewhere", len(content)
            archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def members_of(
    folder: Path, content: bytes, name: str = "a", limits: ArchiveLimits | None = None
) -> dict[str, bytes]:
    """Names and contents of what comes out of an archive."""
    path = folder / "source"
    path.write_bytes(content)
    (files,) = unpack([HandedFile(str(path), name)], folder / "out", limits)
    return {file.name: Path(file.path).read_bytes() for file in files}


def refusal(folder: Path, content: bytes, limits: ArchiveLimits | None = None) -> str:
    with pytest.raises(Rejected) as caught:
        members_of(folder, content, limits=limits)
    assert caught.value.hint
    return caught.value.code


TWO = (("scene/b.tif", b"B" * 3000), ("readme.txt", b"hello"))


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("zip", zipped(*TWO)),
        ("zip", zipped(*TWO, method=zipfile.ZIP_STORED)),
        ("zip", zipped(*TWO, method=zipfile.ZIP_BZIP2)),
        ("tar", tarred(*TWO)),
        ("gzip", gzip.compress(tarred(*TWO))),
        ("bzip2", bz2.compress(tarred(*TWO))),
        ("xz", lzma.compress(tarred(*TWO))),
        ("xz", lzma.compress(tarred(*TWO)[:700]) + lzma.compress(tarred(*TWO)[700:])),
    ],
)
def test_members_come_out_whole(tmp_path: Path, kind: str, content: bytes) -> None:
    assert members_of(tmp_path, content) == dict(TWO)
    assert archive_kind(tmp_path / "source") == kind


@pytest.mark.parametrize(
    ("ending", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".XZ", lzma.compress)]
)
def test_one_compressed_file_keeps_its_name(
    tmp_path: Path, ending: str, pack: Callable[[bytes], bytes]
) -> None:
    assert members_of(tmp_path, pack(b"II*\0"), "my/dem.tif" + ending) == {"dem.tif": b"II*\0"}


def test_names_never_reach_our_disk(tmp_path: Path) -> None:
    members_of(tmp_path, zipped(("$(touch x).tif", b"1"), ("a\\b\\c.tif", b"2")))
    written = [path.name for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert sorted(written) == ["member-00000", "member-00001"]


def test_names_are_made_plain(tmp_path: Path) -> None:
    assert list(members_of(tmp_path, zipped(("a\u202eb\x1b.tif", b"2")))) == ["ab.tif"]


def test_windows_folders_are_folders(tmp_path: Path) -> None:
    assert list(members_of(tmp_path, zipped(("a\\b\\c.tif", b"2")))) == ["a/b/c.tif"]


@pytest.mark.parametrize(
    "name", ["../x.tif", "/x.tif", "a/../../x.tif", "..\\x.tif", "C:\\x.tif", "C:x.tif", "\\x.tif",
             "a/" * 600 + "x.tif"],
)  # fmt: skip
@pytest.mark.parametrize("pack", [zipped, tarred])
def test_a_name_that_leads_out_is_refused(
    tmp_path: Path, name: str, pack: Callable[..., bytes]
) -> None:
    assert refusal(tmp_path, pack((name, b"x"))) == "unsafe_archive"


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFSOCK])
def test_links_and_devices_in_a_zip_are_refused(tmp_path: Path, kind: int) -> None:
    assert refusal(tmp_path, zipped(("a.tif", b"x"), mode=kind | 0o777)) == "unsafe_archive"


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]
)
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes) -> None:
    assert refusal(tmp_path, tarred(("a.tif", b""), kind=kind)) == "unsafe_archive"


def test_a_sparse_member_of_a_tar_is_refused(tmp_path: Path) -> None:
    content = tarred(("a.tif", b""), kind=tarfile.GNUTYPE_SPARSE)
    assert refusal(tmp_path, content) == "unsafe_archive"


@pytest.mark.parametrize("pack", [zipped, tarred])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_refused(tmp_path: Path, pack: Callable[..., bytes]) -> None:
    assert refusal(tmp_path, pack(("a.tif", b"1"), ("./a.tif", b"2"))) == "duplicate_names"


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    content = bytearray(zipped(("a.tif", b"x")))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    assert refusal(tmp_path, bytes(content)) == "encrypted_archive"


def test_a_zip_of_an_unknown_method_is_refused(tmp_path: Path) -> None:
    content = zipped(("a.tif", b"x"), method=zipfile.ZIP_LZMA)
    assert refusal(tmp_path, content) == "unsupported_archive"


def test_members_that_overlap_are_refused(tmp_path: Path) -> None:
    one = zipped(("a.tif", bytes(10_000)))
    directory = one.index(b"PK\x01\x02")
    end = one.index(b"PK\x05\x06")
    twice = one[:directory] + one[directory:end] * 2 + one[end:]
    twice = bytearray(twice.replace(b"PK\x01\x02", b"PK\x01\x02"))
    at = len(twice) - 22
    size = 2 * (end - directory)
    twice[at + 8 : at + 16] = b"\2\0\2\0" + size.to_bytes(4, "little")
    assert refusal(tmp_path, bytes(twice)) == "unsafe_archive"


@pytest.mark.parametrize("pack", [zipped, lambda *members: gzip.compress(tarred(*members))])
def test_more_bytes_than_allowed_are_refused(tmp_path: Path, pack: Callable[..., bytes]) -> None:
    content = pack(("a.tif", bytes(3_000_000)))
    limits = ArchiveLimits(unpacked_bytes=2_999_999)
    assert refusal(tmp_path, content, limits) == "archive_too_large"


def test_a_bomb_is_stopped_by_its_ratio(tmp_path: Path) -> None:
    content = gzip.compress(bytes(20_000_000))
    limits = ArchiveLimits(suspicious_bytes=1_000_000, suspicious_ratio=100)
    assert refusal(tmp_path, content, limits) == "archive_too_large"
    written = sum(path.stat().st_size for path in (tmp_path / "out").rglob("member-*"))
    assert written < 4_000_000


def test_more_members_than_allowed_are_refused(tmp_path: Path) -> None:
    members = [(f"{i}.txt", b"") for i in range(6)]
    for pack in (zipped, tarred):
        folder = tmp_path / pack.__name__
        folder.mkdir()
        assert refusal(folder, pack(*members), ArchiveLimits(members=5)) == "archive_too_large"


@pytest.mark.parametrize("size", [1000, 60_000])
def test_a_size_that_lies_is_refused(tmp_path: Path, size: int) -> None:
    content = bytearray(zipped(("a.tif", bytes(50_000))))
    for signature, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        start = content.index(signature) + at
        content[start : start + 4] = size.to_bytes(4, "little")
    assert refusal(tmp_path, bytes(content)) == "corrupt_archive"


def test_a_directory_is_not_read_whatever_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zips, "_MAX_READ_BYTES", 1000)
    content = zipped(*((f"{i}.tif", b"x") for i in range(30)))
    assert refusal(tmp_path, content) == "corrupt_archive"


def test_wrong_contents_are_refused(tmp_path: Path) -> None:
    content = zipped(("a.tif", b"hello"), method=zipfile.ZIP_STORED).replace(b"hello", b"hallo")
    assert refusal(tmp_path, content) == "corrupt_archive"


@pytest.mark.parametrize(
    "content",
    [
        zipped(*TWO)[:-30],
        tarred(*TWO)[:3000],
        tarred(*TWO)[: 512 + 3072],
        gzip.compress(tarred(*TWO))[:-20],
        lzma.compress(tarred(*TWO))[:-40],
        bz2.compress(tarred(*TWO))[:-20],
        gzip.compress(b"II*\0" * 1000)[:-6],
        gzip.compress(b"II*\0")[:10] + zlib.compress(b"x")[::-1],
    ],
)
def test_a_cut_or_broken_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    assert refusal(tmp_path, content) == "corrupt_archive"


def test_a_header_without_end_is_refused(tmp_path: Path) -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        entry = tarfile.TarInfo("a.tif")
        entry.pax_headers = {"comment": "x" * 3_000_000}
        archive.addfile(entry, io.BytesIO())
    assert refusal(tmp_path, gzip.compress(file.getvalue())) == "corrupt_archive"


def test_an_archive_without_files_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, zipped()) == "archive_empty"


@pytest.mark.parametrize("start", [b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07\0", b"\x28\xb5\x2f\xfd"])
def test_other_archives_are_named(tmp_path: Path, start: bytes) -> None:
    assert refusal(tmp_path, start + bytes(600)) == "unsupported_archive"


def test_a_full_disk_is_our_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowance, "SHARE_OF_FREE_DISK", 1e-12)
    with pytest.raises(OutOfSpace):
        members_of(tmp_path, zipped(("a.tif", bytes(50_000))))


def test_an_archive_in_an_archive_stays_packed(tmp_path: Path) -> None:
    inner = zipped(("a.tif", b"x"))
    assert members_of(tmp_path, zipped(("in.zip", inner))) == {"in.zip": inner}
