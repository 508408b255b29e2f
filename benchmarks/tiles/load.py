"""Load on one server: some connections that ask for tiles without a pause, and what that took.

The client is bare asyncio, so that it is never what is measured: it passes 3,000 answers a second.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from benchmarks.processes import cpu_seconds, resident_megabytes

Tile = tuple[int, int, int]
HALF_WORLD = 20037508.342789244
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Target:
    """A server under load: an address with {z}, {x}, {y} or {bbox}, and its processes."""

    name: str
    template: str
    pids: tuple[int, ...]
    headers: str = ""

    def url(self, tile: Tile) -> str:
        """The address of a tile; {bbox} is left, bottom, right, top in EPSG:3857."""
        z, x, y = tile
        side = 2 * HALF_WORLD / 2**z
        left, top = x * side - HALF_WORLD, HALF_WORLD - y * side
        bbox = f"{left:.4f},{top - side:.4f},{left + side:.4f},{top:.4f}"
        return self.template.format(z=z, x=x, y=y, bbox=bbox)


@dataclass(frozen=True)
class Run:
    """What one round of load took."""

    cpu_ms: float
    """Of all of the server's processes, a tile."""
    rate: float
    """Tiles a second."""
    p50_ms: float
    kb: float
    bad: int
    """Answers that were not 200, or broke off."""
    rss_mb: float
    """Of the largest of its processes."""


def load(target: Target, tiles: Sequence[Tile], seconds: float, connections: int = 8) -> Run:
    """Ask for the tiles, in an order of each connection's own, for so long."""
    urls = [target.url(tile) for tile in tiles]
    before, start = _cpu(target.pids), time.perf_counter()
    answers = asyncio.run(_ask(urls, target.headers, seconds, connections))
    spent, passed = _cpu(target.pids) - before, time.perf_counter() - start
    good = [answer for answer in answers if answer[1]]
    count = max(1, len(good))
    times = sorted(seconds for seconds, _ in answers) or [0.0]
    return Run(
        cpu_ms=spent * 1000 / count, rate=len(good) / passed,
        p50_ms=times[len(times) // 2] * 1000,
        kb=sum(size for _, size in good) / count / 1000, bad=len(answers) - len(good),
        rss_mb=max(map(resident_megabytes, target.pids), default=0.0),
    )  # fmt: skip


def once(target: Target, tile: Tile) -> tuple[float, int]:
    """Seconds and bytes of one answer; 0 bytes for one that was not 200."""
    return asyncio.run(_ask([target.url(tile)], target.headers, 0, 1))[0]


def _cpu(pids: Iterable[int]) -> float:
    return sum(map(cpu_seconds, pids))


async def _ask(
    urls: Sequence[str], headers: str, seconds: float, connections: int
) -> list[tuple[float, int]]:
    """Seconds and bytes of each answer; each connection asks once at least."""
    answers: list[tuple[float, int]] = []
    stop = time.perf_counter() + seconds

    async def client(number: int) -> None:
        order = random.Random(number).sample(urls, len(urls))
        where = urlsplit(order[0])
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        asked = 0
        while not asked or time.perf_counter() < stop:
            start = time.perf_counter()
            address = order[asked % len(order)].partition(where.netloc)[2]
            writer.write(
                f"GET {address} HTTP/1.1\r\nHost: {where.netloc}\r\n{headers}\r\n".encode()
            )
            asked += 1
            try:
                status, size = await _answer(reader)
            except asyncio.IncompleteReadError:  # nginx ends a connection after 1,000 answers
                writer.close()
                reader, writer = await asyncio.open_connection(where.hostname, where.port)
                continue
            answers.append((time.perf_counter() - start, size if status == 200 else 0))
        writer.close()

    await asyncio.gather(*(client(number) for number in range(connections)))
    return answers


async def _answer(reader: asyncio.StreamReader) -> tuple[int, int]:
    head = await reader.readuntil(b"\r\n\r\n")
    found = LENGTH.search(head)
    if found:
        size = len(await reader.readexactly(int(found[1])))
    else:
        size = 0
        while length := int(await reader.readline(), 16):
            size += len(await reader.readexactly(length + 2)) - 2
        await reader.readline()
    return int(head[9:12]), size
