"""Lets no worker start whose sandbox does not hold, unless the operator has agreed to it."""

from __future__ import annotations

import compileall
import importlib.util
import logging
import subprocess
import sys
from pathlib import Path

from django.conf import settings

from repository.errors import RastrumError
from tasks.canary import examine

log = logging.getLogger("rastrum.sandbox")

REMEDY = (
    "Uploaded files could then harm this server. Run it on Linux 5.13 or later with Landlock, "
    "user namespaces and seccomp (in a container: allow them in its security profile)"
)


class SandboxDoesNotHold(Exception):
    """The sentence is for the operator."""


def check_sandbox() -> str:
    """Examine a child of the pixel steps; returns what protects uploads, in a sentence.

    Logs where something is missing. Raises SandboxDoesNotHold where what is left is too weak and
    ALLOW_WEAK_SANDBOX does not allow that, and where no consent could make up for it.
    """
    _compile_ahead()
    try:
        verdict = examine(Path(settings.WORK_DIR))
    except RastrumError as error:
        raise SandboxDoesNotHold(
            f"The process that reads uploads does not work: {error.detail}"
        ) from error
    sentence = verdict.sentence()
    if not verdict.reached:
        log.log(logging.WARNING if verdict.lacks_a_layer else logging.INFO, sentence)
        return sentence
    if verdict.is_hopeless:
        raise SandboxDoesNotHold(f"{sentence} Install rasterio again.")
    if not settings.ALLOW_WEAK_SANDBOX:
        raise SandboxDoesNotHold(
            f"{sentence} {REMEDY}, or set ALLOW_WEAK_SANDBOX=yes to go on all the same."
        )
    log.warning("%s ALLOW_WEAK_SANDBOX=yes: it is used all the same.", sentence)
    return f"{sentence} ALLOW_WEAK_SANDBOX=yes: it is used all the same."


def _compile_ahead() -> None:
    """Byte code of all that a pixel process imports: it may not write any, and would compile the
    same modules at every start."""
    for room in ("tasks", "repository"):
        compileall.compile_dir(settings.BASE_DIR / room, quiet=2)
    specs = [importlib.util.find_spec(name) for name in ("numpy", "rasterio", "pyproj", "shapely")]
    origins = [Path(spec.origin) for spec in specs if spec and spec.origin]
    if not all((origin.parent / "__pycache__").is_dir() for origin in origins):
        # Importing compiles what is used alone, a tenth of those packages.
        command = [sys.executable, "-c", "import tasks.inspection, tasks.conversion"]
        subprocess.run(command, cwd=settings.BASE_DIR, check=False)
