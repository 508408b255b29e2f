"""The child side of `tasks.sandbox`: reads requests line by line, does pixel steps, answers.

Knows neither Django nor the database; whatever it is told to do, it does to the
files of its own folder.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import sys
from base64 import b64encode
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from repository.errors import BadRequest, NeedsInput, OutOfSpace, RastrumError, Rejected, StepFailed
from tasks.child_log import log_briefly
from tasks.isolation import isolate
from tasks.isolation.drivers import keep_drivers
from tasks.isolation.limits import Limits
from tasks.isolation.probe import probe
from tasks.raster_source import HandedFile, found_from_json

log = logging.getLogger("rastrum.pixels")


def main(limits: Limits, layers: Sequence[str]) -> None:
    """Shut ourselves into the current folder, then serve requests until our input is closed."""
    answers = _claim_stdout()
    in_force = isolate(Path.cwd(), limits, layers)
    STEPS["probe"] = lambda request, say: probe(request) | {"layers": in_force}
    for line in sys.stdin:
        request = json.loads(line)

        def say(message: dict[str, Any]) -> None:
            answers.write(json.dumps(message) + "\n")
            answers.flush()

        try:
            keep_drivers()  # again: GDAL brings VRT back when it warps
            say({"result": STEPS[request.pop("step")](request, say)})
        except RastrumError as error:
            say({"error": _error_json(error)})
        except MemoryError:
            say({"error": _error_json(_too_big())})
        except OSError as error:
            log.exception("a pixel step failed")
            say({"error": _error_json(_of_the_system(error))})
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
    """tasks.conversion with statistics in the same pass, the default style from them, and where
    the blocks of the COG lie."""
    from tasks.block_places import block_index_of
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
    written = found.source.path if found.take_as_it_is else request["cog"]
    return {
        "info": info.to_json(),
        "style": default_style(info).to_json(),
        "block_index": b64encode(block_index_of(written)).decode(),
    }


def prerender(request: dict[str, Any], say: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """tasks.pyramids: the tiles of one product as an archive."""
    from tasks.pyramids import draw_pyramid, order_from_json

    drawn = draw_pyramid(
        order_from_json(request["order"]), Path(request["raster"]), Path(request["archive"]),
        lambda share: say({"progress": share}),
    )  # fmt: skip
    return vars(drawn)


STEPS = {"inspect": inspect, "convert": convert, "prerender": prerender}


def _claim_stdout() -> Any:
    """Keep the real output for answers; what libraries print goes to the log."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    log_briefly()
    return answers


def _error_json(error: RastrumError) -> dict[str, Any]:
    return {
        "class": type(error).__name__,
        "code": error.code,
        "detail": error.detail,
        "hint": error.hint,
        "options": error.options,
    }


def _of_the_system(error: OSError) -> RastrumError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return OutOfSpace("The server has no room left to prepare the file.")
    return StepFailed("A pixel step failed; the log tells why.")


def _too_big() -> Rejected:
    return Rejected(
        "The file needs more memory than a job may have.",
        code="out_of_memory",
        hint="Rewrite it in tiles, for example with gdal_translate -co TILED=YES.",
    )
