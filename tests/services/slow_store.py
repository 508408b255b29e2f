"""A proxy before an object store that counts what is read, and answers as late as distant ones do.

Bytes pass as they come. A client that waits for each answer begins every GET or HEAD with a chunk
of its own, and these have no body: so a chunk that begins with such a word is one request.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

CHUNK_BYTES = 2**18


@dataclass
class SlowStore:
    """Where it listens, and what was read through it."""

    endpoint: str = ""
    delay_seconds: float = 0.0
    """Before each GET or HEAD is passed on."""
    reads: list[str] = field(default_factory=list)
    """The Range of each GET or HEAD, in their order."""
    bytes_sent: int = 0

    def forget(self) -> None:
        """Count from nothing again."""
        self.reads.clear()
        self.bytes_sent = 0


@contextmanager
def slow_store(endpoint: str, *, delay_seconds: float = 0.0) -> Iterator[SlowStore]:
    """A proxy on a free port before the store at `endpoint`."""
    store, upstream = SlowStore(delay_seconds=delay_seconds), urlsplit(endpoint)
    loop = asyncio.new_event_loop()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.CancelledError):
            theirs = await asyncio.open_connection(upstream.hostname, upstream.port)
            await asyncio.gather(
                _requests(store, reader, theirs[1]), _answers(store, theirs[0], writer)
            )

    server = loop.run_until_complete(asyncio.start_server(handle, "127.0.0.1", 0))
    store.endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield store
    finally:
        asyncio.run_coroutine_threadsafe(_end(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


async def _end() -> None:
    """Close every connection."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def _requests(
    store: SlowStore, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    while data := await reader.read(CHUNK_BYTES):
        if data.startswith((b"GET ", b"HEAD ")):
            store.reads.append(_range_in(data))
            await asyncio.sleep(store.delay_seconds)
        writer.write(data)
        await writer.drain()
    writer.close()


async def _answers(
    store: SlowStore, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    while data := await reader.read(CHUNK_BYTES):
        store.bytes_sent += len(data)
        writer.write(data)
        await writer.drain()
    writer.close()


def _range_in(head: bytes) -> str:
    lines = head.decode("latin-1").split("\r\n")
    return next((line[6:].strip() for line in lines if line.lower().startswith("range:")), "")
