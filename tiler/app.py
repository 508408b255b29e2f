"""The tile server: tiles, what belongs to them, and WMTS. A table of contents."""

from __future__ import annotations

from django.conf import settings
from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tiler import mosaic_previews, mosaics, product_resources, wmts, xyz
from tiler.direct_mosaics import DirectMosaics
from tiler.direct_tiles import DirectTiles
from tiler.errors import translate_errors
from tiler.pixels import blocks


class HeadAsGet:
    """Answers HEAD with the headers of GET (RFC 9110, 9.3.2)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self.app({**scope, "method": "GET"}, receive, send_without_body)


def create_app() -> FastAPI:
    """The application, with its addresses as docs/api.md lists them."""
    app = FastAPI(
        title="Rastrum tiles", openapi_url="/tiles/openapi.json", docs_url=None, redoc_url=None
    )
    # First: a tile matrix set in the place of a product is a whole collection.
    app.include_router(mosaics.router)
    app.include_router(mosaic_previews.router)
    app.include_router(product_resources.router)
    app.include_router(xyz.router)
    app.include_router(wmts.router)
    app.add_middleware(HeadAsGet)
    translate_errors(app)
    return app


blocks.CACHE.limit_bytes = settings.BLOCK_CACHE_MB * 2**20
app = DirectTiles(DirectMosaics(create_app()))
