"""The body of an upload's request on its way to the disk: received, written and synced at once."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from repository.api.tus_headers import Checksum
from repository.errors import TooLarge, Unavailable
from repository.resumable_files import Appender, Mark

BLOCK_BYTES = 2**20
BLOCK_SECONDS = 1.0
"""A slow client's bytes are written after so long, however few they are."""
RECORD_BYTES = 64 * 2**20
RECORD_SECONDS = 2.0
"""What one long request has sent is acknowledged in the row so often: a crash loses no more."""
STALL_SECONDS = 30.0
"""A connection that brings nothing for so long is given up, for it holds the upload's lock."""
DRAIN_BYTES = 32 * 2**20
DRAIN_SECONDS = 5.0


class Body:
    """A request's body, block by block."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._ended = False
        self._left = False

    async def block(self) -> bytes:
        """About BLOCK_BYTES; empty at the end.

        What came before a break is returned first. Then ClientDisconnect is raised where the
        client left, and Unavailable `upload_stalled` where it only fell silent.
        """
        if self._left:
            raise ClientDisconnect
        parts: list[bytes] = []
        size, clock = 0, asyncio.get_running_loop().time
        began = clock()
        try:
            async with asyncio.timeout(STALL_SECONDS) as patience:
                while not self._ended and size < BLOCK_BYTES and clock() - began < BLOCK_SECONDS:
                    message = await self._receive()
                    patience.reschedule(clock() + STALL_SECONDS)
                    if message["type"] == "http.disconnect":
                        self._left = True
                        break
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    self._ended = not message.get("more_body", False)
        except TimeoutError:
            if not size:
                raise Unavailable("No byte came for a while.", code="upload_stalled",
                                  hint="What has arrived is kept. Go on.") from None  # fmt: skip
        if self._left and not size:
            raise ClientDisconnect
        return b"".join(parts)


class WatchedReceive:
    """ASGI `receive` that knows whether more of the body may come."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.is_over = False

    async def __call__(self) -> Message:
        message = await self._receive()
        self.is_over = message["type"] != "http.request" or not message.get("more_body", False)
        return message


async def drain(receive: WatchedReceive) -> None:
    """Read on a little: a client that still sends would not hear why it is refused."""
    size = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            while not receive.is_over and size < DRAIN_BYTES:
                size += len((await receive()).get("body", b""))


async def receive_into(
    appender: Appender, body: Body, *, room: int, checksum: Checksum | None,
    record: Callable[[Mark], None],
) -> None:  # fmt: skip
    """Write the whole body, `room` bytes at most; while it comes, `record` what is written.

    With a checksum nothing is recorded before all of it was verified. Raises TooLarge,
    OutOfSpace, WrongChecksum, or what Body.block raises; `appender.offset` then tells how
    many bytes are written.
    """
    writing: asyncio.Task[None] | None = None
    recording: asyncio.Task[None] | None = None
    recorded, recorded_at, taken = appender.offset, time.monotonic(), 0
    try:
        while block := await body.block():
            taken += len(block)
            if taken > room:
                raise TooLarge("More bytes came than the upload was announced with.")
            if writing is not None:
                await writing
            due = (
                appender.offset - recorded >= RECORD_BYTES
                or time.monotonic() - recorded_at >= RECORD_SECONDS
            )
            if due and checksum is None and (recording is None or recording.done()):
                if recording is not None:
                    await recording
                recorded, recorded_at = appender.offset, time.monotonic()
                recording = asyncio.create_task(run_in_threadpool(record, appender.mark()))
            writing = asyncio.create_task(run_in_threadpool(_write, appender, block, checksum))
    finally:
        # No thread may touch the file once the lock is given back.
        tasks = [task for task in (writing, recording) if task is not None]
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in tasks:
        task.result()
    if checksum is not None:
        checksum.verify()


def _write(appender: Appender, block: bytes, checksum: Checksum | None) -> None:
    if checksum is not None:
        checksum.update(block)
    appender.write(block)
