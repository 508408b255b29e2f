"""Errors as answers: problem documents (RFC 9457), for the tile server's addresses."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from repository.errors import BadRequest, MethodNotAllowed, NotFound, RastrumError
from tiler.render_gate import ClientLeft

log = logging.getLogger("rastrum.tiles")


def problem_response(error: RastrumError) -> JSONResponse:
    """The answer for an error."""
    return JSONResponse(error.problem(), error.status, error.headers(), "application/problem+json")


def translate_errors(app: FastAPI) -> None:
    """Teach the application to answer every error as a problem document."""

    @app.exception_handler(RastrumError)
    def ours(request: Request, error: RastrumError) -> JSONResponse:
        return problem_response(error)

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"][1:])
        return problem_response(BadRequest(f"{place}: {first['msg']}", code="invalid_parameter"))

    @app.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException) -> JSONResponse:
        if error.status_code == 404:
            return problem_response(NotFound("There is nothing at this address."))
        answer = problem_response(MethodNotAllowed("This address is to be read."))
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(ClientLeft)
    def nobody(request: Request, error: ClientLeft) -> Response:
        return Response(status_code=204)  # it is not sent to anybody

    @app.exception_handler(Exception)
    def unforeseen(request: Request, error: Exception) -> JSONResponse:
        log.error("%s %s", request.method, request.url.path, exc_info=error)
        failure = RastrumError("The server failed. It has been noted.", code="internal_error")
        return problem_response(failure)
