"""The canary sees what a child can reach, whichever layers a machine has."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from repository.errors import StepFailed
from tasks import pixel_children, sandbox
from tasks.canary import Verdict, examine

pytestmark = pytest.mark.faults

ROOT = Path(__file__).resolve().parents[2]
PUBLISH = """
import sys
from tests.fuzz.mutations import Mutant
from tests.fuzz.running import end_of
from tests.fuzz.seeds import seed_files
for name in ("tiles.tif", "cog.tif", "lerc.tif"):
    ending = end_of(Mutant(name, seed_files()[name], name, "none"))
    print(ending.state, ending.code, ending.detail)
"""
EXAMINE = """
import json, sys
from pathlib import Path
from tasks.canary import examine
verdict = examine(Path(sys.argv[1]))
print(json.dumps({"reached": verdict.reached, "layers": verdict.layers}))
"""
ORDINARY_USER = """
import os, sysconfig
import tasks.pixel_steps as steps
import tasks.pixel_zygote as zygote
sysconfig.get_paths()  # reads a file that lies where an ordinary user may not look
steps_of_root = steps.main
def main(limits, layers):
    if os.getuid() == 0:
        os.chown(".", 65534, 65534)
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    steps_of_root(limits, layers)
steps.main = main
zygote.main()
"""
ALL_DRIVERS = """
import tasks.pixel_steps as steps
import tasks.pixel_zygote as zygote
zygote.keep_drivers = steps.keep_drivers = lambda: None
zygote.main()
"""
ELSEWHERE = """
from pathlib import Path
import tasks.pixel_steps as steps
import tasks.pixel_zygote as zygote
shut_in = steps.isolate
steps.isolate = lambda folder, *rest: shut_in(Path("/usr/lib"), *rest)
zygote.main()
"""


def in_a_container_without(missing: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python, run where the layers named are missing."""
    return subprocess.run(
        [sys.executable, "-m", "tests.services.contained", missing, sys.executable, *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip


def examine_without(missing: str, folder: Path) -> Verdict:
    """The verdict there."""
    answer = json.loads(in_a_container_without(missing, "-c", EXAMINE, str(folder)).stdout)
    return Verdict(tuple(answer["reached"]), answer["layers"])


@pytest.fixture
def job_folder(tmp_path: Path) -> Path:
    return tmp_path / "work"


def test_here_a_child_reaches_nothing(job_folder: Path) -> None:
    verdict = examine(job_folder)
    assert verdict.reached == ()
    assert not verdict.lacks_a_layer
    assert "holds" in verdict.sentence()
    assert not list(job_folder.iterdir())


@pytest.mark.parametrize(
    ("missing", "reached"),
    [
        ("namespace", set()),
        ("landlock", set()),
        ("seccomp", {"socket", "program"}),
        ("namespace,landlock", {"file", "write"}),
        ("landlock,seccomp", {"program", "signal"}),
        ("namespace,landlock,seccomp",
         {"file", "write", "network", "socket", "program", "signal"}),
    ],
)  # fmt: skip
def test_a_container_without_some_layers(missing: str, reached: set[str], job_folder: Path) -> None:
    verdict = examine_without(missing, job_folder)
    assert set(verdict.reached) == reached
    assert verdict.lacks_a_layer
    assert not verdict.is_hopeless
    for layer in missing.split(","):
        assert verdict.layers[layer] != "in force"
    assert ("does not hold" in verdict.sentence()) == bool(reached)


@pytest.mark.parametrize("missing", ["namespace", "landlock", "seccomp", "namespace,landlock"])
def test_honest_files_are_read_whatever_is_missing(missing: str) -> None:
    done = in_a_container_without(missing, "-c", PUBLISH)
    assert done.stdout.split() == ["published"] * 3, done.stdout + done.stderr


def test_the_layers_of_an_ordinary_user_hold_as_well(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = open_folder(tmp_path_factory)
    script = folder / "child.py"
    script.write_text(ORDINARY_USER)
    monkeypatch.setattr(pixel_children, "ZYGOTE_ARGUMENTS", (str(script),))
    verdict = examine(folder / "work")
    assert verdict.reached == ()
    assert set(verdict.layers.values()) == {"in force"}


def open_folder(factory: pytest.TempPathFactory) -> Path:
    """A folder that every user may enter: pytest's own are private."""
    folder = factory.mktemp("open")
    for parent in (factory.getbasetemp().parent, factory.getbasetemp(), folder):
        parent.chmod(0o755)
    return folder


def test_a_vrt_that_opens_is_seen_and_not_forgiven(
    tmp_path: Path, job_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With all drivers, and no layer that hides the file that the VRT names."""
    script = tmp_path / "child.py"
    script.write_text(ALL_DRIVERS)
    monkeypatch.setattr(pixel_children, "ZYGOTE_ARGUMENTS", (str(script),))
    monkeypatch.setattr(sandbox.PixelProcess.__init__, "__kwdefaults__",
                        sandbox.PixelProcess.__init__.__kwdefaults__ | {"layers": ()})  # fmt: skip
    verdict = examine(job_folder)
    assert "vrt" in verdict.reached
    assert verdict.is_hopeless


def test_a_child_that_cannot_use_its_folder_is_no_sandbox_that_holds(
    tmp_path: Path, job_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "child.py"
    script.write_text(ELSEWHERE)
    monkeypatch.setattr(pixel_children, "ZYGOTE_ARGUMENTS", (str(script),))
    with pytest.raises(StepFailed, match="its own folder"):
        examine(job_folder)
