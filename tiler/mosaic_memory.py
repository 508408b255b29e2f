"""What the public was shown of whole collections, kept for a moment: only while nothing changes.

As `policy_memory` keeps what policy said of a product; here the whole answer is kept, because a
mosaic's depends on more rows than one. Every write to those raises the generation
(repository/generation.py), and the next request asks the database again.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from starlette.responses import Response

from repository import generation
from repository.asgi import matches
from tiler.pixels.bounded_cache import BoundedCache

SECONDS = 1.0
"""Nothing is kept for longer, whatever else may fail."""
KEPT_BYTES = 8 * 2**20
OVERHEAD = 1500
"""Bytes of memory of an entry beside its body, about."""

RawHeaders = list[tuple[bytes, bytes]]
Answer = tuple[int, RawHeaders, bytes]
KEPT = (200, 204, 304)
_OF_THE_BODY = (b"content-length", b"content-type", b"x-assets", b"x-assets-cut")


class Moment(NamedTuple):
    """When a question was begun; read before the database is asked."""

    generation: int | None
    until: float


class _Kept(NamedTuple):
    moment: Moment
    etag: str
    answer: Answer | None
    """None where only a 304 was needed."""
    unchanged: RawHeaders


_kept: BoundedCache[str, _Kept] = BoundedCache(
    KEPT_BYTES, lambda kept: OVERHEAD + (len(kept.answer[2]) if kept.answer else 0)
)
"""By path: only addresses without parameters are kept."""


def now() -> Moment:
    """The present, as `keep` wants it."""
    return Moment(generation.current(), time.monotonic() + SECONDS)


def keep(path: str, begun: Moment, response: Response) -> None:
    """Keep an anonymous caller's answer if caches may; one that lacks a product says no-store."""
    etag = response.headers.get("etag")
    if begun.generation is None or etag is None or response.status_code not in KEPT:
        return
    headers = list(response.raw_headers)
    unchanged = [pair for pair in headers if pair[0] not in _OF_THE_BODY]
    is_304 = response.status_code == 304
    answer = None if is_304 else (response.status_code, headers, bytes(response.body))
    _kept.replace(path, _Kept(begun, etag, answer, unchanged))


def recall(path: str, known: str) -> Answer | None:
    """What the public was shown there a moment ago, if nothing can have changed since; 304 where
    the caller knows it (`known`: If-None-Match)."""
    kept = _kept.get(path)
    if kept is None or kept.moment.generation != generation.current():
        return None
    if kept.moment.until < time.monotonic():
        return None
    if known and matches({"if-none-match": known}, kept.etag):
        return 304, kept.unchanged, b""
    return kept.answer
