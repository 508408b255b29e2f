"""Errors as problem details (RFC 9457): the one place where an error becomes an API answer."""

from __future__ import annotations

import json
import logging
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from repository.errors import BadRequest, NotFound, RastrumError

log = logging.getLogger("rastrum.api")


def problem_response(error: RastrumError) -> HttpResponse:
    """The answer for an error; 401 asks for credentials, 503 and 507 say when to come back."""
    response = HttpResponse(
        json.dumps(error.problem()), status=error.status, content_type="application/problem+json"
    )
    if error.status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="Rastrum", Basic realm="Rastrum"'
    if error.status in (503, 507):
        response["Retry-After"] = "10"
    response["Cache-Control"] = "no-store"
    return response


def translate_errors(api: NinjaAPI) -> None:
    """Teach the API to answer every error as a problem document."""

    @api.exception_handler(RastrumError)
    def ours(request: HttpRequest, error: RastrumError) -> HttpResponse:
        return problem_response(error)

    @api.exception_handler(ValidationError)
    def invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
        return problem_response(_invalid(error.errors))

    @api.exception_handler(Http404)
    def absent(request: HttpRequest, error: Http404) -> HttpResponse:
        return problem_response(NotFound("There is nothing at this address."))

    @api.exception_handler(HttpError)
    def refused(request: HttpRequest, error: HttpError) -> HttpResponse:
        return problem_response(BadRequest(str(error), code="unreadable_body"))

    @api.exception_handler(Exception)
    def unforeseen(request: HttpRequest, error: Exception) -> HttpResponse:
        log.exception("%s %s", request.method, request.path)
        return problem_response(RastrumError("The server failed. It has been written down.",
                                             code="internal_error"))  # fmt: skip


def _invalid(errors: list[dict[str, Any]]) -> BadRequest:
    first = errors[0] if errors else {"loc": (), "msg": "invalid"}
    place = ".".join(str(part) for part in first["loc"] if part not in ("body", "payload", "query"))
    return BadRequest(f"{place or 'The request'}: {first['msg']}", code="invalid_field",
                      hint="The fields are described at /api/openapi.json.")  # fmt: skip
