"""How much is drawn at the same time: a few renders, a short queue, and a word to the others.

All of it happens on the event loop; only the drawing itself is done by threads. Renders beyond a
few at once take turns for the interpreter, and each holds memory.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from starlette.types import Receive

from repository.errors import RastrumError

Result = TypeVar("Result")


class Busy(RastrumError):
    """More is asked for than this process may draw or let wait."""

    code, status, title, retryable = "busy", 503, "Too much is being drawn at this moment", True

    def headers(self) -> dict[str, str]:
        """As of any error; the queue is short, so it is worth to come back soon."""
        return super().headers() | {"Retry-After": "2"}


class ClientLeft(Exception):
    """Nobody is there to be answered."""


class _Render:
    """One piece of work and those who wait for it."""

    def __init__(self, key: Hashable, work: Callable[[], Any]) -> None:
        self.key, self.work = key, work
        self.loop = asyncio.get_running_loop()
        self.result: asyncio.Future[Any] = self.loop.create_future()
        self.callers = 0
        self.limit: asyncio.TimerHandle | None = None
        """Ends its waiting; None when it is being drawn."""


class RenderGate:
    """At most `at_once` renders, `queued` more that wait `seconds` at most; the same one once."""

    def __init__(self, at_once: int, queued: int, seconds: float) -> None:
        self.at_once, self.queued, self.seconds = at_once, queued, seconds
        self._running = 0
        self._queue: deque[_Render] = deque()
        self._renders: dict[Hashable, _Render] = {}
        self._work: SimpleQueue[_Render] = SimpleQueue()
        self._threads: list[Thread] = []

    async def draw(
        self, key: Hashable, work: Callable[[], Result], receive: Receive | None = None
    ) -> Result:
        """What `work` returns, called in a thread, or what the render of that key under way does.

        `receive` is of the request: a client that leaves while its render waits is counted out,
        and what nobody waits for is not drawn. Raises Busy, ClientLeft, and what `work` raises.
        """
        render = self._renders.get(key)
        if render is None or render.loop is not asyncio.get_running_loop():
            render = self._enter(_Render(key, work))
        render.callers += 1
        try:
            if render.limit is not None and receive is not None:
                await _result_or_left(render.result, receive)
            result: Result = await asyncio.shield(render.result)
            return result
        finally:
            render.callers -= 1
            if not render.callers and not render.result.done() and render.limit is not None:
                self._forget(render)

    def _enter(self, render: _Render) -> _Render:
        if self._running >= self.at_once:
            if len(self._queue) >= self.queued:
                raise Busy("Too much is being drawn at this moment.", hint="Ask again.")
            render.limit = render.loop.call_later(self.seconds, self._expire, render)
            self._queue.append(render)
        else:
            self._start(render)
        self._renders[render.key] = render
        return render

    def _start(self, render: _Render) -> None:
        self._running += 1
        if render.limit is not None:
            render.limit.cancel()
            render.limit = None
        if len(self._threads) < self._running:
            self._threads.append(Thread(target=self._draw_on, name="render", daemon=True))
            self._threads[-1].start()
        self._work.put(render)

    def _draw_on(self) -> None:
        """A thread's life."""
        while True:
            self._draw_one(self._work.get())

    def _draw_one(self, render: _Render) -> None:
        value, error = None, None
        try:
            value = render.work()
        except BaseException as raised:  # whoever waits is told, and the thread lives on
            error = raised
        try:
            render.loop.call_soon_threadsafe(self._finish, render, value, error)
        except RuntimeError:  # the loop has ended, and with it everybody who waited
            self._running -= 1

    def _finish(self, render: _Render, value: Any, error: BaseException | None) -> None:
        self._running -= 1
        self._renders.pop(render.key, None)
        if not render.result.done():
            if error is None:
                render.result.set_result(value)
            else:
                render.result.set_exception(error)
                render.result.exception()  # seen, though every caller may have left
        while self._queue and self._running < self.at_once:
            self._start(self._queue.popleft())

    def _expire(self, render: _Render) -> None:
        self._forget(render)
        render.result.set_exception(Busy("What is asked for waited too long.", hint="Ask again."))
        render.result.exception()

    def _forget(self, render: _Render) -> None:
        """Out of the queue."""
        if render.limit is not None:
            render.limit.cancel()
        if render in self._queue:
            self._queue.remove(render)
        self._renders.pop(render.key, None)


async def _result_or_left(result: asyncio.Future[Any], receive: Receive) -> None:
    """Return when there is a result. Raises ClientLeft where the client goes before."""
    left = asyncio.ensure_future(_left(receive))
    try:
        await asyncio.wait({result, left}, return_when=asyncio.FIRST_COMPLETED)
        if not result.done():
            raise ClientLeft
    finally:
        left.cancel()


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
