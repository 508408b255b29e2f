"""The bait itself works: a read, a call and a leaked byte are seen."""

from __future__ import annotations

import socket
import time
from pathlib import Path

from tests.fuzz.canaries import canaries


def test_a_leaked_piece_is_found_and_other_text_is_not(tmp_path: Path) -> None:
    with canaries(tmp_path) as canary:
        assert canary.is_in(b"pixels " + canary.text[6:40] + b" more")
        assert not canary.is_in(b"canary-canary-canary" * 20)


def test_a_call_is_noted_with_what_it_said(tmp_path: Path) -> None:
    with canaries(tmp_path) as canary:
        with socket.create_connection(("127.0.0.1", canary.port)) as caller:
            caller.sendall(b"GET /x.tif HTTP/1.1\r\n\r\n")
        deadline = time.monotonic() + 5
        while not canary.callers and time.monotonic() < deadline:
            time.sleep(0.01)
        assert canary.callers == ["GET /x.tif HTTP/1.1"]


def test_a_read_is_seen_where_the_file_system_records_it(tmp_path: Path) -> None:
    with canaries(tmp_path) as canary:
        assert not canary.was_read()
        before = canary.path.stat().st_atime
        canary.path.read_bytes()
        assert canary.was_read() == (canary.path.stat().st_atime != before)
