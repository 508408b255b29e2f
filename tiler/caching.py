"""What caches may keep: strong ETags of public answers, nothing of private ones."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache

from fastapi import Response

from repository.asgi import cache_control, matches
from tiler.pixels.asset_ref import AssetRef
from tiler.pixels.renderer import RENDERER

FOR_EVER = "public, max-age=31536000, s-maxage=60, immutable"
"""Of what an address with the right stamp shows. A browser has seen it anyway; caches that many
share ask again each minute, so that a map made private leaves them as soon as any other."""

Pairs = tuple[tuple[str, str], ...]


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


def tile_headers(ref: AssetRef, stamp: str = "") -> Pairs:
    """Caching headers of the product's tiles, which depend on its pixels and its style alone.

    `stamp` is what the address says that it shows (`stamped`): if it is right, what is at that
    address cannot change. A wrong one is an old address, which shows what there is now.
    """
    return _tile_headers(ref.uuid, ref.version, ref.style.digest, ref.is_public, stamp)


def stamped(address: str, ref: AssetRef) -> str:
    """The tile's address with the stamp of what it shows now, the ETag without its quotes; that
    of a private product, which nobody may keep, as it is."""
    if not ref.is_public:
        return address
    stamp = etag_of(ref.uuid, ref.version, ref.style.digest)[1:-1]
    return f"{address}{'&' if '?' in address else '?'}v={stamp}"


@lru_cache(maxsize=4096)
def _tile_headers(uuid: str, version: int, style: str, is_public: bool, stamp: str) -> Pairs:
    if not is_public:
        return (("Cache-Control", cache_control(is_public=False)),)
    etag = etag_of(uuid, version, style)
    right = stamp and stamp == etag[1:-1]
    control = FOR_EVER if right else cache_control(is_public=True)
    return ("Cache-Control", control), ("ETag", etag)


def not_modified(request_headers: Mapping[str, str], headers: dict[str, str]) -> Response | None:
    """The 304 where the caller has this very answer already (RFC 9110, 13.1.2), else None."""
    etag = headers.get("ETag")
    if etag is None or not matches(request_headers, etag):
        return None
    return Response(status_code=304, headers=headers)
