"""Answers that are known at once, written straight to the connection.

uvicorn makes a task, an event and a cycle for each request and looks at each header twice; for
a tile that lies ready that costs four times what finding it does. An application with a method
`at_once` is asked first, synchronously; whatever it does not know goes uvicorn's way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

Headers = list[tuple[bytes, bytes]]
AtOnce = Callable[[bytes, Headers], tuple[int, Headers, bytes] | None]
"""From the request's target and headers to status, headers and body; None: it takes longer."""


class ShortAnswers(HttpToolsProtocol):
    """uvicorn's protocol with a short way for plain GET."""

    _answered = False
    """Whether the request that is being read has been answered."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # Around the application is uvicorn's middleware for proxies, which changes no answer here.
        inner = getattr(self.app, "app", None)
        self._at_once: AtOnce | None = getattr(self.app, "at_once", getattr(inner, "at_once", None))

    def on_message_begin(self) -> None:
        self._answered = False
        # uvicorn does so for each piece of data, which may hold the next request as well.
        self._unset_keepalive_if_required()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        if not self._may_be_short() or not self._answer():
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self._answered:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._answered:
            super().on_message_complete()

    def _may_be_short(self) -> bool:
        """Nothing is unusual: one request at a time, on a connection that stays and is read."""
        return (
            self._at_once is not None
            and self.parser.get_method() == b"GET"
            and (self.cycle is None or self.cycle.response_complete)
            and not self.flow.write_paused
            and not self.expect_100_continue
            and self.limit_concurrency is None
            and self.parser.get_http_version() == "1.1"
            and self.parser.should_keep_alive()
            and not self.parser.should_upgrade()
        )

    def _answer(self) -> bool:
        assert self._at_once is not None
        found = self._at_once(self.url, self.headers)
        if found is None:
            return False
        status, headers, body = found
        parts = [STATUS_LINE[status]]
        for name, value in (*self.server_state.default_headers, *headers):
            parts += (name, b": ", value, b"\r\n")
        parts += (b"\r\n", body)
        self.transport.write(b"".join(parts))
        self._answered = True
        self.server_state.total_requests += 1
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )
        return True
