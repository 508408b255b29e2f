"""A drop box that is a folder.

Whoever may write into it may try to lead us elsewhere, so every name is opened below the
folder that is open already, and links are never followed (openat, O_NOFOLLOW).
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

from repository.dropbox.box import (
    Entry,
    Item,
    free_name,
    is_item,
    item_of,
    set_files,
    shown_name,
    split_place,
)
from repository.errors import Rejected
from repository.failpoints import around
from repository.fetching.dialling import Interrupted
from repository.fetching.download import Part

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""Without waiting: opening a pipe would wait for its writer."""
READ_BYTES = 2**20
LONGEST_NAME = 240
"""Bytes; file systems take 255, and a note adds an ending."""


class FolderBox:
    """See box.Box."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def collections(self) -> list[str]:
        """See box.Box. The folder is made where it is missing, so that people find it."""
        self.root.mkdir(parents=True, exist_ok=True)
        with os.scandir(self.root) as entries:
            return sorted(e.name for e in entries if e.is_dir(follow_symlinks=False))

    def items(self, collection: str) -> list[Item]:
        """See box.Box."""
        with self._opened(collection) as folder:
            return [
                item_of(collection, entry, _members(folder, entry))
                for entry in _entries(folder)
                if is_item(entry)
            ]

    def find(self, place: str) -> Item | None:
        """See box.Box."""
        collection, name = split_place(place)
        try:
            with self._opened(collection) as folder:
                entry = _entry(folder, name)
                return item_of(collection, entry, _members(folder, entry))
        except FileNotFoundError:
            return None

    def sources(self, place: str) -> Sequence[FileSource]:
        """See box.Box."""
        collection, name = split_place(place)
        with _told(name), self._opened(collection) as folder:
            entry = _entry(folder, name)
            names = [m.name for m in set_files(_members(folder, entry))]
        if entry.kind == "folder":
            return [FileSource(self.root, (collection, name), member) for member in names]
        return [FileSource(self.root, (collection,), name)]

    def settle(self, item: Item, outcome: str, mark: str, note: str) -> None:
        """See box.Box. Nothing happens to an item that was changed since it was looked at."""
        if self.find(item.place) != item:
            return
        collection, name = split_place(item.place)
        with around("dropbox.settle"), self._opened(collection) as folder:
            with suppress(FileExistsError):
                os.mkdir(outcome, dir_fd=folder)
            with _folder(outcome, folder) as target:
                kept = free_name(name, mark) if _exists(target, name) else name
                if note:
                    _write_note(target, kept, note)
                os.rename(name, kept, src_dir_fd=folder, dst_dir_fd=target)

    @contextmanager
    def _opened(self, collection: str) -> Iterator[int]:
        with _walk(self.root, (collection,)) as folder:
            yield folder


class FileSource:
    """One file of a folder, as `download` reads it."""

    def __init__(self, root: Path, folders: tuple[str, ...], name: str) -> None:
        self.root, self.folders, self.name = root, folders, name

    @contextmanager
    def open(self, start: int, validator: str) -> Iterator[Part]:
        """See download.Source. Always the whole file."""
        with _told(self.name), self._stream() as stream:
            facts = os.fstat(stream.fileno())
            if not stat.S_ISREG(facts.st_mode):
                raise OSError(errno.ELOOP, "no file")
            chunks = iter(lambda: stream.read(READ_BYTES), b"")
            yield Part(0, facts.st_size, "", shown_name(self.name), chunks)

    def _stream(self) -> FileIO:
        with _walk(self.root, self.folders) as folder:
            return FileIO(os.open(self.name, FILE, dir_fd=folder))


@contextmanager
def _told(name: str) -> Iterator[None]:
    """What an error of the file system means to the job that reads the item."""
    shown = shown_name(name)
    try:
        yield
    except FileNotFoundError as error:
        raise Rejected(f"{shown} is not in the drop box any more.", code="import_not_found",
                       hint="Put it there again.") from error  # fmt: skip
    except PermissionError as error:
        raise Rejected(
            f"The server may not read {shown} in the drop box.",
            code="import_forbidden", hint="Change its access rights.",
        ) from error  # fmt: skip
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise Rejected(
                f"{shown} is a link or a device, which is not followed.",
                code="import_changed", hint="Put the file itself there.",
            ) from error  # fmt: skip
        raise Interrupted(f"{shown} cannot be read: {error.strerror}.") from error


@contextmanager
def _walk(root: Path, names: tuple[str, ...]) -> Iterator[int]:
    """The descriptor of a folder below `root`, reached without following a link."""
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in names:
            below = os.open(name, FOLDER, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _folder(name: str, parent: int) -> Iterator[int]:
    descriptor = os.open(name, FOLDER, dir_fd=parent)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _entries(folder: int) -> list[Entry]:
    found = []
    for name in sorted(os.listdir(folder)):
        with suppress(FileNotFoundError):  # its owner was faster
            found.append(_entry(folder, name))
    return found


def _entry(folder: int, name: str) -> Entry:
    facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if stat.S_ISDIR(facts.st_mode):
        return Entry(name, str(facts.st_ino), "folder")
    kind = "file" if stat.S_ISREG(facts.st_mode) else "other"
    return Entry(name, f"{facts.st_size} {facts.st_mtime_ns} {facts.st_ino}", kind)


def _members(folder: int, entry: Entry) -> list[Entry]:
    """The entries of a folder; none of anything else."""
    if entry.kind != "folder":
        return []
    with _folder(entry.name, folder) as below:
        return _entries(below)


def _exists(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _write_note(folder: int, name: str, note: str) -> None:
    short = os.fsdecode(os.fsencode(name)[:LONGEST_NAME])
    # Removed first: whatever lies there, a link or a shared file, is not written to.
    with suppress(FileNotFoundError):
        os.unlink(f"{short}.txt", dir_fd=folder)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(f"{short}.txt", flags, 0o666, dir_fd=folder)
    with open(descriptor, "w", encoding="utf-8") as stream:
        stream.write(note)
