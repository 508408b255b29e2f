"""Lines of every start and stop, and those that somebody should see."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.supervision.console import Console
from config.supervision.routine import is_routine

STAMP = "13681:M 23 Nov 2026 22:14:50.684"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("redis", "13681:C 23 Nov 2026 22:14:50.678 # oO0OoO0OoO0Oo Redis is starting oO0OoO0"),
        ("redis", f"{STAMP} # WARNING Memory overcommit must be enabled! Without it, a background"),
        ("redis", "13681:signal-handler (1795472159) Received SIGTERM scheduling shutdown..."),
        ("postgres", "LOG:  starting PostgreSQL 15.20 (Debian 15.20-0+deb12u1) on x86_64"),
        ("postgres", "LOG:  database system is ready to accept connections"),
        ("postgres", "FATAL:  the database system is starting up"),
    ],
)
def test_a_line_of_every_start_is_routine(name: str, text: str) -> None:
    assert is_routine(name, text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("redis", f"{STAMP} # Bad file format reading the append only file"),
        ("redis", f"{STAMP} # Can't save in background: fork: Cannot allocate memory"),
        ("postgres", "LOG:  database system was interrupted; last known up at 2026-11-23"),
        ("postgres", "LOG:  redo starts at 0/19C2DC0"),
        ("postgres", "FATAL:  could not write to file: No space left on device"),
        ("web", "LOG:  starting PostgreSQL"),
    ],
)
def test_a_line_that_tells_something_is_not_routine(name: str, text: str) -> None:
    assert not is_routine(name, text)


def test_a_routine_line_stands_in_the_file_and_not_in_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Console(tmp_path).line("postgres", "LOG:  shutting down")
    assert "LOG:  shutting down" in (tmp_path / "postgres.log").read_text()
    assert capsys.readouterr().out == ""
