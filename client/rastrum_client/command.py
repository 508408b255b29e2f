"""`rastrum push FILES... --server URL --collection C`."""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

from rastrum_client.following import follow
from rastrum_client.progress import Meter, Screen
from rastrum_client.sending import FileChanged, Sent, send
from rastrum_client.server import Refused, Server, Unreachable

PUBLISHED, NOT_PUBLISHED, INTERRUPTED, NEEDS_ANSWER = 0, 1, 3, 4
GRAVEST_FIRST = (INTERRUPTED, NOT_PUBLISHED, NEEDS_ANSWER, PUBLISHED)


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code, as README.md lists them."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if not given.server or not given.token:
        parser.error("--server and --token (or RASTRUM_SERVER and RASTRUM_TOKEN) are needed")
    if given.id and len(given.files) > 1 and not given.as_one:
        parser.error("--id names one map, so give one file, or --as-one")
    if given.parallel < 1:
        parser.error("--parallel is at least 1")
    server, screen = Server(given.server, given.token), Screen()
    pool = ThreadPoolExecutor(given.parallel)
    files = [Path(file) for file in given.files]
    try:
        if given.as_one:
            return push_as_one(server, files, given, screen, pool)
        codes = list(pool.map(lambda file: push(server, file, given, screen), files))
    except KeyboardInterrupt:
        print("\nStopped. Run the same line again to go on.", file=sys.stderr)
        # Threads in the middle of a part would be waited for.
        os._exit(INTERRUPTED)
    return next(code for code in GRAVEST_FIRST if code in codes)


def push(server: Server, path: Path, given: argparse.Namespace, screen: Screen) -> int:
    """Send one file and follow its job; the exit code that it alone would give."""
    try:
        sent = _send(server, path, _request(given), screen)
        if isinstance(sent, int):
            return sent
        sent.forget()
        return _follow(server, sent.job, path.name, given, screen)
    except (Refused, Unreachable) as error:
        return _stopped(error, path.name, screen)


def push_as_one(
    server: Server, files: list[Path], given: argparse.Namespace, screen: Screen,
    pool: ThreadPoolExecutor,
) -> int:  # fmt: skip
    """Send all files, then make one map of them, or none; the exit code."""
    request = {"set": ""}
    results = list(pool.map(lambda file: _send(server, file, request, screen), files))
    codes = [result for result in results if isinstance(result, int)]
    if codes:
        return next(code for code in GRAVEST_FIRST if code in codes)
    sent = [result for result in results if isinstance(result, Sent)]
    name = f"{files[0].name} and {len(files) - 1} more" if len(files) > 1 else files[0].name
    fields = {key: text for key, text in _request(given).items() if key != "collection"}
    try:
        answer = server.patiently(
            "POST", f"/api/collections/{quote(given.collection, safe='')}/products",
            lambda words: screen.show(name, words),
            json={"uploads": [file.address for file in sent]} | fields,
        )  # fmt: skip
        for file in sent:
            file.forget()
        return _follow(server, answer.headers["Location"], name, given, screen)
    except (Refused, Unreachable) as error:
        return _stopped(error, name, screen)


def _send(server: Server, path: Path, request: dict[str, str], screen: Screen) -> Sent | int:
    """The sent file, or the exit code that it alone would give."""
    try:
        return send(
            server, path, request,
            progress=Meter(screen, path.name, max(path.stat().st_size, 1)),
            say=lambda words: screen.show(path.name, words),
        )  # fmt: skip
    except (Refused, Unreachable, FileChanged, OSError) as error:
        return _stopped(error, path.name, screen)


def _stopped(error: Exception, name: str, screen: Screen) -> int:
    if isinstance(error, Unreachable):
        screen.say(name, f"{error}. Run the same line again to go on.")
        return INTERRUPTED
    screen.say(name, f"not sent: {error}")
    return NOT_PUBLISHED


def _follow(server: Server, job: str, name: str, given: argparse.Namespace, screen: Screen) -> int:
    if given.no_wait:
        print(server.address(job), flush=True)
        return PUBLISHED
    return _report(follow(server, job, lambda words: screen.show(name, words)), name, screen)


def _report(job: dict[str, object], name: str, screen: Screen) -> int:
    links, error = job["links"], job.get("error") or {}
    assert isinstance(links, dict)
    assert isinstance(error, dict)
    if job["state"] == "published":
        screen.say(name, "published")
        print(links["map"], flush=True)
        return PUBLISHED
    reason = " ".join(filter(None, (error.get("message"), error.get("hint"))))
    screen.say(name, f"{str(job['state']).replace('_', ' ')}: {reason} {links['page']}")
    return NEEDS_ANSWER if job["state"] == "needs_input" else NOT_PUBLISHED


def _request(given: argparse.Namespace) -> dict[str, str]:
    fields = {
        "collection": given.collection, "id": given.id, "title": given.title,
        "datetime": given.datetime, "visibility": "private" if given.private else "",
    }  # fmt: skip
    return {name: text for name, text in fields.items() if text}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="rastrum", description="Client of a Rastrum server.")
    commands = parser.add_subparsers(dest="command", required=True)
    push = commands.add_parser("push", help="send rasters and wait until they are maps")
    push.add_argument("files", nargs="+", metavar="FILE")
    push.add_argument("--server", default=os.environ.get("RASTRUM_SERVER", ""), metavar="URL")
    push.add_argument("--collection", required=True, metavar="C")
    push.add_argument("--token", default=os.environ.get("RASTRUM_TOKEN", ""),
                      help="default: RASTRUM_TOKEN")  # fmt: skip
    push.add_argument("--as-one", action="store_true", help="the files make one map together")
    push.add_argument("--id", default="", help="of the map; for one file, or --as-one")
    push.add_argument("--title", default="")
    push.add_argument("--datetime", default="", metavar="T")
    push.add_argument("--private", action="store_true", help="only you can see it")
    push.add_argument("--parallel", type=int, default=2, metavar="N", help="files at once")
    push.add_argument("--no-wait", action="store_true", help="do not wait for the map")
    return parser
