"""Puts the caller on each request as `request.principal`, or answers 401."""

from __future__ import annotations

import copy
from collections.abc import Callable

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.cache import patch_vary_headers

from repository.api.errors import as_problem, problem_response, unavailable
from repository.authentication import principal_of
from repository.errors import Forbidden, WrongCredentials
from repository.links import Links, links_for
from repository.principal import Principal

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


def principal_middleware(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Django middleware. A bearer request ignores cookies, so only sessions need CSRF's token."""

    def middleware(request: HttpRequest) -> HttpResponse:
        authorization = request.headers.get("Authorization")
        try:
            principal = principal_of(
                authorization, request.COOKIES.get(settings.SESSION_COOKIE_NAME)
            )
        except WrongCredentials as error:
            return problem_response(error)
        except (OperationalError, InterfaceError):
            return problem_response(unavailable())
        request.principal = principal  # type: ignore[attr-defined]
        if not request.path.startswith("/api/"):
            return _kept_apart(get_response(request), principal)
        unsafe = request.method not in SAFE_METHODS
        if unsafe and principal.by_session and not csrf_token_holds(request):
            return problem_response(
                Forbidden("The page is out of date.", code="csrf_failed", hint="Reload it.")
            )
        return _kept_apart(as_problem(get_response(request)), principal)

    return middleware


def _kept_apart(response: HttpResponse, principal: Principal) -> HttpResponse:
    """What one caller sees is not for the next one: caches are told so."""
    patch_vary_headers(response, ("Authorization", "Cookie"))
    if not principal.is_anonymous:
        response.headers.setdefault("Cache-Control", "private, no-cache")
    return response


def caller(request: HttpRequest) -> Principal:
    """Who sent the request."""
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return principal


def request_links(request: HttpRequest) -> Links:
    """Addresses as this request's client reaches us."""
    return links_for(request.scheme or "http", request.get_host())


def csrf_token_holds(request: HttpRequest) -> bool:
    """The API's views are exempt from Django's own check, so it is asked here, header only:
    looking for a form field would read the whole upload first."""
    if not request.headers.get("X-CSRFToken"):
        return False
    probe = copy.copy(request)
    probe.method = "PUT"  # Django looks for a form field in POST alone
    check = CsrfViewMiddleware(lambda _: HttpResponse())
    check.process_request(probe)
    return check.process_view(probe, _checked, (), {}) is None


def _checked(request: HttpRequest) -> HttpResponse:
    """Stands for the view in Django's CSRF check; never called."""
    return HttpResponse()
