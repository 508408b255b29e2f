"""How much of the disk one job may take, looked at while its pixel process works."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from repository.errors import OutOfSpace, Rejected

LOOK_EVERY_SECONDS = 1.0
MARGIN_BYTES = 256 * 2**20
DISK_BLOCK_BYTES = 512
"""Unit of st_blocks (stat(2)), whatever the file system's own blocks are."""


class DiskWatch:
    """Looks at a folder now and then; `check` raises when it has grown beyond what is allowed."""

    def __init__(self, folder: Path, keep_free_bytes: int) -> None:
        self.folder, self.keep_free_bytes = folder, keep_free_bytes
        self._most_bytes: float = float("inf")
        self._next_look = 0.0

    def room(self) -> int:
        """Bytes that may still be written, at least one."""
        return max(1, shutil.disk_usage(self.folder).free - self.keep_free_bytes)

    def allow(self, more_bytes: int) -> None:
        """From what lies in the folder now, it may grow by so much and a margin."""
        self._most_bytes = used_bytes(self.folder) + more_bytes + MARGIN_BYTES

    def check(self) -> None:
        """Raises Rejected `too_much_output` or OutOfSpace; costs nothing between two looks."""
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + LOOK_EVERY_SECONDS
        if used_bytes(self.folder) > self._most_bytes:
            raise Rejected(
                "Preparing the file takes far more room than its pixels should need.",
                code="too_much_output",
                hint="Write it anew, for example with gdal_translate, and upload the copy.",
            )
        if shutil.disk_usage(self.folder).free < self.keep_free_bytes:
            raise OutOfSpace("The server has no room left to prepare the file.")


def used_bytes(folder: Path) -> int:
    """What the files below a folder take of the disk: holes take nothing."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_blocks * DISK_BLOCK_BYTES
            except FileNotFoundError:
                continue  # removed meanwhile
    return total
