"""The child side of `tasks.sandbox`: reads requests line by line, does pixel steps, answers.

Knows neither Django nor the database; whatever it is told to do, it does to the
files of its own folder.
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from repository.errors import BadRequest, NeedsInput, RastrumError, Rejected, StepFailed
from tasks.raster_source import HandedFile, found_from_json

log = logging.getLogger("rastrum.pixels")

PR_SET_PDEATHSIG = 1
MAX_MEMORY_BYTES = 8 * 2**30
"""Address space, not resident memory: threads and mapped files count."""
MAX_OPEN_FILES = 256


def main() -> None:
    """Serve requests until the parent closes our input."""
    answers = _claim_stdout()
    _limit_ourselves()
    for line in sys.stdin:
        request = json.loads(line)

        def say(message: dict[str, Any]) -> None:
            answers.write(json.dumps(message) + "\n")
            answers.flush()

        try:
            say({"result": STEPS[request.pop("step")](request, say)})
        except RastrumError as error:
            say({"error": _error_json(error)})
        except MemoryError:
            say({"error": _error_json(_too_big())})
        except Exception:  # the boundary of the process: the parent is told, the log has the trace
            log.exception("a pixel step failed")
            say({"error": _error_json(StepFailed("A pixel step failed; the log tells why."))})


def inspect(request: dict[str, Any], say: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """tasks.inspection of the files; what is found on the way is told at once."""
    from tasks.inspection import inspect_files

    try:
        inspection = inspect_files(
            [HandedFile(**file) for file in request["files"]],
            folder=Path(request["folder"]),
            answers=request["answers"],
            max_decoded_bytes=request["max_decoded_bytes"],
            say_found=lambda found: say({"found": found.to_json()}),
        )
    except BadRequest as error:
        # An answer that cannot be used is the owner's to mend, like one that is missing.
        question = NeedsInput(error.detail, hint=error.hint, code=error.code)
        question.options = error.options
        raise question from error
    return inspection.to_json()


def convert(request: dict[str, Any], say: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """tasks.conversion with statistics in the same pass, and the default style from them."""
    from tasks.conversion import convert as convert_raster
    from tasks.conversion import info_of_result, with_kind
    from tasks.library_errors import library_errors_named
    from tasks.rendering_defaults import default_style
    from tasks.statistics import RasterStatistics

    found = with_kind(found_from_json(request["found"]))
    statistics = RasterStatistics(found.info)
    with library_errors_named(found.source.path):
        result = convert_raster(
            found,
            Path(request["cog"]),
            on_progress=lambda share: say({"progress": share}),
            on_strip=statistics.add,
        )
    info = statistics.complete(info_of_result(found, result))
    return {"info": info.to_json(), "style": default_style(info).to_json()}


STEPS = {"inspect": inspect, "convert": convert}


def _claim_stdout() -> Any:
    """Keep the real output for answers; what libraries print goes to the log."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    return answers


def _limit_ourselves() -> None:
    """Die with the parent; no core dumps, a bounded address space and few open files."""
    die_with_parent()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_OPEN_FILES, MAX_OPEN_FILES))


def die_with_parent() -> None:
    """Be killed when the process that started us ends, however it ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _error_json(error: RastrumError) -> dict[str, Any]:
    return {
        "class": type(error).__name__,
        "code": error.code,
        "detail": error.detail,
        "hint": error.hint,
        "options": error.options,
    }


def _too_big() -> Rejected:
    return Rejected(
        "The file needs more memory than a job may have.",
        code="out_of_memory",
        hint="Rewrite it in tiles, for example with gdal_translate -co TILED=YES.",
    )


if __name__ == "__main__":
    main()
