"""/livez and /readyz: is the process alive, and can it serve?"""

from __future__ import annotations

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.db.utils import OperationalError
from django.http import HttpRequest, JsonResponse
from redis.exceptions import RedisError
from starlette.types import ASGIApp, Receive, Scope, Send

from repository.storage import object_store


def livez(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers."""
    return _answer({"status": "ok"}, 200)


class LiveAtOnce:
    """ASGI: `/livez` on the event loop, whatever all threads are busy with.

    Who brings credentials is answered by `otherwise`, where they are checked like everywhere.
    """

    def __init__(self, otherwise: ASGIApp) -> None:
        self.otherwise = otherwise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if any(name in (b"authorization", b"cookie") for name, _ in scope["headers"]):
            await self.otherwise(scope, receive, send)
            return
        body = b'{"status": "ok"}'
        headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store"),
                   (b"content-length", b"%d" % len(body))]  # fmt: skip
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def readyz(request: HttpRequest) -> JsonResponse:
    """200 where database, cache and store answer; else 503 naming what does not."""
    checks = {"database": _database(), "cache": _cache(), "store": _store()}
    ready = all(value == "ok" for value in checks.values())
    return _answer(
        {"status": "ok" if ready else "unavailable", "checks": checks}, 200 if ready else 503
    )


def _answer(body: dict[str, object], status: int) -> JsonResponse:
    response = JsonResponse(body, status=status)
    response["Cache-Control"] = "no-store"
    return response


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("select postgis_lib_version()")
        return "ok"
    except OperationalError:
        return "does not answer"


def _cache() -> str:
    try:
        cache.get("readyz")
        return "ok"
    except (RedisError, OSError):
        return "does not answer"


def _store() -> str:
    try:
        free = object_store().free_bytes()
        if free is None:
            object_store().exists("readyz")
        return "ok" if free is None or free > settings.MIN_FREE_BYTES else "nearly full"
    except Exception:  # whatever the store's client library raises: a health check only tells
        return "does not answer"
