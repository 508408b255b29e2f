"""Unpacks tar files as a stream, plain or compressed, whatever they claim about themselves."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import IO, Self, cast

from tasks.archives.members import (
    CHUNK_BYTES,
    ByteStream,
    Unpacked,
    damage_named,
    damaged,
    safe_name,
    unsafe,
)
from tasks.archives.streams import plain_bytes

MAX_HEADER_BYTES = 1 << 20
"""Of one member's headers: a name of PAX or GNU tar has no length of its own."""

MAGIC_AT, MAGIC = 257, b"ustar"


def is_tar(start: bytes) -> bool:
    """Whether the first 512 bytes are a header of POSIX or GNU tar."""
    return start[MAGIC_AT : MAGIC_AT + len(MAGIC)] == MAGIC


def unpack_tar(path: Path, compression: str | None, unpacked: Unpacked) -> None:
    """Add all files of the tar at `path` to `unpacked`.

    Raises Rejected (`unsafe_archive`, `archive_too_large`, `duplicate_names`,
    `corrupt_archive`), OutOfSpace.
    """
    with damage_named(), plain_bytes(path, compression) as stream:
        source = _Metered(stream)
        with tarfile.open(fileobj=cast(IO[bytes], source), mode="r|", tarinfo=_Member) as archive:
            while True:
                source.header_bytes_left = MAX_HEADER_BYTES
                member = archive.next()
                if member is None:
                    break
                source.header_bytes_left = None
                _add(archive, member, unpacked)
        while padding := stream.read(CHUNK_BYTES):  # to the checksum at the very end
            unpacked.allowance.take(len(padding))


def _add(archive: tarfile.TarFile, member: tarfile.TarInfo, unpacked: Unpacked) -> None:
    if member.isdir():
        return
    if not member.isreg() or member.issparse():
        raise unsafe(f"something that is no plain file: {member.name[:80]!r}")
    unpacked.allowance.expect(member.size)
    content = archive.extractfile(member)
    assert content is not None  # of a regular file
    unpacked.add(safe_name(member.name), content, size_bytes=member.size)


class _Metered:
    """A stream that gives no more than a header may have while a header is read."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self.header_bytes_left: int | None = MAX_HEADER_BYTES

    def read(self, size: int, /) -> bytes:
        data = self._stream.read(size)
        if self.header_bytes_left is not None:
            self.header_bytes_left -= len(data)
            if self.header_bytes_left < 0:
                raise damaged(f"the header of a file has more than {MAX_HEADER_BYTES} bytes")
        return data

    def close(self) -> None:
        """tarfile closes what it was given; the file is closed by whom opened it."""


class _Member(tarfile.TarInfo):
    """A header; one that cannot be read ends the work, while tarfile takes it for the end."""

    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> Self:
        """See TarInfo. Raises Rejected `corrupt_archive`."""
        try:
            return super().fromtarfile(tarfile)
        except _HeaderError as error:
            if isinstance(error, _EndMark):
                raise
            raise damaged(f"a file's header cannot be read ({error})") from error


_HeaderError = tarfile.HeaderError
_EndMark = tarfile.EOFHeaderError  # type: ignore[attr-defined]  # two blocks of zeros: the end
