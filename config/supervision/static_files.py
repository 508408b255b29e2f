"""Collects the static files for the web server, when they have changed."""

from __future__ import annotations

import fcntl
import hashlib
from pathlib import Path

from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command


def collect_static_files(target: Path) -> bool:
    """Fill the folder; returns False when nothing had changed since the last time.

    Django's own collectstatic hashes and compresses every file again on each call.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    stamp = target.with_suffix(".stamp")
    with target.with_suffix(".lock").open("w") as lock:
        # Servers with different data folders share the collected files.
        fcntl.flock(lock, fcntl.LOCK_EX)
        signature = _signature()
        if stamp.exists() and stamp.read_text() == signature:
            return False
        call_command("collectstatic", interactive=False, verbosity=0, skip_checks=True)
        stamp.write_text(signature)
    return True


def _signature() -> str:
    digest = hashlib.sha256()
    for finder in get_finders():
        for name, storage in sorted(finder.list([]), key=lambda found: found[0]):
            facts = Path(storage.path(name)).stat()
            digest.update(f"{name}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()
