"""How much is drawn at once, who waits, and who is sent away."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from config.supervision.waiting import wait_for
from tiler.render_gate import Busy, ClientLeft, RenderGate


class Work:
    """Work that lasts until `go`, and tells how often and how many at once it was done."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.done: list[str] = []
        self.now = self.most = 0
        self._lock = threading.Lock()

    def named(self, name: str) -> Callable[[], str]:
        def work() -> str:
            with self._lock:
                self.now += 1
                self.most = max(self.most, self.now)
            assert self.go.wait(10)
            with self._lock:
                self.now -= 1
                self.done.append(name)
            return name

        return work


async def never() -> Any:
    """A client that stays."""
    await asyncio.sleep(60)


async def begun(*calls: Coroutine[Any, Any, Any]) -> list[asyncio.Task[Any]]:
    tasks = [asyncio.ensure_future(call) for call in calls]
    await asyncio.sleep(0.05)
    return tasks


def test_fifty_requests_for_one_tile_draw_it_once() -> None:
    async def run() -> list[str]:
        gate, work = RenderGate(2, 5, 5), Work()
        tasks = await begun(*(gate.draw("tile", work.named("tile"), never) for _ in range(50)))
        work.go.set()
        assert set(await asyncio.gather(*tasks)) == {"tile"}
        return work.done

    assert asyncio.run(run()) == ["tile"]


def test_no_more_is_drawn_at_once_than_may_be_and_all_are_answered() -> None:
    async def run() -> tuple[int, list[str]]:
        gate, work = RenderGate(2, 10, 5), Work()
        names = [str(number) for number in range(9)]
        tasks = await begun(*(gate.draw(name, work.named(name), never) for name in names))
        work.go.set()
        assert await asyncio.gather(*tasks) == names
        return work.most, sorted(work.done)

    assert asyncio.run(run()) == (2, [str(number) for number in range(9)])


def test_beyond_the_queue_the_answer_is_busy_at_once() -> None:
    async def run() -> None:
        gate, work = RenderGate(1, 2, 5), Work()
        tasks = await begun(*(gate.draw(n, work.named("x"), never) for n in range(3)))
        with pytest.raises(Busy) as refused:
            await asyncio.wait_for(gate.draw(4, work.named("x"), never), 0.2)
        assert (refused.value.status, refused.value.headers()["Retry-After"]) == (503, "2")
        work.go.set()
        await asyncio.gather(*tasks)

    asyncio.run(run())


def test_nobody_waits_longer_than_the_bound() -> None:
    async def run() -> list[str]:
        gate, work = RenderGate(1, 5, 0.2), Work()
        first, second = await begun(*(gate.draw(n, work.named(n), never) for n in "ab"))
        with pytest.raises(Busy):
            await asyncio.wait_for(second, 2)
        work.go.set()
        await first
        return work.done

    assert asyncio.run(run()) == ["a"]


def test_for_a_client_that_leaves_the_queue_nothing_is_drawn() -> None:
    async def run() -> list[str]:
        gate, work = RenderGate(1, 1, 5), Work()
        left = asyncio.Event()

        async def receive() -> Any:
            await left.wait()
            return {"type": "http.disconnect"}

        first, second = await begun(
            gate.draw("a", work.named("a"), never), gate.draw("b", work.named("b"), receive)
        )
        left.set()
        with pytest.raises(ClientLeft):
            await second
        (third,) = await begun(gate.draw("c", work.named("c"), never))  # its place is free
        work.go.set()
        await asyncio.gather(first, third)
        return work.done

    assert asyncio.run(run()) == ["a", "c"]


def test_one_who_leaves_does_not_take_the_tile_from_the_others() -> None:
    async def run() -> str:
        gate, work = RenderGate(1, 5, 5), Work()

        async def gone() -> Any:
            return {"type": "http.disconnect"}

        first, leaver, stayer = await begun(
            gate.draw("a", work.named("a"), never),
            gate.draw("b", work.named("b"), gone),
            gate.draw("b", work.named("b"), never),
        )
        work.go.set()
        await first
        with pytest.raises(ClientLeft):
            await leaver
        return str(await stayer)

    assert asyncio.run(run()) == "b"


def test_an_error_reaches_all_who_wait_and_the_next_one_is_drawn() -> None:
    async def run() -> None:
        gate = RenderGate(1, 5, 5)

        def fail() -> None:
            raise KeyError("no")

        for _ in range(3):
            found = await asyncio.gather(
                gate.draw("a", fail), gate.draw("a", fail), return_exceptions=True
            )
            assert [type(error) for error in found] == [KeyError, KeyError]
        assert await gate.draw("a", lambda: 1) == 1

    asyncio.run(run())


def test_a_loop_that_ends_in_the_middle_leaves_the_gate_open() -> None:
    gate, work = RenderGate(1, 5, 5), Work()

    async def leave() -> None:
        await begun(gate.draw("a", work.named("a")))

    asyncio.run(leave())
    work.go.set()
    wait_for(lambda: bool(work.done), 5, "The thread has ended")

    async def draw() -> str:
        return await gate.draw("b", lambda: "b")

    assert asyncio.run(asyncio.wait_for(draw(), 5)) == "b"
