"""Bytes of resumable uploads on this machine's disk: one file each, locked, cut, added to, hashed.

What counts is the offset in the upload's row. A process that is killed leaves a
longer file; every appender first cuts it to that offset, under the lock.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import time
import uuid
from collections import OrderedDict
from pathlib import Path
from threading import Lock
from types import TracebackType

from django.conf import settings

from repository.errors import Gone, Locked, OutOfSpace
from repository.storage import CHUNK_BYTES

LOCK_SECONDS = 3.0
"""How long a request waits for another one on the same upload."""
LOCK_POLL_SECONDS = 0.05
CATCH_UP_BYTES = 64 * 2**20
"""Bytes that another process took are hashed at once up to here, else when the file is whole."""
DIGESTS_KEPT = 256


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
        path.touch(exist_ok=False)
        descriptor = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise out_of_space_or(error) from error


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


class Appender:
    """Adds bytes to a locked file from the acknowledged offset on; `sync` makes them durable."""

    def __init__(self, file: LockedFile, offset: int) -> None:
        """Cuts what a dead process left behind the offset. Raises Gone where bytes are missing."""
        if file.descriptor is None or os.fstat(file.descriptor).st_size < offset:
            raise Gone("The bytes of this upload were lost.", code="upload_lost",
                       hint="Send the file again from its beginning.")  # fmt: skip
        self.upload_id = file.upload_id
        self.descriptor = file.descriptor
        self.offset = offset
        os.ftruncate(self.descriptor, offset)
        self.digest = RUNNING.take(file.upload_id, offset)
        if 0 < offset - self.digest.offset <= CATCH_UP_BYTES:
            self.digest.catch_up(file_of(file.upload_id), offset)

    def write(self, block: bytes) -> None:
        """Add a block. Raises OutOfSpace, and then `offset` still names the last whole one."""
        view, position = memoryview(block), self.offset
        try:
            while view:
                written = os.pwrite(self.descriptor, view, position)
                view, position = view[written:], position + written
        except OSError as error:
            raise out_of_space_or(error) from error
        if self.digest.offset == self.offset:
            self.digest.update(block)
        self.offset = position

    def sync(self) -> None:
        """Return when all that was written before this call is on the disk."""
        try:
            os.fdatasync(self.descriptor)
        except OSError as error:
            raise out_of_space_or(error) from error

    def cut(self, offset: int) -> None:
        """Forget the bytes from `offset` on."""
        os.ftruncate(self.descriptor, offset)
        self.offset = offset

    def keep_digest(self) -> None:
        """The next request to this process need not read the file again."""
        RUNNING.keep(self.upload_id, self.digest)


class RunningDigest:
    """SHA-256 and MD5 of a file's first `offset` bytes."""

    def __init__(self) -> None:
        self.offset = 0
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False)

    def update(self, block: bytes) -> None:
        """Take the next bytes."""
        self._sha256.update(block)
        self._md5.update(block)
        self.offset += len(block)

    def catch_up(self, path: Path, offset: int) -> None:
        """Read on from the file up to `offset`."""
        with open(path, "rb") as stream:
            stream.seek(self.offset)
            while block := stream.read(min(CHUNK_BYTES, offset - self.offset)):
                self.update(block)

    def hexdigests(self) -> tuple[str, str]:
        """SHA-256 and MD5, in hex."""
        return self._sha256.hexdigest(), self._md5.hexdigest()


class RunningDigests:
    """This process's unfinished digests. Losing one costs time, never correctness: acknowledged
    bytes do not change, so a digest of fewer bytes than were acknowledged is always right."""

    def __init__(self) -> None:
        self._kept: OrderedDict[uuid.UUID, RunningDigest] = OrderedDict()
        self._lock = Lock()

    def take(self, upload_id: uuid.UUID, offset: int) -> RunningDigest:
        """The digest of at most the first `offset` bytes; a fresh one where none is right."""
        with self._lock:
            digest = self._kept.pop(upload_id, None)
        return digest if digest is not None and digest.offset <= offset else RunningDigest()

    def keep(self, upload_id: uuid.UUID, digest: RunningDigest) -> None:
        """Until the next request; the one that was left longest goes first."""
        with self._lock:
            self._kept[upload_id] = digest
            while len(self._kept) > DIGESTS_KEPT:
                self._kept.popitem(last=False)

    def forget(self, upload_id: uuid.UUID) -> None:
        """The upload is over."""
        with self._lock:
            self._kept.pop(upload_id, None)

    def whole(self, upload_id: uuid.UUID, length: int) -> tuple[str, str]:
        """SHA-256 and MD5 of the whole file; what this process has not seen is read."""
        digest = self.take(upload_id, length)
        digest.catch_up(file_of(upload_id), length)
        hexdigests = digest.hexdigests()
        self.keep(upload_id, digest)
        return hexdigests


RUNNING = RunningDigests()
