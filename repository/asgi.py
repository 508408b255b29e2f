"""What our Starlette applications share: errors as problem documents, the caller, conditional GET."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from repository.errors import RastrumError


async def problem(request: Request, error: Exception) -> Response:
    """Starlette exception handler for the product's errors (RFC 9457)."""
    assert isinstance(error, RastrumError)
    headers = {"Cache-Control": "no-store"}
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="Rastrum", Basic realm="Rastrum"'
    if error.status == 503:
        headers["Retry-After"] = "10"
    return JSONResponse(
        error.problem(), error.status, headers=headers, media_type="application/problem+json"
    )


def matches(request: Request, etag: str) -> bool:
    """Whether If-None-Match holds the entity tag (RFC 9110, 13.1.2)."""
    given = request.headers.get("if-none-match", "")
    tags = [tag.strip().removeprefix("W/") for tag in given.split(",")]
    return "*" in tags or etag in tags
