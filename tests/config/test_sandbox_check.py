"""No worker starts in a sandbox that does not hold, unless the operator has agreed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from config import sandbox_check
from config.sandbox_check import SandboxDoesNotHold, check_sandbox
from repository.errors import StepFailed
from tasks.canary import Verdict
from tests.services.product import ROOT, free_port

IN_FORCE = {"namespace": "in force", "landlock": "in force", "seccomp": "in force"}
NO_LANDLOCK = IN_FORCE | {"landlock": "Function not implemented"}


@pytest.fixture
def finds(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make the canary come back with a verdict."""

    def plant(*reached: str, layers: dict[str, str] = IN_FORCE) -> None:
        monkeypatch.setattr(sandbox_check, "examine", lambda folder: Verdict(reached, layers))

    return plant


def test_a_sandbox_that_holds_is_told_with_its_layers(finds: Any) -> None:
    finds()
    assert "holds" in check_sandbox()
    assert "landlock in force" in check_sandbox()


def test_a_leak_stops_the_start_and_names_the_setting(finds: Any) -> None:
    finds("file", layers=NO_LANDLOCK)
    with pytest.raises(SandboxDoesNotHold) as refused:
        check_sandbox()
    assert "ALLOW_WEAK_SANDBOX=yes" in str(refused.value)
    assert "read a file outside its folder" in str(refused.value)
    assert "landlock Function not implemented" in str(refused.value)


@override_settings(ALLOW_WEAK_SANDBOX=True)
def test_consent_is_logged_at_every_start(finds: Any, caplog: pytest.LogCaptureFixture) -> None:
    finds("file", layers=NO_LANDLOCK)
    check_sandbox()
    check_sandbox()
    assert caplog.text.count("read a file outside its folder") == 2
    assert caplog.text.count("ALLOW_WEAK_SANDBOX=yes") == 2


@override_settings(ALLOW_WEAK_SANDBOX=True)
def test_a_vrt_that_opens_is_beyond_consent(finds: Any) -> None:
    finds("vrt")
    with pytest.raises(SandboxDoesNotHold):
        check_sandbox()


def test_a_missing_layer_is_logged_though_nothing_leaks(
    finds: Any, caplog: pytest.LogCaptureFixture
) -> None:
    finds(layers=IN_FORCE | {"namespace": "Operation not permitted"})
    check_sandbox()
    assert caplog.records[-1].levelname == "WARNING"


def test_a_child_that_cannot_work_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(folder: Path) -> Verdict:
        raise StepFailed("The process that reads the file ended with 1.")

    monkeypatch.setattr(sandbox_check, "examine", broken)
    with pytest.raises(SandboxDoesNotHold, match="ended with 1"):
        check_sandbox()


@pytest.fixture
def data_dir() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="rastrum-weak-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def contained(
    missing: str, data_dir: Path, *command: str, **settings: str
) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"DATA_DIR": str(data_dir), "PORT": str(free_port()), **settings}
    return subprocess.run(
        [sys.executable, "-m", "tests.services.contained", missing, sys.executable, *command],
        cwd=ROOT, env=env, text=True, capture_output=True, timeout=90,
    )  # fmt: skip


@pytest.mark.faults
def test_a_worker_alone_refuses_and_says_why(data_dir: Path) -> None:
    worker = ("-m", "celery", "-A", "config.celery", "worker", "--concurrency=1")
    done = contained("landlock,namespace", data_dir, *worker)
    assert done.returncode == os.EX_CONFIG
    assert "ALLOW_WEAK_SANDBOX=yes" in done.stderr


@pytest.mark.faults
@pytest.mark.services
def test_the_server_refuses_and_leaves_nothing_running(data_dir: Path) -> None:
    done = contained("landlock,namespace", data_dir, "manage.py", "serve")
    assert done.returncode == 1
    assert "ALLOW_WEAK_SANDBOX=yes" in done.stderr
    assert "Rastrum is ready" not in done.stdout
    assert not list((data_dir / "run").glob("worker.pid"))
