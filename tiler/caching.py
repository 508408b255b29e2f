"""What caches may keep: strong ETags of public answers, nothing of private ones."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from fastapi import Response

from repository.asgi import cache_control, matches
from tiler.pixels.asset_ref import AssetRef
from tiler.pixels.renderer import RENDERER


def etag_of(*parts: object) -> str:
    """A strong ETag of everything that an answer depends on."""
    text = "|".join(str(part) for part in (RENDERER, *parts))
    return f'"{hashlib.blake2b(text.encode(), digest_size=12).hexdigest()}"'


def product_headers(ref: AssetRef, *parts: object) -> dict[str, str]:
    """Caching headers of an answer that depends on the product and `parts`.

    One body at one address: the ETag needs no word about what the address says.
    """
    if not ref.is_public:
        return {"Cache-Control": cache_control(is_public=False)}
    etag = etag_of(ref.uuid, ref.version, ref.revision, ref.style.digest, *parts)
    return {"Cache-Control": cache_control(is_public=True), "ETag": etag}


def not_modified(request_headers: Mapping[str, str], headers: dict[str, str]) -> Response | None:
    """The 304 where the caller has this very answer already (RFC 9110, 13.1.2), else None."""
    etag = headers.get("ETag")
    if etag is None or not matches(request_headers, etag):
        return None
    return Response(status_code=304, headers=headers)
