from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from repository.errors import LeaseLost, NeedsInput, OutOfSpace, Rejected, StepFailed
from tasks import disk_watch, pixel_children, sandbox
from tasks.isolation.limits import Limits
from tasks.raster_source import HandedFile
from tasks.sandbox import PixelProcess
from tests.rasters import gradient, write_raster

pytestmark = pytest.mark.faults

ROOT = Path(__file__).resolve().parents[2]
Plant = Callable[[str], None]


@pytest.fixture
def plant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plant:
    """Make the child's steps do something else: a step `fake` of the given lines."""

    def write(body: str) -> None:
        lines = "\n".join(f"    {line}" for line in dedent(body).strip().splitlines())
        code = (
            "import ctypes, os, time\nfrom repository.errors import *\n"
            f"import tasks.pixel_steps as steps\ndef fake(request, say):\n{lines}\n"
            "import tasks.pixel_zygote as zygote\n"
            "steps.STEPS['fake'] = steps.STEPS['inspect'] = fake\nzygote.main()\n"
        )
        script = tmp_path / "child.py"
        script.write_text(code)
        monkeypatch.setattr(pixel_children, "ZYGOTE_ARGUMENTS", (str(script),))

    return write


def run(folder: Path, *, seconds: float = 20) -> dict[str, object]:
    with PixelProcess(folder, seconds=seconds) as pixels:
        return pixels._run({"step": "fake"})


def test_the_child_answers(plant: Plant, tmp_path: Path) -> None:
    plant("return {'answer': 42}")
    assert run(tmp_path) == {"answer": 42}


