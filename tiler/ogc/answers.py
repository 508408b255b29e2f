"""Answers of OGC API over HTTP: documents, files, problems, and how long caches keep them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import Response

from repository.asgi import matches
from repository.errors import RastrumError
from tiler.ogc.pages import page_of

VARY = "Accept, Authorization, Cookie"
PAGE_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
"""Content-Security-Policy of our HTML pages, which are text and links alone."""


def document_answer(
    document: dict[str, Any] | str, request_headers: Headers, *, caching: str,
    media_type: str = "application/json", as_page: bool = False, title: str = "",
    headers: dict[str, str] | None = None,
) -> Response:  # fmt: skip
    """A JSON document (text where it is written already), or a page that shows it.

    304 where the client has it.
    """
    if as_page:
        shown = json.loads(document) if isinstance(document, str) else document
        body, media_type = page_of(title, shown), "text/html; charset=utf-8"
    elif isinstance(document, str):
        body = document.encode()
    else:
        body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    if as_page:
        headers = {**(headers or {}), "content-security-policy": PAGE_POLICY}
    etag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    return tagged_answer(request_headers, etag, caching) or Response(
        body, media_type=None,
        headers={"content-type": media_type, **_kept(etag, caching), **(headers or {})},
    )  # fmt: skip


def file_answer(
    body: bytes | memoryview, media_type: str, file_name: str, *, etag: str, caching: str
) -> Response:
    """A file to keep under a name."""
    disposition = f'attachment; filename="{file_name}"'
    return Response(body, headers={"content-type": media_type, "content-disposition": disposition,
                                   **_kept(etag, caching)})  # fmt: skip


def tagged_answer(request_headers: Headers, etag: str, caching: str) -> Response | None:
    """304 where If-None-Match names the tag (RFC 9110, 13.1.2), else nothing."""
    if matches(request_headers, etag):
        return Response(status_code=304, headers=_kept(etag, caching))
    return None


def problem_answer(error: RastrumError) -> Response:
    """Problem details (RFC 9457)."""
    headers = error.headers() | {"Content-Type": "application/problem+json"}
    return Response(json.dumps(error.problem()), error.status, headers)


def _kept(etag: str, caching: str) -> dict[str, str]:
    headers = {"cache-control": caching, "vary": VARY}
    return headers if "no-store" in caching else {**headers, "etag": etag}
