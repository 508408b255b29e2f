from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from starlette.requests import ClientDisconnect

from repository import resumable_files
from repository.api import tus_body
from repository.api.tus_body import Body, receive_into
from repository.errors import TooLarge, Unavailable
from repository.models import ResumableUpload
from repository.resumable_files import Appender, LockedFile, file_of

BLOCK = b"x" * 1000


@pytest.fixture
def upload(settings: Any, tmp_path: Path) -> Any:
    settings.WORK_DIR = tmp_path
    upload_id = uuid4()
    resumable_files.make(upload_id)
    return upload_id


def receive_from(*messages: dict[str, Any]) -> Any:
    """Hands the messages out, then falls silent as a dead connection does."""
    left = list(messages)

    async def receive() -> dict[str, Any]:
        if not left:
            await asyncio.Event().wait()
        return left.pop(0)

    return receive


def part(content: bytes, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": content, "more_body": more}


LEFT = {"type": "http.disconnect"}


def run(upload: Any, receive: Any, room: int = 10**9) -> tuple[Appender, list[int]]:
    recorded: list[int] = []

    async def whole() -> Appender:
        with LockedFile(upload) as file:
            appender = Appender(file, ResumableUpload(id=upload, length=10**9))
            await receive_into(appender, Body(receive), room=room, checksum=None,
                               record=lambda mark: recorded.append(mark.offset))  # fmt: skip
            return appender

    return asyncio.run(whole()), recorded


def test_a_whole_body_is_written(upload: Any) -> None:
    appender, _ = run(upload, receive_from(part(BLOCK), part(BLOCK, more=False)))
    assert appender.offset == 2000
    assert file_of(upload).read_bytes() == BLOCK * 2


def test_what_came_before_the_client_left_is_written(upload: Any) -> None:
    with pytest.raises(ClientDisconnect):
        run(upload, receive_from(part(BLOCK), LEFT))
    assert file_of(upload).read_bytes() == BLOCK


def test_a_silent_client_is_given_up_and_what_came_is_written(
    upload: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tus_body, "STALL_SECONDS", 0.05)
    with pytest.raises(Unavailable) as stalled:
        run(upload, receive_from(part(BLOCK)))
    assert stalled.value.code == "upload_stalled"
    assert file_of(upload).read_bytes() == BLOCK


def test_a_body_beyond_its_room_is_refused(upload: Any) -> None:
    with pytest.raises(TooLarge):
        run(upload, receive_from(part(BLOCK), part(BLOCK, more=False)), room=1999)


def test_a_long_body_is_recorded_on_its_way(upload: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tus_body, "BLOCK_BYTES", 1000)
    monkeypatch.setattr(tus_body, "RECORD_BYTES", 3000)
    parts = [part(BLOCK) for _ in range(20)]
    _, recorded = run(upload, receive_from(*parts, part(b"", more=False)))
    assert len(recorded) >= 3
    assert recorded == sorted(recorded)


def test_a_second_lock_waits_and_is_refused(upload: Any) -> None:
    from repository.errors import Locked

    with LockedFile(upload), pytest.raises(Locked):
        LockedFile(upload, seconds=0.1)
    LockedFile(upload, seconds=0).close()


def test_a_lock_on_a_file_that_is_gone_is_none(upload: Any) -> None:
    file_of(upload).unlink()
    assert LockedFile(upload).descriptor is None
