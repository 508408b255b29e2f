"""Errors of the portal's views as pages: what happened, and what to do next."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from repository.api.errors import as_our_error
from repository.errors import RastrumError, SignInRequired

TEMPLATES = {404: "404.html", 410: "portal/gone.html"}


class ErrorPages:
    """Django middleware: an error of ours that leaves a view becomes a page with its status."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Called by Django for what a view raised; the API answers its own errors."""
        ours = error if isinstance(error, RastrumError) else as_our_error(error)
        return error_page(request, ours) if ours else None


def error_page(request: HttpRequest, error: RastrumError) -> HttpResponse:
    """The page for an error; whoever has only to sign in is sent there and comes back."""
    if isinstance(error, SignInRequired):
        return sign_in(request)
    template = TEMPLATES.get(error.status, "portal/refused.html")
    response = render(request, template, {"error": error}, status=error.status)
    for name, value in error.headers().items():
        response[name] = value
    return response


def sign_in(request: HttpRequest) -> HttpResponse:
    """To the sign-in page, and back to this address afterwards."""
    back = request.get_full_path() if request.method == "GET" else request.path
    return HttpResponseRedirect(f"{settings.LOGIN_URL}?{urlencode({'next': back})}")
