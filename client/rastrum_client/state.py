"""What is known of unfinished uploads between two runs: one small file each."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path


def folder() -> Path:
    """`$XDG_STATE_HOME/rastrum` (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "rastrum"


class UploadState:
    """The server's address of one file's upload. Another size, time or request: another upload."""

    def __init__(self, server: str, path: Path, request: dict[str, str]) -> None:
        about = path.stat()
        known = [server, str(path.resolve()), about.st_size, about.st_mtime_ns, request]
        digest = hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()
        self._file = folder() / f"{digest[:32]}.json"

    def address(self) -> str:
        """Empty where none is known."""
        try:
            return str(json.loads(self._file.read_text())["address"])
        except (OSError, ValueError, KeyError):
            return ""

    def remember(self, address: str) -> None:
        """Keep it; written aside and renamed, so that a kill leaves the old one or the new."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        draft = self._file.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps({"address": address}))
        os.replace(draft, self._file)

    def forget(self) -> None:
        """The upload is over."""
        self._file.unlink(missing_ok=True)
