"""OGC API under /ogc: routes, threads and errors."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from anyio import to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from repository.errors import NotFound, RastrumError
from tiler.drawing import LARGE
from tiler.ogc import endpoints
from tiler.ogc.answers import problem_answer
from tiler.ogc.asking import Asked, asked_of
from tiler.render_gate import Busy, ClientLeft, RenderGate

log = logging.getLogger("rastrum.ogc")

ALIAS = "/ogc/OGCFeatureServer"
"""All of /ogc once more: the ArcGIS API for Python takes no address with another end."""


class MethodNotAllowed(RastrumError):
    """OGC API is read only here."""

    code, status, title = "method_not_allowed", 405, "Only GET and HEAD are answered here"


def _route(path: str, answer: Callable[[Asked], Response], gate: RenderGate | None = None) -> Route:
    async def endpoint(request: Request) -> Response:
        work = partial(_answered, answer, asked_of(request))
        if gate is None:
            return await to_thread.run_sync(work)
        try:
            # A key of its own: who may see it is asked within.
            return await gate.draw(object(), work, request.receive)
        except Busy as error:
            return problem_answer(error)
        except ClientLeft:
            return Response(status_code=204)  # it is not sent to anybody

    return Route(path, endpoint, methods=["GET"], name=answer.__name__)


def _answered(answer: Callable[[Asked], Response], asked: Asked) -> Response:
    """The one place where an error becomes an answer."""
    try:
        return answer(asked)
    except RastrumError as error:
        return problem_answer(error)
    except Exception:
        log.exception("GET %s", asked.path)
        return problem_answer(
            RastrumError("The server failed. It has been written down.", code="internal_error")
        )


async def _refused(request: Request, error: Exception) -> Response:
    """No route, or another method than GET."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 405:
        answer = problem_answer(MethodNotAllowed())
        answer.headers["allow"] = "GET, HEAD"
        return answer
    return problem_answer(NotFound("There is nothing at this address.",
                                   hint="The API is described at /ogc/api."))  # fmt: skip


_below = "/ogc/collections/{name}"

_routes = Starlette(
    routes=[
        _route("/ogc", endpoints.landing),
        _route("/ogc/conformance", endpoints.conformance),
        _route("/ogc/api", endpoints.api_description),
        _route("/ogc/collections", endpoints.collections),
        _route(_below, endpoints.collection),
        _route(f"{_below}/schema", endpoints.schema),
        _route(f"{_below}/queryables", endpoints.queryables),
        _route(f"{_below}/items", endpoints.items),
        _route(f"{_below}/items/{{item}}", endpoints.item),
        _route(f"{_below}/coverage", endpoints.coverage, LARGE),
    ],
    exception_handlers={404: _refused, 405: _refused},
)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application. Addresses hold with and without a slash at their end."""
    if scope["type"] == "http":
        path = scope["path"].rstrip("/") or "/"
        if path == ALIAS or path.startswith(f"{ALIAS}/"):
            path = "/ogc" + path.removeprefix(ALIAS)
        scope = {**scope, "path": path}
    await _routes(scope, receive, send)
