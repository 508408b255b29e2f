"""What the archives of one upload may unpack to: members, bytes and room on the disk."""

from __future__ import annotations

import errno
import shutil
from dataclasses import dataclass
from pathlib import Path

from repository.errors import OutOfSpace, Rejected
from tasks.formats.errors import amount

CHECK_DISK_EVERY_BYTES = 64 * 2**20
SHARE_OF_FREE_DISK = 0.5
"""More than this of what was free at the start is never filled: other jobs need room too."""


@dataclass(frozen=True)
class ArchiveLimits:
    """What an archive may promise and hold."""

    unpacked_bytes: int = 500 * 10**9
    suspicious_bytes: int = 4 * 2**30
    suspicious_ratio: int = 1000
    """Above `suspicious_bytes` no more than this times the upload may come out."""
    members: int = 10_000


class Allowance:
    """A running count over all archives of an upload, which are `packed_bytes` together."""

    def __init__(self, folder: Path, packed_bytes: int, limits: ArchiveLimits) -> None:
        self.limits, self.packed_bytes = limits, packed_bytes
        self.members = self.unpacked_bytes = 0
        self._folder = folder
        self._room = int(shutil.disk_usage(folder).free * SHARE_OF_FREE_DISK)
        self._check_disk_at = CHECK_DISK_EVERY_BYTES

    def add_member(self) -> None:
        """Count a member. Raises Rejected `archive_too_large` above the limit."""
        self.expect_members(1)
        self.members += 1

    def expect_members(self, count: int) -> None:
        """Refuse at once as many as a directory lists. Raises as `add_member` does."""
        if self.members + count > self.limits.members:
            raise _too_large(f"The archive holds more than {self.limits.members} files.")

    def expect(self, size_bytes: int) -> None:
        """Refuse at once what a directory says would come out. Raises as `take` does."""
        self._check(self.unpacked_bytes + size_bytes)

    def take(self, size_bytes: int) -> None:
        """Count bytes that came out.

        Raises Rejected `archive_too_large` above the limits; OutOfSpace where the disk has
        too little room for them, which is not the file's fault.
        """
        self.unpacked_bytes += size_bytes
        self._check(self.unpacked_bytes)
        if self.unpacked_bytes >= self._check_disk_at:
            self._check_disk_at = self.unpacked_bytes + CHECK_DISK_EVERY_BYTES
            if shutil.disk_usage(self._folder).free < CHECK_DISK_EVERY_BYTES:
                raise no_room(self.unpacked_bytes)

    def _check(self, total: int) -> None:
        limits = self.limits
        if total > limits.unpacked_bytes:
            raise _too_large(
                f"The archive unpacks to more than {amount(limits.unpacked_bytes)}, the most taken."
            )
        ratio = total / max(self.packed_bytes, 1)
        if total > limits.suspicious_bytes and ratio > limits.suspicious_ratio:
            raise _too_large(
                f"The archive of {amount(self.packed_bytes)} unpacks to more than "
                f"{limits.suspicious_ratio} times its size: it is all but empty."
            )
        if total > self._room:
            raise no_room(total)


def no_room(size_bytes: int) -> OutOfSpace:
    """The error for an archive that our disk cannot hold unpacked."""
    return OutOfSpace(
        f"The worker's disk has no room for the {amount(size_bytes)} that the archive holds.",
        hint="Nothing is lost. The job goes on when the operator has made room.",
    )


def disk_error(error: OSError, written: int) -> Exception:
    """What a failed write means: a full disk is ours, a file over the size limit is not."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return no_room(written)
    if error.errno == errno.EFBIG:
        return _too_large("The archive holds a file that is larger than a job may write.")
    return error


def _too_large(sentence: str) -> Rejected:
    return Rejected(
        sentence,
        code="archive_too_large",
        hint="Upload the rasters themselves, or in several smaller archives.",
    )
