"""What our Starlette applications share: errors as problem documents, and conditional GET."""

from __future__ import annotations

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
        answer = await problem(request, MethodNotAllowed("This address is to be read."))
        answer.headers.update(error.headers or {})
        return answer
    return await problem(request, NotFound("There is nothing at this address."))


ERROR_HANDLERS = {
    RastrumError: problem,
    HTTPException: refusal,
}


def matches(request: Request, etag: str) -> bool:
    """Whether If-None-Match holds the entity tag (RFC 9110, 13.1.2)."""
    given = request.headers.get("if-none-match", "")
    tags = [tag.strip().removeprefix("W/") for tag in given.split(",")]
    return "*" in tags or etag in tags
