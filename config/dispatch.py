"""Sends each request to the application that owns its address."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from starlette.types import ASGIApp, Receive, Scope, Send


class Dispatcher:
    """First matching pattern wins; the address is handed on whole.

    `start` is called when the process begins to serve; what it returns, when it ends.
    """

    def __init__(
        self, routes: Mapping[str, ASGIApp], default: ASGIApp,
        start: Callable[[], Callable[[], None]] | None = None,
    ) -> None:  # fmt: skip
        self.routes = [(re.compile(pattern), app) for pattern, app in routes.items()]
        self.default, self.start = default, start

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        await self._owner(scope["path"])(scope, receive, send)

    def at_once(
        self, path: str, query: str, headers: list[tuple[bytes, bytes]]
    ) -> tuple[int, list[tuple[bytes, bytes]], bytes] | None:
        """What the address's application can answer without waiting, if it can."""
        answer = getattr(self._owner(path), "at_once", None)
        return answer(path, query, headers) if answer is not None else None

    def _owner(self, path: str) -> ASGIApp:
        return next((app for pattern, app in self.routes if pattern.match(path)), self.default)

    async def _live(self, receive: Receive, send: Send) -> None:
        end: Callable[[], None] | None = None
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup" and self.start is not None:
                end = self.start()
            if message["type"] == "lifespan.shutdown" and end is not None:
                end()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
