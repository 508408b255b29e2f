"""Headers that keep a page's scripts, styles and frames its own."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse

POLICY = (
    "default-src 'self'; img-src 'self' data:{images}; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'self'"
)


def security_headers(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Django middleware. No inline script or style is allowed anywhere, not even in the admin."""
    policy = content_security_policy(settings.BASEMAP_URL)

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "same-origin")
        return response

    return middleware


def content_security_policy(basemap_url: str) -> str:
    """The policy; an online base map's host is the one stranger that may send pictures."""
    parts = urlsplit(basemap_url)
    images = f" {parts.scheme}://{parts.netloc}" if parts.netloc and parts.scheme else ""
    return POLICY.format(images=images)
