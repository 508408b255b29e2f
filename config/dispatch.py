"""Sends each request to the application that owns its address."""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send


class Dispatcher:
    """First matching pattern wins; the address is handed on whole."""

    def __init__(self, routes: Mapping[str, ASGIApp], default: ASGIApp) -> None:
        self.routes = [(re.compile(pattern), app) for pattern, app in routes.items()]
        self.default = default

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _acknowledge_lifespan(receive, send)
            return
        path = scope["path"]
        app = next((app for pattern, app in self.routes if pattern.match(path)), self.default)
        await app(scope, receive, send)


async def _acknowledge_lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
