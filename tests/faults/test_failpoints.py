"""Every external effect has a failpoint, and every failpoint a fault test that reaches it."""

from __future__ import annotations

import ast
import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.db import OperationalError

from repository.failpoints import around
from tests.faults.effects import NOT_OURS, ROOT, _effects_in, effects, exempt, failpoints
from tests.faults.occasions import OCCASIONS


def test_every_external_effect_has_a_failpoint_around_it() -> None:
    bare = [
        f"{effect.where}:{effect.line} {effect.call}"
        for effect in effects()
        if not effect.guard and not exempt(effect.where)
    ]
    assert not bare, "\n".join(bare)


def test_no_exemption_outlives_its_effect() -> None:
    used = {exempt(effect.where) for effect in effects() if not effect.guard}
    assert set(NOT_OURS) - used == set()


def test_every_failpoint_has_an_occasion_that_reaches_it() -> None:
    assert failpoints() == set(OCCASIONS)


@pytest.mark.parametrize(
    "code",
    [
        "os.replace(a, b)",
        "path.unlink()",
        "Job.objects.filter(pk=1).update(state='x')",
        "Product.objects.create()",
        "with transaction.atomic():\n    pass",
        "with transaction.atomic(), around('late'):\n    pass",
        "self.bucket.upload_file(a, b)",
        "self.bucket.Object(key).delete()",
        "super().delete(key)",
        "current_app.send_task('name')",
    ],
)
def test_an_effect_without_a_failpoint_is_seen(code: str) -> None:
    found = list(_effects_in(ast.parse(code), "module", ""))
    assert [effect.guard for effect in found] == [""]


def test_a_failpoint_guards_what_comes_after_it() -> None:
    code = "with told(), around('store.stage'), transaction.atomic():\n    os.replace(a, b)"
    found = list(_effects_in(ast.parse(code), "module", ""))
    assert [effect.guard for effect in found] == ["store.stage", "store.stage"]


def arm(settings: LazySettings, folder: Path, place: str, fault: str) -> None:
    settings.FAILPOINTS = str(folder)
    (folder / place).write_text(fault)


def test_nothing_happens_where_nothing_is_armed(settings: LazySettings, tmp_path: Path) -> None:
    for folder in ("", str(tmp_path)):
        settings.FAILPOINTS = folder
        with around("store.place"):
            pass


def test_before_the_effect_means_that_it_does_not_happen(
    settings: LazySettings, tmp_path: Path
) -> None:
    arm(settings, tmp_path, "x.before", "raise:database")
    with pytest.raises(OperationalError), around("x"):
        pytest.fail("the effect happened")


def test_after_the_effect_its_answer_is_lost(settings: LazySettings, tmp_path: Path) -> None:
    arm(settings, tmp_path, "x.after", "raise:full")
    happened = []
    with pytest.raises(OSError, match="no space") as lost, around("x"):
        happened.append(True)
    assert happened
    assert lost.value.errno == errno.ENOSPC


def test_an_armed_fault_strikes_once(settings: LazySettings, tmp_path: Path) -> None:
    arm(settings, tmp_path, "x.before", "raise:store")
    with pytest.raises(Exception, match="fault test"), around("x"):
        pass
    with around("x"):
        pass


def test_a_slow_effect(settings: LazySettings, tmp_path: Path) -> None:
    arm(settings, tmp_path, "x.after", "sleep:0.3")
    began = time.monotonic()
    with around("x"):
        pass
    assert time.monotonic() - began >= 0.3


@pytest.mark.parametrize(("fault", "number"), [("kill", signal.SIGKILL), ("stop", signal.SIGSTOP)])
def test_a_process_that_is_killed_or_stopped(tmp_path: Path, fault: str, number: int) -> None:
    (tmp_path / "x.before").write_text(fault)
    code = (
        "import django; django.setup()\n"
        "from repository.failpoints import around\n"
        "with around('x'): print('reached', flush=True)"
    )
    environment = os.environ | {"FAILPOINTS": str(tmp_path)}
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=environment)
    try:
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        ended = os.WIFSTOPPED(status) or os.WIFSIGNALED(status)
        assert ended
        assert number == (os.WSTOPSIG(status) if fault == "stop" else os.WTERMSIG(status))
    finally:
        process.kill()
