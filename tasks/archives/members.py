"""Members of an archive on their way to the disk: names judged, bytes counted, damage named."""

from __future__ import annotations

import gzip
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from repository.errors import Rejected
from tasks.archives.allowance import Allowance, disk_error
from tasks.raster_source import HandedFile
from tasks.tags import plain_text

CHUNK_BYTES = 1 << 20
MAX_NAME_CHARACTERS = 1000

_DRIVE = re.compile(r"^[A-Za-z]:")
_DAMAGE = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, EOFError,
    NotImplementedError, RuntimeError, ValueError, OverflowError,
)  # fmt: skip
"""What the standard library raises where an archive is not what it says."""


class ByteStream(Protocol):
    """What members are read from."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""


class Unpacked:
    """The members that came out so far, under server-made names in `folder`."""

    def __init__(self, folder: Path, allowance: Allowance) -> None:
        self.files: list[HandedFile] = []
        self.allowance = allowance
        self._folder = folder
        self._names: set[str] = set()

    def add(self, name: str, stream: ByteStream, *, size_bytes: int | None) -> None:
        """Write one member. `name` has passed `safe_name`; `size_bytes` is what was promised.

        Raises Rejected (`duplicate_names`, `corrupt_archive`, `archive_too_large`), OutOfSpace.
        """
        self.claim(name)
        self.allowance.add_member()
        path = self._folder / f"member-{len(self.files):05d}"
        written = self._write(path, stream)
        if size_bytes is not None and written != size_bytes:
            raise damaged(f"{name} has {written} bytes where {size_bytes} were promised")
        self.files.append(HandedFile(str(path), name))

    def claim(self, name: str) -> None:
        """Refuse a second member of the same name: which of the two is meant?"""
        if name in self._names:
            raise Rejected(
                f"The archive holds two files of the name {name}.",
                code="duplicate_names",
                hint="Pack it anew with every file once.",
            )
        self._names.add(name)

    def _write(self, path: Path, stream: ByteStream) -> int:
        written = 0
        with path.open("xb") as file:
            while chunk := stream.read(CHUNK_BYTES):
                self.allowance.take(len(chunk))
                written += len(chunk)
                try:
                    file.write(chunk)
                except OSError as error:
                    raise disk_error(error, written) from error
        return written


def safe_name(raw: str) -> str:
    """A member's name as it is shown, with `/` between folders and in plain characters.

    It is never used on our disk.

    Raises Rejected `unsafe_archive` for names that lead out of the archive.
    """
    name = raw.replace("\\", "/")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or _DRIVE.match(name) or ".." in parts or not parts:
        raise unsafe(f"a file whose name leads out of it ({raw[:80]!r})")
    if len(name) > MAX_NAME_CHARACTERS:
        raise unsafe(f"a file whose name has {len(name)} characters")
    return plain_text("/".join(parts), MAX_NAME_CHARACTERS) or "file"


def unsafe(what: str) -> Rejected:
    """The error for an archive that holds what no honest one does."""
    return Rejected(
        f"The archive holds {what}.",
        code="unsafe_archive",
        hint="Pack plain files alone: no links, and names below the archive's own folder.",
    )


def damaged(sentence: str) -> Rejected:
    """The error for an archive that cannot be unpacked."""
    return Rejected(
        f"The archive is damaged: {sentence}.",
        code="corrupt_archive",
        hint="Test it with `unzip -t` or `tar -t`, pack it anew and upload that.",
    )


@contextmanager
def damage_named() -> Iterator[None]:
    """Turn what the standard library raises over a broken archive into a Rejected."""
    try:
        yield
    except _DAMAGE as error:
        raise damaged(str(error)[:200] or type(error).__name__) from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise damaged(str(error)[:200]) from error  # bz2: "Invalid data stream"
