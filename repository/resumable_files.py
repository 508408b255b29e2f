"""Bytes of resumable uploads on this machine's disk: one file each, locked, cut, added to, hashed.

What counts is the offset in the upload's row. A process that is killed leaves a
longer file; every appender first cuts it to that offset, under the lock.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple

from django.conf import settings

from repository.errors import Gone, Locked, OutOfSpace
from repository.failpoints import around
from repository.kept_digests import RUNNING, digest_of
from repository.models import ResumableUpload
from repository.storage import CHUNK_BYTES

LOCK_SECONDS = 3.0
"""How long a request waits for another one on the same upload."""
LOCK_POLL_SECONDS = 0.05
CATCH_UP_BYTES = 64 * 2**20
"""Bytes that another process took are hashed at once up to here, else when the file is whole."""


def folder() -> Path:
    """Where the files lie; on the store's file system, so that a local store can link them."""
    return Path(settings.WORK_DIR) / "resumable"


def file_of(upload_id: uuid.UUID) -> Path:
    """The upload's file. The name is ours: nothing of the user's is in it."""
    return folder() / str(upload_id)


def make(upload_id: uuid.UUID) -> None:
    """An empty file that is still there after a power cut."""
    path = file_of(upload_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with around("resumable.make"):
            path.touch(exist_ok=False)
            descriptor = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
    except OSError as error:
        raise out_of_space_or(error) from error


def remove(upload_id: uuid.UUID) -> None:
    """The file of an upload that is over; nothing happens where that was done already."""
    with around("resumable.unlink"):
        file_of(upload_id).unlink(missing_ok=True)


def require_room(size: int) -> None:
    """Raise OutOfSpace where `size` more bytes would leave too little room on this disk."""
    folder().mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder()).free
    if free - size < settings.MIN_FREE_BYTES:
        raise OutOfSpace(
            f"{size:,} more bytes do not fit now: {free:,} are left.",
            hint="What has arrived is kept. Go on when the operator has made room.",
        )


def out_of_space_or(error: OSError) -> Exception:
    """OutOfSpace where the disk is full, else the error itself."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutOfSpace("The server has no room left.",
                          hint="What has arrived is kept. Go on later.")  # fmt: skip
    return error


def lost() -> Gone:
    """What an upload ends with whose bytes were acknowledged and are not there any more."""
    return Gone("The bytes of this upload were lost.", code="upload_lost",
                hint="Send the file again from its beginning.")  # fmt: skip


@contextmanager
def reading(path: Path) -> Iterator[BinaryIO]:
    """An upload's file, open to be read. Raises Gone `upload_lost` where there is none."""
    try:
        stream = path.open("rb")
    except FileNotFoundError:
        raise lost() from None
    with stream:
        yield stream


class LockedFile:
    """The sole right to an upload, held until it is closed or this process dies.

    A `flock`, so the kernel ends it with the process. An upload that was taken over by its job
    has no file any more and needs no lock: `descriptor` is then None.
    """

    def __init__(self, upload_id: uuid.UUID, *, seconds: float | None = None) -> None:
        self.upload_id = upload_id
        self.descriptor = _locked(file_of(upload_id), LOCK_SECONDS if seconds is None else seconds)

    def close(self) -> None:
        """Let others go on."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None

    def __enter__(self) -> LockedFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.close()


def _locked(path: Path, seconds: float) -> int | None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists() and os.fstat(descriptor).st_ino == path.stat().st_ino:
                return descriptor
        except FileNotFoundError:
            pass  # removed between the two looks at it
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(descriptor)
                raise Locked("Another request works on this upload.",
                             hint="Ask again in some seconds.") from None  # fmt: skip
            time.sleep(LOCK_POLL_SECONDS)
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


class Mark(NamedTuple):
    """Where a file was at one moment: its first `offset` bytes, and their digest."""

    offset: int
    digest: bytes


class Appender:
    """Adds bytes to a locked file from the acknowledged offset on; `sync` makes them durable."""

    def __init__(self, file: LockedFile, upload: ResumableUpload) -> None:
        """Cuts what a dead process left behind the offset. Raises Gone where bytes are missing."""
        offset = upload.received
        if file.descriptor is None or os.fstat(file.descriptor).st_size < offset:
            raise lost()
        self.upload_id = file.upload_id
        self.descriptor = file.descriptor
        self.offset = offset
        with around("resumable.cut"):
            os.ftruncate(self.descriptor, offset)
        # A piece's own digest is of no use: the whole is hashed as it is joined.
        self.digest = None if upload.is_partial else digest_of(upload)
        missing = offset - self.digest.offset if self.digest else 0
        if self.digest and 0 < missing <= CATCH_UP_BYTES and not upload.key:
            self.digest.take(blocks_of(file_of(file.upload_id), self.digest.offset, offset))

    def write(self, block: bytes) -> None:
        """Add a block. Raises OutOfSpace, and then `offset` still names the last whole one."""
        view, position = memoryview(block), self.offset
        try:
            with around("resumable.write"):
                while view:
                    written = os.pwrite(self.descriptor, view, position)
                    view, position = view[written:], position + written
        except OSError as error:
            raise out_of_space_or(error) from error
        self._hash(block)
        self.offset = position

    def copy(self, path: Path, start: int, length: int) -> None:
        """Add bytes of another file; where the file system can, it shares them. Raises Gone where
        that file has fewer, OutOfSpace as `write` does."""
        with reading(path) as stream:
            while length > 0:
                count = min(length, CHUNK_BYTES)
                try:
                    with around("resumable.copy"):
                        count = os.copy_file_range(
                            stream.fileno(), self.descriptor, count, start, self.offset
                        )
                except OSError as error:
                    raise out_of_space_or(error) from error
                block = os.pread(self.descriptor, count, self.offset)
                if not block:
                    raise lost()
                self._hash(block)
                start, length, self.offset = start + count, length - count, self.offset + count

    def _hash(self, block: bytes) -> None:
        if self.digest is not None and self.digest.offset == self.offset:
            self.digest.update(block)

    def mark(self) -> Mark:
        """To be taken while nobody writes."""
        return Mark(self.offset, self.digest.state() if self.digest else b"")

    def sync(self) -> None:
        """Return when all that was written before this call is on the disk."""
        try:
            with around("resumable.sync"):
                os.fdatasync(self.descriptor)
        except OSError as error:
            raise out_of_space_or(error) from error

    def cut(self, offset: int) -> None:
        """Forget the bytes from `offset` on."""
        with around("resumable.cut"):
            os.ftruncate(self.descriptor, offset)
        self.offset = offset

    def keep_digest(self) -> None:
        """The next request to this process need not read the file again."""
        if self.digest is not None:
            RUNNING.keep(self.upload_id, self.digest)


def free_beginning(path: Path, size: int) -> None:
    """Give the disk back what the first `size` bytes take; the file stays as long as it is.

    Where the file system cannot, nothing happens: the room is then free at the end.
    """
    if size <= 0:
        return
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return
    try:
        _libc.fallocate(descriptor, PUNCH_HOLE, ctypes.c_int64(0), ctypes.c_int64(size))
    finally:
        os.close(descriptor)


def blocks_of(path: Path, start: int, end: int) -> Iterator[bytes]:
    """The bytes of a file from `start` to `end`, or to its own end. Raises Gone without a file."""
    with reading(path) as stream:
        stream.seek(start)
        while start < end and (block := stream.read(min(CHUNK_BYTES, end - start))):
            start += len(block)
            yield block


_libc = ctypes.CDLL(None, use_errno=True)
PUNCH_HOLE = 0x02 | 0x01
"""fallocate(2): FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE."""
