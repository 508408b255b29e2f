"""Unpacks zip files by their directory, which is checked as a whole before a byte comes out."""

from __future__ import annotations

import io
import os
import stat
import zipfile
from pathlib import Path

from repository.errors import Rejected
from tasks.archives.members import Unpacked, damage_named, damaged, safe_name, unsafe

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
"""LZMA is not among them: its dictionary may take gigabytes of memory."""

_ENCRYPTED = 0x1
_LOCAL_HEADER_BYTES = 30
_MAX_READ_BYTES = 32 * 2**20


def unpack_zip(path: Path, unpacked: Unpacked) -> None:
    """Add all files of the zip at `path` to `unpacked`.

    Raises Rejected (`unsafe_archive`, `encrypted_archive`, `archive_too_large`,
    `duplicate_names`, `unsupported_archive`, `corrupt_archive`), OutOfSpace.
    """
    with damage_named(), _BoundedFile(path) as file, zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        unpacked.allowance.expect_members(len(entries))
        files = [entry for entry in entries if _is_file(entry)]
        names = [safe_name(entry.filename) for entry in files]
        _refuse_overlaps(entries)
        unpacked.allowance.expect(sum(entry.file_size for entry in files))
        for entry, name in zip(files, names, strict=True):
            with archive.open(entry) as stream:
                unpacked.add(name, stream, size_bytes=entry.file_size)


class _BoundedFile(io.FileIO):
    """A file of which nobody reads much at once: zipfile reads a whole directory, however big."""

    def read(self, size: int | None = -1, /) -> bytes:
        left = max(0, os.fstat(self.fileno()).st_size - self.tell())
        wanted = left if size is None or size < 0 else min(size, left)
        if wanted > _MAX_READ_BYTES:
            raise damaged(f"its directory has {wanted >> 20} MB")
        return super().read(wanted) or b""


def _is_file(entry: zipfile.ZipInfo) -> bool:
    """Whether an entry is a file; False for folders. Raises Rejected for all that is neither."""
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise unsafe(f"something that is no file: {entry.filename[:80]!r} is a link or a device")
    if entry.is_dir() or kind == stat.S_IFDIR:
        return False
    if entry.flag_bits & _ENCRYPTED:
        raise Rejected(
            "The archive is encrypted.",
            code="encrypted_archive",
            hint="Pack it without a password.",
        )
    if entry.compress_type not in _METHODS:
        raise Rejected(
            f"The archive is compressed by method {entry.compress_type}.",
            code="unsupported_archive",
            hint="Pack it with plain zip (deflate), or as tar.gz.",
        )
    return True


def _refuse_overlaps(entries: list[zipfile.ZipInfo]) -> None:
    """Entries that share bytes make a bomb of a small file."""
    end = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        if entry.header_offset < end:
            raise unsafe("files that overlap one another")
        end = entry.header_offset + _LOCAL_HEADER_BYTES + entry.compress_size
