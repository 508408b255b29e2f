"""A process on its leash: restarted when it dies, and never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config.supervision.child import Child
from config.supervision.waiting import wait_for
from tests.services.engines import Silent

pytestmark = pytest.mark.faults

FAMILY = "setsid sleep 300 & echo $! >grandchild; sleep 300"
"""A shell with two children, of which one has a session of its own."""
SUPERVISOR = """
import sys, time
from pathlib import Path
from config.supervision.child import Child
from config.supervision.console import Console
folder = Path(sys.argv[1])
Child("family", ["sh", "-c", sys.argv[2]], console=Console(folder), run_dir=folder).start()
time.sleep(300)
"""


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Child]]:
    """Runs a shell script as the child `family`, in the temporary folder."""
    monkeypatch.chdir(tmp_path)
    children = []

    def run(script: str) -> Child:
        child = Child("family", ["sh", "-c", script], console=Silent(tmp_path), run_dir=tmp_path)
        children.append(child)
        child.start()
        return child

    yield run
    for child in children:
        child.stop(0)


def pid(path: Path) -> int:
    """The process id in the file, once it is written."""
    wait_for(lambda: path.exists() and path.read_text().endswith("\n"), 10, f"no {path}")
    return int(path.read_text())


def is_gone(number: int) -> bool:
    """Ended; a zombie that nobody has waited for counts as ended."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_the_pid_file_names_the_process_itself(start, tmp_path: Path) -> None:
    start("echo $$ >itself; sleep 300")
    assert pid(tmp_path / "family.pid") == pid(tmp_path / "itself")


def test_a_dead_process_is_started_again(start, tmp_path: Path) -> None:
    start("sleep 300")
    first = pid(tmp_path / "family.pid")
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: is_gone(first), 5, "not killed")
    wait_for(lambda: (tmp_path / "family.pid").exists(), 10, "not started again")
    assert pid(tmp_path / "family.pid") != first
    assert "killed by SIGKILL" in (tmp_path / "family.log").read_text()


def test_descendants_die_with_the_main_process(start, tmp_path: Path) -> None:
    start(FAMILY)
    grandchild = pid(tmp_path / "grandchild")
    os.kill(pid(tmp_path / "family.pid"), signal.SIGKILL)
    wait_for(lambda: is_gone(grandchild), 5, "the grandchild lives on")


def test_a_process_that_ignores_sigterm_is_killed(start, tmp_path: Path) -> None:
    child = start("trap '' TERM; echo $$ >itself; while :; do sleep 1; done")
    itself = pid(tmp_path / "itself")
    child.stop(0.2)
    assert is_gone(itself)
    assert not (tmp_path / "family.pid").exists()


def test_its_lines_are_kept(start, tmp_path: Path) -> None:
    start("echo the first line; echo the second >&2; sleep 300")
    log = tmp_path / "family.log"
    wait_for(lambda: log.exists() and log.read_text().count("\n") == 2, 5, "no lines")
    assert [line.split(maxsplit=1)[1] for line in log.read_text().splitlines()] == [
        "the first line",
        "the second",
    ]


def test_a_killed_supervisor_leaves_nothing_behind(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[3]
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(tmp_path), FAMILY],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(root)},
    )  # fmt: skip
    left = [pid(tmp_path / "family.pid"), pid(tmp_path / "grandchild")]
    supervisor.kill()
    supervisor.wait()
    wait_for(lambda: all(map(is_gone, left)), 5, "a descendant lives on")
