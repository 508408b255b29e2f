"""What our Starlette applications share: problem documents, conditional GET and caching."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from repository.errors import MethodNotAllowed, NotFound, RastrumError


async def problem(request: Request, error: Exception) -> Response:
    """Starlette exception handler for the product's errors (RFC 9457)."""
    assert isinstance(error, RastrumError)
    return JSONResponse(
        error.problem(), error.status, error.headers(), media_type="application/problem+json"
    )


async def refusal(request: Request, error: Exception) -> Response:
    """Starlette exception handler for its own 404 and 405."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "GET")
        answer = await problem(request, MethodNotAllowed(f"This address takes {allowed}."))
        answer.headers.update(error.headers or {})
        return answer
    return await problem(request, NotFound("There is nothing at this address."))


ERROR_HANDLERS = {
    RastrumError: problem,
    HTTPException: refusal,
}


def matches(headers: Mapping[str, str], etag: str) -> bool:
    """Whether If-None-Match holds the entity tag (RFC 9110, 13.1.2)."""
    given = headers.get("if-none-match", "")
    tags = [tag.strip().removeprefix("W/") for tag in given.split(",")]
    return "*" in tags or etag in tags


def cache_control(*, is_public: bool, seconds: int = 60) -> str:
    """What caches may keep, and how long; what one caller alone may see is kept nowhere."""
    return f"public, max-age={seconds}, must-revalidate" if is_public else "private, no-store"