def test_the_childs_environment_holds_no_secret(
    plant: Plant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = ("DATABASE_URL", "BROKER_URL", "CACHE_URL", "STORAGE_URL", "SECRET_KEY",
               "AWS_SECRET_ACCESS_KEY", "ADMIN_PASSWORD", "DATA_DIR")  # fmt: skip
    for name in secrets:
        monkeypatch.setenv(name, "canary")
    plant("return dict(os.environ)")
    environment = run(tmp_path)
    assert not set(secrets) & set(environment)
    assert "canary" not in environment.values()
    assert environment["CPL_VSIL_CURL_ALLOWED_EXTENSIONS"] == "{none}"


def test_a_child_that_takes_too_long_is_rejected(plant: Plant, tmp_path: Path) -> None:
    plant("time.sleep(60)")
    started = time.monotonic()
    with pytest.raises(Rejected) as rejected:
        run(tmp_path, seconds=0.4)
    assert rejected.value.code == "took_too_long"
    assert time.monotonic() - started < 20


@pytest.mark.parametrize("crash", ["ctypes.string_at(0)", "os.abort()", "os.kill(os.getpid(), 8)"])
def test_a_file_that_crashes_its_reader_is_rejected(
    plant: Plant, tmp_path: Path, crash: str
) -> None:
    plant(crash)
    with pytest.raises(Rejected) as rejected:
        run(tmp_path)
    assert rejected.value.code == "crashed_reader"


@pytest.mark.parametrize("end", ["os._exit(3)", "os.kill(os.getpid(), 9)"])
def test_a_child_that_ends_without_the_files_fault_is_tried_again(
    plant: Plant, tmp_path: Path, end: str
) -> None:
    plant(end)
    with pytest.raises(StepFailed) as failed:
        run(tmp_path)
    assert failed.value.retryable


@pytest.mark.parametrize(
    ("raised", "kind", "code"),
    [
        ("Rejected('no', code='not_a_raster')", Rejected, "not_a_raster"),
        ("NeedsInput('where?', code='crs_missing')", NeedsInput, "crs_missing"),
        ("ValueError('a bug')", StepFailed, "step_failed"),
        ("MemoryError()", Rejected, "out_of_memory"),
    ],
)
def test_the_childs_errors_arrive_as_themselves(
    plant: Plant, tmp_path: Path, raised: str, kind: type[Exception], code: str
) -> None:
    plant(f"raise {raised}")
    with pytest.raises(kind) as error:
        run(tmp_path)
    assert error.value.code == code


def test_too_much_memory_is_the_files_fault(plant: Plant, tmp_path: Path) -> None:
    plant(f"bytearray({Limits().memory_bytes + 1})")
    with pytest.raises(Rejected) as rejected:
        run(tmp_path)
    assert rejected.value.code == "out_of_memory"


def test_what_a_library_prints_is_no_answer(plant: Plant, tmp_path: Path) -> None:
    plant("print('noise', flush=True)\nos.write(1, b'more noise')\nreturn {}")
    assert run(tmp_path) == {}


def test_progress_is_reported(plant: Plant, tmp_path: Path) -> None:
    plant("for share in (0.1, 0.5, 1.0):\n    say({'progress': share})\nreturn {}")
    shares: list[float] = []
    with PixelProcess(tmp_path, seconds=20) as pixels:
        pixels._run({"step": "fake"}, progress=shares.append)
    assert shares == [0.1, 0.5, 1.0]


def test_the_last_findings_are_noted_whatever_the_end(plant: Plant, tmp_path: Path) -> None:
    lines = "for i in range(50): say({'found': {'step': str(i)}})\n"
    noted: list[str] = []
    plant(lines + "os.kill(os.getpid(), 11)")
    with PixelProcess(tmp_path, seconds=20) as pixels, pytest.raises(Rejected, match="crashed"):
        pixels.inspect([], {}, 1, lambda found: noted.append(found.step))
    assert noted[-1] == "49"
    assert len(noted) < 10


def test_a_child_that_we_killed_is_a_lost_lease(plant: Plant, tmp_path: Path) -> None:
    plant("return {}")
    with PixelProcess(tmp_path, seconds=20) as pixels:
        pixels.kill()
        with pytest.raises(LeaseLost):
            pixels._run({"step": "fake"})


def test_the_child_starts_no_program(plant: Plant, tmp_path: Path) -> None:
    plant("""
        import subprocess
        try:
            subprocess.run(["true"])
        except PermissionError:
            return {"started": False}
        return {"started": True}
    """)
    assert run(tmp_path) == {"started": False}


def test_a_step_that_warps_leaves_no_driver_behind_for_the_next(
    plant: Plant, tmp_path: Path
) -> None:
    """GDAL registers VRT, whatever was skipped, when it makes a warped one."""
    write_raster(tmp_path / "land.tif", gradient("uint8"))
    plant("""
        import rasterio
        from rasterio.vrt import WarpedVRT
        with rasterio.Env() as environment:
            before = "VRT" in environment.drivers()
            with rasterio.open("land.tif", driver="GTiff") as land, WarpedVRT(land) as warped:
                warped.read()
            return {"before": before, "after": "VRT" in environment.drivers()}
    """)
    with PixelProcess(tmp_path, seconds=20) as pixels:
        assert pixels._run({"step": "fake"}) == {"before": False, "after": True}
        assert pixels._run({"step": "fake"}) == {"before": False, "after": True}


def test_the_child_has_threads(plant: Plant, tmp_path: Path) -> None:
    plant("""
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor(4) as pool:
            return {"sums": list(pool.map(sum, [[1, 2], [3, 4]]))}
    """)
    assert run(tmp_path) == {"sums": [3, 7]}


def test_a_message_without_end_is_not_read_forever(
    plant: Plant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "MAX_MESSAGE_BYTES", 100_000)
    plant("say({'progress': 'x' * 10_000_000})")
    with pytest.raises(StepFailed):
        run(tmp_path)


def test_a_child_that_fills_the_disk_is_ended(plant: Plant, tmp_path: Path) -> None:
    plant("""
        with open("big", "wb") as file:
            for _ in range(64):
                file.write(bytes(2**20))
        time.sleep(30)
    """)
    with PixelProcess(tmp_path, seconds=20) as pixels:
        pixels._disk.allow(20 * 2**20 - disk_watch.MARGIN_BYTES)
        with pytest.raises(Rejected) as rejected:
            pixels._run({"step": "fake"})
    assert rejected.value.code == "too_much_output"


def test_the_child_leaves_the_disk_the_room_it_is_told_to(plant: Plant, tmp_path: Path) -> None:
    plant("open('big', 'wb').write(bytes(2**20))\nreturn {}")
    free = shutil.disk_usage(tmp_path).free
    with (
        PixelProcess(tmp_path, seconds=20, keep_free_bytes=2 * free) as pixels,
        pytest.raises(OutOfSpace),
    ):
        pixels._run({"step": "fake"})


def test_a_file_larger_than_the_room_left_is_no_fault_of_the_file(
    plant: Plant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_watch.DiskWatch, "room", lambda self: 2**20)
    plant("open('big', 'wb').write(bytes(2**21))\nreturn {}")
    with pytest.raises(OutOfSpace):
        run(tmp_path)


@pytest.mark.parametrize("named", ["/etc/hostname", "outside", "job/link", "job/../outside"])
def test_a_child_that_names_a_foreign_file_is_not_believed(
    plant: Plant, tmp_path: Path, named: str
) -> None:
    """Or the server would store, and hand out, whatever a child that was taken over names."""
    folder = tmp_path / "job"
    folder.mkdir()
    (tmp_path / "outside").write_text("secret")
    (folder / "link").symlink_to(tmp_path / "outside")
    attachment = {"name": "x", "path": str(tmp_path / named), "media_type": "text/plain"}
    plant(f"""
        answer = {{"rasters": [], "attachments": [{attachment}]}}
        steps.STEPS["inspect"] = lambda request, say: answer
        return {{}}
    """)
    with PixelProcess(folder, seconds=20) as pixels:
        pixels._run({"step": "fake"})
        with pytest.raises(Rejected):
            pixels.inspect([], {}, 1, lambda found: None)


def test_the_child_cannot_write_what_was_uploaded(plant: Plant, tmp_path: Path) -> None:
    """The upload's file in the job's folder is the store's object itself, by a hard link."""
    source = tmp_path / "source"
    source.write_bytes(b"II*\0")
    plant("""
        def attempt(request, say):
            for act in (lambda: os.chmod("source", 0o666), lambda: open("source", "r+b")):
                try:
                    act()
                except PermissionError:
                    continue
                raise Rejected("written", code="written")
            return {"rasters": [], "attachments": []}
        steps.STEPS["inspect"] = attempt
        return {}
    """)
    with PixelProcess(tmp_path, seconds=20) as pixels:
        pixels._run({"step": "fake"})
        pixels.inspect([HandedFile(str(source), "x.tif")], {}, 1, lambda found: None)


PARENT = """
import os, signal, sys
from pathlib import Path
from tasks.sandbox import PixelProcess
with PixelProcess(Path(sys.argv[1]), seconds=60) as pixels:
    print(pixels._child.pid, flush=True)
    signal.pause()
"""


def test_the_child_dies_with_its_parent(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, cwd=ROOT, text=True
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert ends_soon(child)


def ends_soon(pid: int) -> bool:
    """Whether the process is gone, or a zombie that waits for its new parent, within 10 s."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    return False
