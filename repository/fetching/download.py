"""Brings a file to the local disk: hashed as it comes, bounded in size and time, going on where
the line broke."""

from __future__ import annotations

import errno
import hashlib
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

from repository.errors import OutOfSpace, Rejected
from repository.fetching.dialling import Interrupted

REPORT_SECONDS = 1.0
ROOM_STEP_BYTES = 64 * 2**20
"""The disk is looked at again after so many bytes."""


@dataclass(frozen=True)
class Part:
    """An answer of a source that is about to be read."""

    start: int
    """Where its bytes begin in the file: as asked, or 0 where the source begins again."""
    size: int | None
    """Bytes of the whole file; None where the source does not say."""
    validator: str
    """Proves to the source that a later part is of the same file; "" where nothing does."""
    file_name: str
    chunks: Iterator[bytes]
    """Raises Interrupted where the line breaks."""


class Source(Protocol):
    """Where a file comes from."""

    def open(self, start: int, validator: str) -> AbstractContextManager[Part]:
        """The file from `start` on. Raises Rejected, or Interrupted for what may pass; with the
        code `import_changed` where the part cannot be had and only the beginning will do."""


@dataclass(frozen=True)
class Limits:
    """What one download may take."""

    max_bytes: int
    min_free_bytes: int = 0
    """Room that stays on the disk."""
    seconds: float = 6 * 3600
    tries: int = 5
    """Breaks in a row, without getting on between them."""
    wait_seconds: float = 2.0
    """Before the second try; twice as long before each further one."""


@dataclass(frozen=True)
class Downloaded:
    """A whole file on the local disk."""

    path: Path
    file_name: str
    size: int
    sha256: str
    md5: str


def download(
    source: Source, path: Path, limits: Limits, report: Callable[[int, int | None], None]
) -> Downloaded:
    """The file at `path`, which must not exist yet.

    `report` is told bytes and size about once a second, and may raise to end it. Raises
    what the source raises (Interrupted only after several tries), Rejected
    `import_too_large`, `import_took_too_long` or `empty_file`, OutOfSpace.
    """
    with open(path, "xb") as stream:
        receiving = _Receiving(stream, path, limits, report)
        failures = furthest = 0
        while True:
            try:
                with source.open(receiving.received, receiving.validator) as part:
                    receiving.take(part)
                return receiving.whole()
            except Interrupted as error:
                # A source that begins again each time gets on only beyond where it was before.
                failures = 0 if receiving.received > furthest else failures + 1
                furthest = max(furthest, receiving.received)
                if failures >= limits.tries:
                    raise
                if error.code == "import_changed":
                    receiving.begin_again()
                receiving.wait(limits.wait_seconds * 2**failures)


@dataclass
class _Receiving:
    """A file that is on its way."""

    stream: BinaryIO
    path: Path
    limits: Limits
    report: Callable[[int, int | None], None]
    size: int | None = None
    validator: str = ""
    file_name: str = ""
    received: int = 0
    began: float = field(default_factory=time.monotonic)
    _reported: float = -1e9
    _looked: int = -ROOM_STEP_BYTES

    def __post_init__(self) -> None:
        self.begin_again()

    def begin_again(self) -> None:
        """Forget what came."""
        self.stream.seek(0)
        self.stream.truncate()
        self.received, self.validator, self._looked = 0, "", -ROOM_STEP_BYTES
        self._sha256, self._md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)

    def take(self, part: Part) -> None:
        """Read a part to its end. Raises Interrupted where it ends too early."""
        if part.start != self.received:
            self.begin_again()
        self.size, self.validator, self.file_name = part.size, part.validator, part.file_name
        self._require_size(part.size or 0)
        self._require_room()
        for chunk in part.chunks:
            self._add(chunk)
        if self.size is None and self.received == 0:  # perhaps its headers were cut off
            raise Interrupted("Nothing came.")
        if self.size is not None and self.received != self.size:
            raise Interrupted(
                f"Of {self.size:,} bytes {self.received:,} came.",
                code="import_changed" if self.received > self.size else None,
            )

    def whole(self) -> Downloaded:
        """The file, all of it."""
        if self.received == 0:
            raise Rejected(
                f"{self.file_name} is empty.",
                code="empty_file",
                hint="Open the address in a browser: is it the file itself?",
            )
        self.stream.flush()
        self._tell()
        sha256, md5 = self._sha256.hexdigest(), self._md5.hexdigest()
        return Downloaded(self.path, self.file_name, self.received, sha256, md5)

    def wait(self, seconds: float) -> None:
        """Until the next try; whoever wants to end the download is asked meanwhile."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._tell()
            time.sleep(min(left, REPORT_SECONDS))

    def _add(self, chunk: bytes) -> None:
        self._require_size(self.received + len(chunk))
        if self.received - self._looked >= ROOM_STEP_BYTES:
            self._require_room()
        try:
            self.stream.write(chunk)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise _no_room(len(chunk)) from error
            raise
        self._sha256.update(chunk)
        self._md5.update(chunk)
        self.received += len(chunk)
        if time.monotonic() - self._reported > REPORT_SECONDS:
            self._tell()

    def _tell(self) -> None:
        if time.monotonic() - self.began > self.limits.seconds:
            raise Rejected(
                f"The file did not come within {self.limits.seconds / 3600:,.1f} hours.",
                code="import_took_too_long", hint="Upload the file, or use a faster server.",
            )  # fmt: skip
        self._reported = time.monotonic()
        self.report(self.received, self.size)

    def _require_size(self, size: int) -> None:
        if size > self.limits.max_bytes:
            raise Rejected(
                f"The file has more than {self.limits.max_bytes:,} bytes, which is the most "
                "that this server takes.", code="import_too_large", hint="Send it in parts.",
            )  # fmt: skip

    def _require_room(self) -> None:
        self._looked = self.received
        left = (self.size or self.received) - self.received
        free = shutil.disk_usage(self.path.parent).free
        if free - max(left, 0) < self.limits.min_free_bytes:
            raise _no_room(left)


def _no_room(size: int) -> OutOfSpace:
    return OutOfSpace(f"{size:,} more bytes do not fit on the server's disk now.",
                      hint="Try again when the operator has made room.")  # fmt: skip
