"""Errors as problem details (RFC 9457): the one place where an error becomes an API answer."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from repository.errors import (
    BadRequest,
    MethodNotAllowed,
    NotFound,
    RastrumError,
    TooLarge,
    Unavailable,
)

log = logging.getLogger("rastrum.api")


def problem_response(error: RastrumError) -> HttpResponse:
    """The answer for an error."""
    return HttpResponse(
        json.dumps(error.problem()), status=error.status, content_type="application/problem+json",
        headers=error.headers(),
    )  # fmt: skip


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

    for kind in TRANSLATED:
        api.add_exception_handler(kind, _translated)

    @api.exception_handler(Exception)
    def unforeseen(request: HttpRequest, error: Exception) -> HttpResponse:
        log.exception("%s %s", request.method, request.path)
        return problem_response(RastrumError("The server failed. It has been written down.",
                                             code="internal_error"))  # fmt: skip


def as_problem(response: HttpResponse) -> HttpResponse:
    """Django's own 404 and 405 of an API address as problem documents; others as they are."""
    is_json = "json" in response.headers.get("Content-Type", "")
    if is_json or response.status_code not in (404, 405):
        return response
    if response.status_code == 404:
        return problem_response(NotFound("There is nothing at this address."))
    allowed = response.headers.get("Allow", "")
    answer = problem_response(MethodNotAllowed(f"This address takes {allowed}."))
    answer["Allow"] = allowed
    return answer


def unavailable() -> RastrumError:
    """What a caller is told while the database restarts."""
    return Unavailable("The database does not answer.", hint="Try again in some seconds.")


TRANSLATED: dict[type[Exception], Callable[[Exception], RastrumError]] = {
    MultiPartParserError: lambda error: _unreadable(f"The form cannot be read: {error}."),
    UnreadablePostError: lambda error: _unreadable("The request ended too early."),
    SuspiciousOperation: lambda error: _unreadable(str(error)),
    RequestDataTooBig: lambda error: TooLarge("The text of the request is too long."),
    DataError: lambda error: BadRequest(
        "A value is too long, too large or not made of text.", code="invalid_field"
    ),
    OperationalError: lambda error: unavailable(),
    InterfaceError: lambda error: unavailable(),
}
"""Errors of Django and of the database, and what each means to the caller."""


def as_our_error(error: Exception) -> RastrumError | None:
    """What an error of Django or of the database means to the caller; None for any other."""
    kind = next((kind for kind in type(error).__mro__ if kind in TRANSLATED), None)
    return TRANSLATED[kind](error) if kind else None


def _translated(request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
    assert isinstance(error, Exception)
    ours = as_our_error(error)
    assert ours is not None, "registered for the kinds of TRANSLATED alone"
    return problem_response(ours)


def _unreadable(detail: str) -> BadRequest:
    return BadRequest(detail, code="unreadable_body", hint="Send the request again.")


def _invalid(errors: list[dict[str, Any]]) -> BadRequest:
    first = errors[0] if errors else {"loc": (), "msg": "invalid"}
    place = ".".join(str(part) for part in first["loc"] if part not in ("body", "payload", "query"))
    return BadRequest(f"{place or 'The request'}: {first['msg']}", code="invalid_field",
                      hint="The fields are described at /api/openapi.json.")  # fmt: skip
