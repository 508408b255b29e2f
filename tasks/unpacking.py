"""Takes archives apart that were handed in: zip, tar, compressed tar, and one compressed file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from repository.errors import Rejected
from tasks.archives.allowance import Allowance, ArchiveLimits
from tasks.archives.members import Unpacked, damage_named, safe_name
from tasks.archives.streams import compression_of, plain_bytes
from tasks.archives.tars import is_tar, unpack_tar
from tasks.archives.zips import unpack_zip
from tasks.raster_source import HandedFile
from tasks.tags import plain_name

_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_OTHERS = {
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"Rar!\x1a\x07": "a RAR archive",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive",
    b"\x04\x22\x4d\x18": "an LZ4 archive",
    b"\x1f\x9d": "a compress (.Z) archive",
    b"MSCF": "a cabinet archive",
}
_PACKED_ENDINGS = {"gzip": ".gz", "bzip2": ".bz2", "xz": ".xz"}


def archive_kind(path: Path) -> str | None:
    """What kind of archive the first bytes name: `zip`, `tar`, `gzip`, `bzip2`, `xz`; None: none.

    Raises Rejected `unsupported_archive` for kinds that are not taken.
    """
    with path.open("rb") as file:
        start = file.read(512)
    for magic, name in _OTHERS.items():
        if start.startswith(magic):
            raise Rejected(
                f"This looks like {name}; zip and tar archives are taken.",
                code="unsupported_archive",
                hint="Pack it as zip or tar.gz, or upload the rasters themselves.",
            )
    if start.startswith(_ZIP):
        return "zip"
    return "tar" if is_tar(start) else compression_of(start)


def unpack(
    archives: Sequence[HandedFile], folder: Path, limits: ArchiveLimits | None = None
) -> list[list[HandedFile]]:
    """The files of each archive, under server-made names in `folder`, which is made.

    A name is the member's own in the archive, `scene/dem.tif`, never used on our disk. Archives
    in an archive stay packed. All bytes are counted over all archives of the upload.

    Raises Rejected (`unsafe_archive`, `encrypted_archive`, `archive_too_large`, `archive_empty`,
    `duplicate_names`, `unsupported_archive`, `corrupt_archive`); OutOfSpace where our disk is
    too small.
    """
    folder.mkdir(parents=True)
    packed = sum(Path(archive.path).stat().st_size for archive in archives)
    allowance = Allowance(folder, packed, limits or ArchiveLimits())
    result = []
    for number, archive in enumerate(archives):
        own = folder / f"archive-{number:03d}"
        own.mkdir()
        unpacked = Unpacked(own, allowance)
        _unpack_one(archive, unpacked)
        if not unpacked.files:
            raise Rejected(
                f"The archive {plain_name(archive.name)} holds no file.",
                code="archive_empty",
                hint="Pack the rasters into it and upload it again.",
            )
        result.append(unpacked.files)
    return result


def _unpack_one(archive: HandedFile, unpacked: Unpacked) -> None:
    path = Path(archive.path)
    kind = archive_kind(path)
    if kind == "zip":
        unpack_zip(path, unpacked)
    elif kind == "tar":
        unpack_tar(path, None, unpacked)
    elif kind is not None:
        _unpack_compressed(archive, kind, unpacked)


def _unpack_compressed(archive: HandedFile, compression: str, unpacked: Unpacked) -> None:
    path = Path(archive.path)
    with damage_named(), plain_bytes(path, compression) as stream:
        start = stream.read(512)
    if is_tar(start):
        unpack_tar(path, compression, unpacked)
        return
    with damage_named(), plain_bytes(path, compression) as stream:
        unpacked.add(_unpacked_name(archive.name, compression), stream, size_bytes=None)


def _unpacked_name(name: str, compression: str) -> str:
    """`dem.tif` of `dem.tif.gz`."""
    short = PurePosixPath(safe_name(PurePosixPath(name).name or "file")).name
    ending = _PACKED_ENDINGS[compression]
    return short[: -len(ending)] or short if short.lower().endswith(ending) else short
